#!/usr/bin/env bash
# @upstash/ratelimit 2.2.0: `blockUntilReady` with a sliding window waits for the end of a whole window, though it may go on after a tenth of it.
#
# `blockUntilReady(id, timeout)` "blocks until the request may pass or timeout is reached". With `slidingWindow(10, "10 s")` the
# calls of the last window count less and less, so that there is room for one more each second, which is what a sliding window
# is for. `limit`, asked again and again, knows that. But `blockUntilReady` sleeps until `reset`, and that is the end of the
# current fixed window, whichever limiter it is. So it waits ten seconds for what is there after one; with a timeout of five
# it says no; and those that wait all come back at the same instant, the edge of the window, as with a fixed one.
#
# Seen with redis-server 7.0.15, Node 20 (10 calls at the end of a window, one at the beginning of the next one; then, each with
# an identifier of its own):
#
#     limit, again and again: success within 3 s
#     blockUntilReady, for at most 5 s: no success within 5 s
#     blockUntilReady, for at most 60 s: success in the next window
#
# Succeeds while this is so. The library talks to a plain Redis here, which does not know the flag in the first line of its scripts.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @upstash/ratelimit@2.2.0 @upstash/redis@1.39.0 ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Ratelimit } from "@upstash/ratelimit"
import { Redis } from "ioredis"

const client = new Redis({ port: Number(process.argv[2]) })
const redis = {
  eval: (script, keys, args) => client.eval(script.replace(/^#!.*\n/, ""), keys.length, ...keys, ...args),
  evalsha: () => Promise.reject(new Error("NOSCRIPT"))
}
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const window = 10_000
const limiter = Ratelimit.slidingWindow(10, "10 s")
const ratelimit = new Ratelimit({ redis, limiter, ephemeralCache: false, timeout: 0 })

const again = async (id) => {
  let answer
  while (!(answer = await ratelimit.limit(id)).success) await sleep(100)
  return answer
}
const ways = [
  ["limit, again and again", again, "within 3 s"],
  ["blockUntilReady, for at most 5 s", (id) => ratelimit.blockUntilReady(id, 5000), "within 5 s"],
  ["blockUntilReady, for at most 60 s", (id) => ratelimit.blockUntilReady(id, 60_000), "within 3 s"]
]
// Two seconds before the next window begins.
await sleep((2 * window - 2000 - Date.now() % window) % window)
for (const [name] of ways) for (let i = 0; i < 10; i++) await ratelimit.limit(name)
const begin = Math.ceil(Date.now() / window) * window
await sleep(begin + 50 - Date.now())
for (const [name] of ways) await ratelimit.limit(name)
const lines = await Promise.all(ways.map(async ([name, way, within]) => {
  const { success } = await way(name)
  const took = Date.now() - begin
  const when = took >= window - 100 ? "in the next window" : took < Number(within.slice(7, 8)) * 1000 + 1000 ? within : `after ${took} ms`
  return `${name}: ${success ? "success" : "no success"} ${when}`
}))
console.log(lines.join("\n"))
process.exit()
JS
expected="limit, again and again: success within 3 s
blockUntilReady, for at most 5 s: no success within 5 s
blockUntilReady, for at most 60 s: success in the next window"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
