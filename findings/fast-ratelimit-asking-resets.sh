#!/usr/bin/env bash
# fast-ratelimit 3.0.1: asking whether there is a token ends the time of those that are taken afterwards.
#
# `hasToken` is for a look without taking one. One expects it to leave everything as it was, and a limit of 2 a second to count
# from the first that is taken. But a look at somebody who has taken none starts the second. What is taken within it is forgotten
# when it is over, however short ago that was. Each look starts another one, so that who looks often before (a page that
# shows whether one may send) has the tokens back each time one of these seconds is over: 2 a second are 4 within 300 ms.
#
# Seen with Node 20 (2 a second; as many as possible are taken, and again 300 ms later):
#
#     without a look: 2, then 0
#     looked at 0.9 s before: 2, then 2
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund fast-ratelimit@3.0.1
cat > try.mjs << 'JS'
import module from "fast-ratelimit"

const { FastRateLimit } = module
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (words, before) => {
  const limiter = new FastRateLimit({ threshold: 2, ttl: 1 })
  const take = () => {
    let taken = 0
    while (limiter.consumeSync("user")) taken++
    return taken
  }
  if (before) limiter.hasTokenSync("user")
  await sleep(900)
  const first = take()
  await sleep(300)
  console.log(`${words}: ${first}, then ${take()}`)
}
await look("without a look", false)
await look("looked at 0.9 s before", true)
JS
expected="without a look: 2, then 0
looked at 0.9 s before: 2, then 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
