#!/usr/bin/env bash
# p-ratelimit 1.0.1: whoever waited longer than `maxDelay` takes a permit all the same and never gives it back.
#
# With `concurrency` so many calls run at once, and with `maxDelay` a call that had to wait too long is rejected. One expects a
# call that was rejected to be gone. But it stays in the queue, and when its turn comes it is counted as running, sees that it
# is too late, and ends without being counted out. So each wait that is given up takes one permit away for good, and with as
# many of them as there are permits nothing runs any more: calls are rejected after `maxDelay`, one by one, with nobody at work.
# That is what happens after a short time in which the other side was slow.
#
# Seen with Node 20 (two at once, 300 ms at most; the four are called together, the fifth when all is quiet):
#
#     two calls of 900 ms, two calls behind them: done, done, too late, too late
#     one call when nothing runs: too late, 0 begun
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund p-ratelimit@1.0.1
cat > try.mjs << 'JS'
import { pRateLimit } from "p-ratelimit"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const limit = pRateLimit({ concurrency: 2, maxDelay: 300 })
let begun = 0
const call = (ms) => limit(async () => (begun++, await sleep(ms))).then(() => "done", () => "too late")

const first = await Promise.all([call(900), call(900), call(1), call(1)])
console.log(`two calls of 900 ms, two calls behind them: ${first.join(", ")}`)
await sleep(500)
begun = 0
const later = await call(1)
console.log(`one call when nothing runs: ${later}, ${begun} begun`)
process.exit()
JS
expected="two calls of 900 ms, two calls behind them: done, done, too late, too late
one call when nothing runs: too late, 0 begun"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
