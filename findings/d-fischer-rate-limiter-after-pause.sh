#!/usr/bin/env bash
# @d-fischer/rate-limiter 1.1.0: after `pause` and `resume`, one request a time frame is made, whatever the size of the bucket.
#
# The limiter lets `bucketSize` requests through in each `timeFrame`, and one expects that of a limiter that was paused as well:
# the bucket is full when it goes on. But `resume` begins one of those that wait, and the next ones are begun by the end of an
# earlier one's time frame. Only one was begun, so one follows it, and so on. The limiter stays at one a time frame for as long
# as anybody waits, and requests that come meanwhile are let through before those that wait.
#
# Seen with Node 20 (5 in 2 s; six are asked for, and a seventh after a second):
#
#     never paused: 5 made after 1 s, 6 after 3 s
#     paused and resumed: 1 made after 1 s, 3 after 3 s: 1, 7, 2
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @d-fischer/rate-limiter@1.1.0
cat > try.mjs << 'JS'
import { TimeBasedRateLimiter } from "@d-fischer/rate-limiter"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const make = () => {
  const made = []
  const limiter = new TimeBasedRateLimiter({
    logger: { minLevel: "critical" },
    bucketSize: 5,
    timeFrame: 2000,
    doRequest: async (n) => made.push(n)
  })
  const six = () => [1, 2, 3, 4, 5, 6].forEach((n) => limiter.request(n))
  return { limiter, made, six }
}

const plain = make()
plain.six()
await sleep(1000)
const before = plain.made.length
await sleep(2000)
console.log(`never paused: ${before} made after 1 s, ${plain.made.length} after 3 s`)

const paused = make()
paused.limiter.pause()
paused.six()
paused.limiter.resume()
await sleep(1000)
const first = paused.made.length
paused.limiter.request(7)
await sleep(2000)
console.log(`paused and resumed: ${first} made after 1 s, ${paused.made.length} after 3 s: ${paused.made.join(", ")}`)
process.exit()
JS
expected="never paused: 5 made after 1 s, 6 after 3 s
paused and resumed: 1 made after 1 s, 3 after 3 s: 1, 7, 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
