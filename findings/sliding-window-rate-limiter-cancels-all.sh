#!/usr/bin/env bash
# sliding-window-rate-limiter 6.0.1, in memory: who cancels his reservation cancels those of everybody who made one in the same millisecond.
#
# `reserve` gives a token, and `cancel` takes it back "and returns the number of canceled tokens", for a call that did not need its
# place after all. So one expects one place to be free again. But in memory a token is the time, in milliseconds: those who came
# in one millisecond have the same one, and all of them are cancelled together, while they are at work. Under load, which is when a limit
# is of use, each call that is given back lets several in beside those who are there. With Redis, tokens are microseconds, one each.
#
# Seen with Node 20 (a limit of five; five reserve, the first one cancels, and five more ask):
#
#     a millisecond apart: canceled 1, let in afterwards: 1 (5 at work)
#     in one millisecond: canceled 5, let in afterwards: 5 (9 at work)
#
# Succeeds while this is so. What to do instead: the Redis backend; or no `cancel`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund sliding-window-rate-limiter@6.0.1
cat > try.mjs << 'JS'
import { SlidingWindowRateLimiter } from "sliding-window-rate-limiter"

// by a clock of its own, so that it is the same on a busy machine
let now = Date.parse("2027-06-01T12:00:00Z")
globalThis.Date = class extends Date {
  constructor(...args) {
    super(...(args.length ? args : [now]))
  }
  static now() {
    return now
  }
}
const look = async (words, apart) => {
  const limiter = SlidingWindowRateLimiter.createLimiter({ interval: 60_000 })
  const reserve = async () => {
    now += apart
    return (await limiter.reserve("service", 5)).token
  }
  let atWork = 0
  const tokens = []
  for (let i = 0; i < 5; i++) tokens.push(await reserve())
  atWork += 5
  const { canceled } = await limiter.cancel("service", tokens[0])
  atWork--
  let letIn = 0
  for (let i = 0; i < 5; i++) if (await reserve()) letIn++
  console.log(`${words}: canceled ${canceled}, let in afterwards: ${letIn} (${atWork + letIn} at work)`)
  limiter.destroy()
}
await look("a millisecond apart", 1)
await look("in one millisecond", 0)
JS
expected="a millisecond apart: canceled 1, let in afterwards: 1 (5 at work)
in one millisecond: canceled 5, let in afterwards: 5 (9 at work)"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
