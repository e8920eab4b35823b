#!/usr/bin/env bash
# throttled-queue 3.0.0: a queue that was paused for two seconds goes on after 300 ms, if another call asked for a shorter pause.
#
# A call that is told "429, come back in two seconds" throws a `RetryError` with `pauseQueue` and `retryAfter`, and "the queue will be paused by the
# amount of time specified". Calls that were under way at that moment are told 429 as well, each with the seconds that were left for
# it, or without any. One expects the queue to wait until all of them agree, or at least not to call the first one again before
# its time. But each pause takes the place of the one before: the last answer to come in decides, and all are called then,
# those who were told to wait for longer too. An API that counts early calls against the client extends the ban.
#
# Seen with Node 24 (two calls per 100 ms; a is told 2000 ms, and b, which was under way, 300 ms; c and d wait in the queue):
#
#     a alone is told 2000 ms: all else waited for it
#     b is told 300 ms as well: a was called again before a second was over, and so were b, c and d
#
# Succeeds while this is so. What to do instead: keep the latest time that was told, and wait for it in each call.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund throttled-queue@3.0.0
cat > try.mjs << 'JS'
import { RetryError, throttledQueue } from "throttled-queue"

const times = async (waits) => {
  const throttle = throttledQueue({ maxPerInterval: 2, interval: 100 })
  const from = performance.now()
  const called = {}
  const call = (name) =>
    throttle(async () => {
      const calls = called[name] ??= []
      calls.push(performance.now() - from)
      const retryAfter = calls.length === 1 ? waits[name] : undefined
      if (retryAfter !== undefined) throw new RetryError({ pauseQueue: true, retryAfter })
    })
  await Promise.all(["a", "b", "c", "d"].map(call))
  return Object.values(called).map((calls) => calls.at(-1))
}
const [a, , c, d] = await times({ a: 2000 })
console.log(`a alone is told 2000 ms: ${[a, c, d].every((ms) => ms > 1900) ? "all else waited for it" : "not waited for"}`)
const [again, ...others] = await times({ a: 2000, b: 300 })
const early = (ms) => ms < 1000
const told = `${early(again) ? "before a second was over" : "in time"}, ${others.every(early) ? "and so were b, c and d" : "b, c and d were not"}`
console.log(`b is told 300 ms as well: a was called again ${told}`)
JS
expected="a alone is told 2000 ms: all else waited for it
b is told 300 ms as well: a was called again before a second was over, and so were b, c and d"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
