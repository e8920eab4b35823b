#!/usr/bin/env bash
# layered-loader 16.1.0 with Redis: a group whose time is over comes back, with what was in it, as soon as one of its entries is loaded.
#
# `groupTtlInMsecs` of a `RedisGroupCache` is "after how many milliseconds entire group will be considered stale and will no longer be
# accessible", and entries have a time of their own, `ttlInMsecs` (10 minutes by default). So one expects an entry to be gone
# when the first of the two is over. But a group is a number in Redis that is part of its entries' keys, and what expires is the
# number. The next load in that group sets it to 0 again, as it was, and all entries that were stored under 0 are found again, though
# they had been out of reach for minutes. What one reads depends on whether anybody has asked for something else in between.
#
# Seen with redis-server 7.0.15, Node 24 (a group of 500 ms, entries of 10 minutes; all prices change from 1 to 2 meanwhile):
#
#     after 700 ms: bob's entry is gone
#     after 700 ms, and after ann was loaded: ann 2, bob 1
#
# Succeeds while this is so. What to do instead: no `groupTtlInMsecs` below `ttlInMsecs`.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund layered-loader@16.1.0 ioredis@6.0.0 node@24.21.0
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Redis } from "ioredis"
import { GroupLoader, RedisGroupCache } from "layered-loader"
import { setTimeout } from "node:timers/promises"

const redis = new Redis(Number(process.argv[2]), "127.0.0.1")
let price = 1
const asyncCache = new RedisGroupCache(redis, { json: true, ttlInMsecs: 600_000, groupTtlInMsecs: 500 })
const loader = new GroupLoader({
  asyncCache,
  dataSources: [{ name: "database", getFromGroup: async () => price, getManyFromGroup: async () => [] }]
})
await loader.get("ann", "europe")
await loader.get("bob", "europe")
price = 2
await setTimeout(700)
const bob = await asyncCache.getFromGroup("bob", "europe")
console.log(`after 700 ms: bob's entry is ${bob === undefined ? "gone" : bob}`)
const [ann, again] = [await loader.get("ann", "europe"), await loader.get("bob", "europe")]
console.log(`after 700 ms, and after ann was loaded: ann ${ann}, bob ${again}`)
process.exit()
JS
expected="after 700 ms: bob's entry is gone
after 700 ms, and after ann was loaded: ann 2, bob 1"
seen=$(npx node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
