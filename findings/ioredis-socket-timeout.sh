#!/usr/bin/env bash
# ioredis 6.0.0 (and 5.11.1): `socketTimeout` counts the time in which the program itself was busy.
#
# The option is said to end a connection on which no data arrives while a command is pending. A knowing guess is that
# it watches the server. But its timer rings before the event loop has looked at the socket, so a program that computes
# for longer than that loses a connection whose reply had arrived long before, and the command with it.
#
# Seen with redis-server 7.0.15, Node 20:
#   6.0.0: failed: Connection is closed.; Socket timeout. Expecting data, but didn't receive any in 300ms.
#   5.11.1: the same
#
# What to do instead: look once more after the loop has had a turn for I/O (setTimeout, then setImmediate).
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }
dir=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund ioredis6@npm:ioredis@6.0.0 ioredis5@npm:ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
cat > run.mjs << 'JS'
import { spawnSync } from "node:child_process"
import { createRequire } from "node:module"
const require = createRequire(import.meta.url)
const port = Number(process.argv[2])
let expected = true
for (const name of ["ioredis6", "ioredis5"]) {
  const { Redis } = require(name)
  const client = new Redis(port, "127.0.0.1", { socketTimeout: 300, maxRetriesPerRequest: 0, retryStrategy: () => null })
  const errors = []
  client.on("error", (error) => errors.push(error.message))
  await client.ping()
  const reply = client.ping().then(String, (error) => `failed: ${error.message}`)
  // Whatever has been written goes out, and the server answers at once; then the program is busy.
  await new Promise((resolve) => setImmediate(resolve))
  const until = performance.now() + 600
  while (performance.now() < until);
  const answer = await reply
  console.log(`${require(`${name}/package.json`).version}: ${answer}; ${errors.join()}`)
  expected &&= answer !== "PONG" && errors.some((error) => error.includes("Socket timeout"))
  client.disconnect()
}
if (!expected) {
  console.log("not as described: a busy program kept its connection")
  process.exit(1)
}
JS
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
node run.mjs "$port"
