#!/usr/bin/env bash
# node-redis 6.3.1: `commandOptions: { timeout }` and an abort signal end no command that has been sent.
#
# A command timeout of 200 ms (in ioredis, `commandTimeout`) is taken to mean that one waits 200 ms for an answer at most.
# In node-redis it bounds the time until the command is written to the socket, and is forgotten then; so is the signal of
# `withAbortSignal`. With a connection that stands, that is at once, so a server that stalls is waited for as long as it
# stalls, with the option as without. Whoever must give up in time has to keep the time, and to reckon with the command
# being carried out later.
#
# Seen with redis-server 7.0.15, Node 20; the server is paused for 1,500 ms:
#
#     SET NX with a timeout of 200 ms: OK, after the pause
#     SET NX aborted after 200 ms: OK, after the pause
#
# Succeeds while this is so.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund redis@6.3.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
cat > try.mjs << 'JS'
import { createClient } from "redis"

const url = `redis://127.0.0.1:${process.argv[2]}`
const connect = (options) => createClient({ url, ...options }).on("error", () => {}).connect()
const pauser = await connect()
const paused = async (title, set) => {
  await pauser.sendCommand(["CLIENT", "PAUSE", "1500", "WRITE"])
  const from = performance.now()
  const answer = await set().catch((error) => error.constructor.name)
  console.log(`${title}: ${answer}, ${performance.now() - from > 1000 ? "after" : "during"} the pause`)
}
const options = { condition: "NX", expiration: { type: "PX", value: 10_000 } }

const hurried = await connect({ commandOptions: { timeout: 200 } })
await paused("SET NX with a timeout of 200 ms", () => hurried.set("first", "me", options))
const plain = await connect()
await paused("SET NX aborted after 200 ms", () => plain.withAbortSignal(AbortSignal.timeout(200)).set("second", "me", options))
process.exit()
JS
for _ in {1..50}; do (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.1; done
expected="SET NX with a timeout of 200 ms: OK, after the pause
SET NX aborted after 200 ms: OK, after the pause"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
