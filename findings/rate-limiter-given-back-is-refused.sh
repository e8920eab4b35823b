#!/usr/bin/env bash
# rate-limiter-flexible 11.4.0: with `inMemoryBlockOnConsumed`, points that are given back (`reward`, `set`) are there, and refused.
#
# The option saves requests to the store: a key that has used up its points is refused from the memory of the process until its time
# is over. `reward(key, points)` gives points back, for a call that turned out to be free, and `set(key, 0)` begins anew; `get`
# says afterwards what is left. One expects that to be so for `consume` as well, in the process that gave them back at least, as
# `delete` does end the block. But the block in memory is not looked at: `consume` is refused to the end of the window, with
# points that are left. And it begins with the last call that is allowed, not with the first one that is refused, so that
# giving back the one point of that call is enough to see it.
#
# Seen with redis-server 7.0.15, ioredis 5.11.1, Node 20 (3 points an hour, all of them used):
#
#     without the option: reward leaves 1, consume: allowed
#     with it: reward leaves 1, consume: refused
#     with it: set leaves 3, consume: refused
#     with it: delete, consume: allowed
#
# Succeeds while this is so. What to do instead: `deleteInMemoryBlockedAll()` after it (in each process), or no such option.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund rate-limiter-flexible@11.4.0 ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Redis } from "ioredis"
import limiters from "rate-limiter-flexible"

const storeClient = new Redis(Number(process.argv[2]))
const look = async (words, options, name, giveBack) => {
  const limiter = new limiters.RateLimiterRedis({ storeClient, keyPrefix: words + name, points: 3, duration: 3600, ...options })
  for (let i = 0; i < 3; i++) await limiter.consume("key")
  await giveBack(limiter)
  const left = await limiter.get("key")
  const answer = await limiter.consume("key").then(() => "allowed", () => "refused")
  console.log(`${words}: ${name}${left === null ? "" : ` leaves ${left.remainingPoints}`}, consume: ${answer}`)
}
const option = { inMemoryBlockOnConsumed: 3 }
await look("without the option", {}, "reward", (limiter) => limiter.reward("key", 1))
await look("with it", option, "reward", (limiter) => limiter.reward("key", 1))
await look("with it", option, "set", (limiter) => limiter.set("key", 0, 3600))
await look("with it", option, "delete", (limiter) => limiter.delete("key"))
storeClient.disconnect()
JS
expected="without the option: reward leaves 1, consume: allowed
with it: reward leaves 1, consume: refused
with it: set leaves 3, consume: refused
with it: delete, consume: allowed"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
