#!/usr/bin/env bash
# p-throttle 8.1.1 and p-queue 9.3.5: a quota of 30 days is none.
#
# "2 calls in a month" is written with the same options as "2 calls in a second", and one expects it to hold, or to be refused.
# But the length goes as it is into a timer, and a timer of more than 2,147,483,647 ms (24.8 days) is due after one. So in
# p-throttle what should wait for the next month runs at once, with `strict` too, and in p-queue the month is over each
# millisecond. All that is seen of it is a warning of Node on stderr. limiter 4.1.0 and p-queue's own `strict` keep the quota.
#
# Seen with Node 20 (ten calls, of which two may run):
#
#     p-throttle: 10 ran
#     p-throttle, strict: 10 ran
#     p-queue: 10 ran
#     p-queue, strict: 2 ran
#     limiter: 2 ran
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund p-throttle@8.1.1 p-queue@9.3.5 limiter@4.1.0
cat > try.mjs << 'JS'
import { RateLimiter } from "limiter"
import PQueue from "p-queue"
import pThrottle from "p-throttle"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const interval = 30 * 24 * 60 * 60 * 1000
const ran = async (name, ask) => {
  let count = 0
  for (let i = 0; i < 10; i++) {
    ask(() => count++)
    await sleep(50)
  }
  await sleep(1000)
  console.log(`${name}: ${count} ran`)
}

for (const strict of [false, true]) {
  const throttled = pThrottle({ limit: 2, interval, strict })((work) => work())
  await ran(strict ? "p-throttle, strict" : "p-throttle", throttled)
}
for (const strict of [false, true]) {
  const queue = new PQueue({ intervalCap: 2, interval, strict })
  await ran(strict ? "p-queue, strict" : "p-queue", (work) => queue.add(work))
}
const limiter = new RateLimiter({ tokensPerInterval: 2, interval })
await ran("limiter", (work) => limiter.removeTokens(1).then(work))
process.exit()
JS
expected="p-throttle: 10 ran
p-throttle, strict: 10 ran
p-queue: 10 ran
p-queue, strict: 2 ran
limiter: 2 ran"
seen=$(node --no-warnings try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
