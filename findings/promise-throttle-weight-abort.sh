#!/usr/bin/env bash
# promise-throttle 1.1.2: the pause for a heavy call comes before it, not after it, and those that were aborted take their turn.
#
# A call with `weight: 20` "will be throttled as" 20 regular ones. One expects the next call to wait until 20 calls' time has
# gone by, for that is what the other side has had to do. But the weight of a call is the wait before it, and says nothing of
# what comes after: the first heavy call runs at once and the next regular one after a twentieth of the time. Nor does an
# aborted call leave the queue. It is rejected when its turn comes, and its turn takes as long as if it had run, so that whoever
# comes later waits for a crowd that has gone.
#
# Seen with Node 20 (1 call a second):
#
#     a call after one of weight 20: waited less than 10 s: true
#     a call after ten that were aborted: waited more than 9 s: true
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund promise-throttle@1.1.2
cat > try.mjs << 'JS'
import PromiseThrottle from "promise-throttle"

const now = async () => performance.now()
const heavy = new PromiseThrottle({ requestsPerSecond: 1 })
const [first, second] = await Promise.all([heavy.add(now, { weight: 20 }), heavy.add(now)])
console.log(`a call after one of weight 20: waited less than 10 s: ${second - first < 10_000}`)

const aborted = new PromiseThrottle({ requestsPerSecond: 1 })
const begun = await aborted.add(now)
const controller = new AbortController()
for (let i = 0; i < 10; i++) aborted.add(now, { signal: controller.signal }).catch(() => {})
controller.abort()
const late = await aborted.add(now)
console.log(`a call after ten that were aborted: waited more than 9 s: ${late - begun > 9000}`)
JS
expected="a call after one of weight 20: waited less than 10 s: true
a call after ten that were aborted: waited more than 9 s: true"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
