#!/usr/bin/env bash
# rate-limiter-flexible 11.4.0: a call that a `RateLimiterUnion` refuses for one limit uses up the other one.
#
# A union is of several limits, say two calls a second and ten a day, and lets a call through that is within both. One expects a call
# that was refused to have used none, as it was not made: the day's ten are for what was let through. But each limiter takes
# its points by itself, and nobody gives them back when another one refuses. A client that is too fast for one second,
# and is refused as it should be, has used up the day with it, though two calls were made.
#
# Seen with Node 20 (two a second and ten a day; a client that asks 12 times at once, then once after more than a second):
#
#     let through: 2 of 12
#     a second later: refused, for the day; the points of the day that are used: 13 of 10
#
# Succeeds while this is so. What to do instead: ask the limiters one after the other, the shortest first, and stop at a refusal.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund rate-limiter-flexible@11.4.0
cat > try.mjs << 'JS'
import { RateLimiterMemory, RateLimiterUnion } from "rate-limiter-flexible"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const second = new RateLimiterMemory({ keyPrefix: "second", points: 2, duration: 1 })
const day = new RateLimiterMemory({ keyPrefix: "day", points: 10, duration: 24 * 60 * 60 })
const both = new RateLimiterUnion(second, day)
const ask = () => both.consume("client").then(() => "let through", (refusal) => `refused, for the ${Object.keys(refusal).join(" and the ")}`)
let through = 0
for (let i = 0; i < 12; i++) {
  if (await ask() === "let through") through++
}
console.log(`let through: ${through} of 12`)
await sleep(1500)
const later = await ask()
const { consumedPoints } = await day.get("client")
console.log(`a second later: ${later}; the points of the day that are used: ${consumedPoints} of 10`)
process.exit()
JS
expected="let through: 2 of 12
a second later: refused, for the day; the points of the day that are used: 13 of 10"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
