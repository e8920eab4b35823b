#!/usr/bin/env bash
# node-redis 6.3.1 with `clientSideCache`, redis-server 7.0.15: a key that expired is still read, among many keys for very long.
#
# The server tells the cache when a key changes or goes, and a cache is said to be as fresh as that. With a key that has a time
# to live one expects it to be gone from the cache when the time is over, give or take a tenth of a second, as the server
# looks for expired keys ten times a second. That is so in a small database. But the server tells of a key when it *removes*
# it, and looks at a few dozen keys each time, so among 200,000 keys with a time to live that are not due the one that is stays
# unfound. Asked, the server would say that it is gone; the client that has it in the cache does not ask. So whoever watches
# a lock of 300 ms through such a client takes it for held many seconds later.
#
# Seen with Node 20 (a key of 300 ms, read every 50 ms by the client with the cache alone, for 5 s):
#
#     beside no other keys: gone within 5 s
#     beside 200000 other keys: still read after 5 s, then the server says: 0 exist
#
# Succeeds while this is so. What to do instead: give the cache a `ttl` no longer than what one can bear.
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

const connected = async (options) => {
  const client = createClient({ socket: { port: Number(process.argv[2]) }, RESP: 3, ...options })
  client.on("error", () => {})
  return client.connect()
}
const writer = await connected({})
for (const others of [0, 200000]) {
  for (let from = 0; from < others; from += 10000) {
    await Promise.all(Array.from({ length: 10000 }, (_, i) => writer.set(`other:${from + i}`, "", { EX: 100000 })))
  }
  const reader = await connected({ clientSideCache: { ttl: 0, maxEntries: 100, evictPolicy: "LRU" } })
  await writer.set("lock", "holder", { PX: 300 })
  const since = performance.now()
  let seen
  do {
    seen = await reader.get("lock")
    await new Promise((resolve) => setTimeout(resolve, 50))
  } while (seen !== null && performance.now() - since < 5000)
  console.log(
    `beside ${others || "no"} other keys:`,
    seen === null ? "gone within 5 s" : `still read after 5 s, then the server says: ${await writer.exists("lock")} exist`
  )
  await reader.close()
}
await writer.close()
JS
expected="beside no other keys: gone within 5 s
beside 200000 other keys: still read after 5 s, then the server says: 0 exist"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
