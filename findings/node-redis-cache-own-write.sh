#!/usr/bin/env bash
# node-redis 6.3.1 with `clientSideCache`: a GET that is sent after a SET of the same client may answer with what was before.
#
# Commands of one connection are answered in the order in which they were sent, and the server tells the cache of every
# change, so one expects to read at least what one wrote oneself before. But while a GET is under way, a second GET of the key
# is not sent: it is given the answer of the first. If a SET went out between the two, that answer is older than the SET, and
# the second GET contradicts the order in which the program asked. Without the cache, the same three calls give the new value.
#
# Seen with redis-server 7.0.15, Node 20 (GET, SET and GET in one go, 500 times; the second GETs that gave the old value):
#
#     without the cache: 0 of 500
#     with the cache: 500 of 500
#
# Succeeds while this is so. What to do instead: await the SET, or read with a client that has no cache.
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
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { createClient } from "redis"

const old = async (options) => {
  const client = createClient({ socket: { port: Number(process.argv[2]) }, RESP: 3, ...options })
  client.on("error", () => {})
  await client.connect()
  let count = 0
  for (let i = 0; i < 500; i++) {
    await client.set("key", "old")
    const [, , seen] = await Promise.all([client.get("key"), client.set("key", "new"), client.get("key")])
    if (seen === "old") count++
  }
  await client.close()
  return `${count} of 500`
}
console.log("without the cache:", await old({}))
console.log("with the cache:", await old({ clientSideCache: { ttl: 0, maxEntries: 100, evictPolicy: "LRU" } }))
JS
expected="without the cache: 0 of 500
with the cache: 500 of 500"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
