#!/usr/bin/env bash
# @fastify/rate-limit 11.2.0: with `exponentialBackoff` and no Redis, who is told to come back in 16 seconds may come back after two.
#
# `exponentialBackoff` doubles the time for each request that comes while the client is over the limit, and says so by `retry-after`. One
# expects that to be kept, as it is with Redis. But the store in memory, which is the default, only says it: an entry is over when
# one `timeWindow` has passed since the last request, however long the time that was told. So the client that believes the
# header waits for hours, and the one that does not, whom the option is for, has a new quota after each window in which it
# was quiet, and the doubling begins anew.
#
# Seen with fastify 5.12.8, ioredis 5.11.1, redis-server 7.0.15, Node 20 (2 requests in 2 s; six come at once, then one after 2.5 s):
#
#     in memory: 200, 200, 429 (2 s), 429 (4 s), 429 (8 s), 429 (16 s); after 2.5 s: 200
#     with Redis: 200, 200, 429 (2 s), 429 (4 s), 429 (8 s), 429 (16 s); after 2.5 s: 429 (32 s)
#
# Succeeds while this is so. What to do instead: Redis, or a store of one's own.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @fastify/rate-limit@11.2.0 fastify@5.12.8 ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import rateLimit from "@fastify/rate-limit"
import Fastify from "fastify"
import { Redis } from "ioredis"

const redis = new Redis(Number(process.argv[2]))
const look = async (words, options) => {
  const app = Fastify()
  await app.register(rateLimit, { max: 2, timeWindow: 2000, exponentialBackoff: true, ...options })
  app.get("/", async () => "")
  const ask = async () => {
    const { headers, statusCode } = await app.inject("/")
    return statusCode === 429 ? `429 (${headers["retry-after"]} s)` : statusCode
  }
  const seen = []
  for (let i = 0; i < 6; i++) seen.push(await ask())
  await new Promise((resolve) => setTimeout(resolve, 2500))
  console.log(`${words}: ${seen.join(", ")}; after 2.5 s: ${await ask()}`)
}
await look("in memory", {})
await look("with Redis", { redis })
redis.disconnect()
JS
expected="in memory: 200, 200, 429 (2 s), 429 (4 s), 429 (8 s), 429 (16 s); after 2.5 s: 200
with Redis: 200, 200, 429 (2 s), 429 (4 s), 429 (8 s), 429 (16 s); after 2.5 s: 429 (32 s)"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
