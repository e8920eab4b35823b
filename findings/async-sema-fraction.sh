#!/usr/bin/env bash
# async-sema 3.1.1: `RateLimit(0.5)` lets one in each second, not one in two, and `RateLimit(1.5)` two.
#
# The number is "requests per second", and one a half is how one writes one in two seconds. With `uniformDistribution` it is
# that. Without, the number is that of tokens, of which half a one cannot be made: so many are made as it takes to reach it,
# and each comes back after a second. So a limit below one is one, twice as fast or ten times as fast as was asked for, and
# nothing says so; whoever is limited by the other side hears of it from there.
#
# Seen with Node 20, on a clock that is moved by hand (20 ask at once; let in within 3.5 s, and how many should be):
#
#     RateLimit(0.5): 4, of 2
#     RateLimit(1.5): 8, of 6
#     RateLimit(0.5) with uniformDistribution: 2, of 2
#     RateLimit(1) with timeUnit 2000: 2, of 2
#
# Succeeds while this is so. What to do instead: whole numbers, in a longer `timeUnit`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund async-sema@3.1.1 @sinonjs/fake-timers@15.4.0
cat > try.cjs << 'JS'
const { RateLimit } = require("async-sema")
const { install } = require("@sinonjs/fake-timers")

const letIn = async (limit) => {
  let count = 0
  for (let i = 0; i < 20; i++) limit().then(() => count++)
  await clock.tickAsync(3500)
  return count
}
const clock = install()
const main = async () => {
  console.log(`RateLimit(0.5): ${await letIn(RateLimit(0.5))}, of 2`)
  console.log(`RateLimit(1.5): ${await letIn(RateLimit(1.5))}, of 6`)
  console.log(`RateLimit(0.5) with uniformDistribution: ${await letIn(RateLimit(0.5, { uniformDistribution: true }))}, of 2`)
  console.log(`RateLimit(1) with timeUnit 2000: ${await letIn(RateLimit(1, { timeUnit: 2000 }))}, of 2`)
}
main()
JS
expected="RateLimit(0.5): 4, of 2
RateLimit(1.5): 8, of 6
RateLimit(0.5) with uniformDistribution: 2, of 2
RateLimit(1) with timeUnit 2000: 2, of 2"
seen=$(node try.cjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
