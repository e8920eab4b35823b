#!/usr/bin/env bash
# concurrent-promise-queue 1.1.0: "at most 2 a second" is of those that have ended; as many begin at once as may run.
#
# "It can run promises according to a time based rate-limit, for example running at most 1 promise every second". A rate limit is
# what the other side is asked, so one expects it to count what is begun. It counts what has ended within the last second. As long
# as none has, there is no limit: all that may run at once are begun together, each time the queue has been idle, and the slower
# the other side is, the later the limit comes into force, if at all.
#
# Seen with Node 20 (10 calls of 300 ms, at most 2 a second and 10 at once; begun within the first 100 ms):
#
#     concurrent-promise-queue: 10
#     p-throttle 8.1.1: 2
#
# Succeeds while this is so. What to do instead: `maxNumberOfConcurrentPromises` no greater than the rate.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund concurrent-promise-queue@1.1.0 p-throttle@8.1.1
cat > try.mjs << 'JS'
import { ConcurrentPromiseQueue } from "concurrent-promise-queue"
import pThrottle from "p-throttle"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (name, call) => {
  let begun = 0
  for (let i = 0; i < 10; i++) {
    call(async () => {
      begun++
      await sleep(300)
    })
  }
  await sleep(100)
  console.log(`${name}: ${begun}`)
}
const queue = new ConcurrentPromiseQueue({
  maxNumberOfConcurrentPromises: 10,
  maxThroughputPerUnitTime: 2,
  unitOfTimeMillis: 1000
})
await look("concurrent-promise-queue", (work) => queue.addPromise(work))
await look("p-throttle 8.1.1", pThrottle({ limit: 2, interval: 1000 })((work) => work()))
process.exit()
JS
expected="concurrent-promise-queue: 10
p-throttle 8.1.1: 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
