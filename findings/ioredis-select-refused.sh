#!/usr/bin/env bash
# ioredis 6.0.0 (and 5.11.1): a client whose database is refused becomes ready, and works in database 0.
#
# A client made for database 3 is expected to be in database 3, or to fail: a wrong password ends the connection. But a
# SELECT that the server refuses (the number is too high, the user may not, a cluster) is one "error" event; then comes
# "ready", and all commands succeed, in database 0. So with one client whose SELECT was refused, two share no data.
#
# Seen with redis-server 7.0.15, Node 20:
#   6.0.0: error ERR DB index is out of range; ready; SET answers OK; databases with keys: db0
#   5.11.1: the same
#
# What to do instead: SELECT once more on "ready", and use the client only after that has succeeded.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }
dir=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund ioredis6@npm:ioredis@6.0.0 ioredis5@npm:ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no --databases 2 > /dev/null &
server=$!
cat > run.mjs << 'JS'
import { createRequire } from "node:module"
const require = createRequire(import.meta.url)
const port = Number(process.argv[2])
let expected = true
for (const name of ["ioredis6", "ioredis5"]) {
  const { Redis } = require(name)
  const client = new Redis({ port, host: "127.0.0.1", db: 3 })
  const events = []
  client.on("error", ({ message }) => events.push(`error ${message}`))
  client.on("ready", () => events.push("ready"))
  const answer = await client.set("key", "value").catch((error) => `failed: ${error.message}`)
  const inspector = new Redis(port, "127.0.0.1")
  const databases = (await inspector.info("keyspace")).match(/db\d+/g)
  await inspector.flushall()
  console.log(
    `${require(`${name}/package.json`).version}: ${events.join("; ")}; SET answers ${answer}; databases with keys: ${databases}`
  )
  expected &&= answer === "OK" && String(databases) === "db0" && events.includes("ready")
  client.disconnect()
  inspector.disconnect()
}
if (!expected) {
  console.log("not as described: the client failed, or was in its database")
  process.exit(1)
}
JS
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
node run.mjs "$port"
