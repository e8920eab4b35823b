#!/usr/bin/env bash
# @tanstack/pacer 0.22.0: the `AsyncRateLimiter` gives one caller the result of another.
#
# Of `maybeExecute` it is said that it "resolves with the function's return value, or undefined if an error occurred and was
# handled by onError". So one expects what one's own call gave. But each result is put into the limiter's state as the last one,
# and what a caller is given is the last one of that moment. Where two calls end in the same turn (both had their answer from a
# cache, or in one packet), both get the later one's. And where a call failed and there is an `onError`, it resolves with what
# the last call that succeeded gave, so that the account of one user is shown for that of the next one, whose request failed.
#
# Seen with Node 20:
#
#     three calls that end one after another: 1, 2, 3
#     three calls that end in one turn: 3, 3, 3
#     a call for 1, and then one for 2 that fails: 1, 1
#
# Succeeds while this is so. What to do instead: keep the result inside of the function that is limited.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @tanstack/pacer@0.22.0
cat > try.mjs << 'JS'
import { AsyncRateLimiter } from "@tanstack/pacer"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const options = { limit: 10, window: 60_000 }

const slow = new AsyncRateLimiter((n) => sleep(200 * n).then(() => n), options)
console.log(`three calls that end one after another: ${(await Promise.all([1, 2, 3].map((n) => slow.maybeExecute(n)))).join(", ")}`)

const ready = new AsyncRateLimiter(async (n) => n, options)
console.log(`three calls that end in one turn: ${(await Promise.all([1, 2, 3].map((n) => ready.maybeExecute(n)))).join(", ")}`)

const failing = new AsyncRateLimiter(async (n) => {
  if (n === 2) throw new Error("no")
  return n
}, { ...options, onError: () => {} })
const first = await failing.maybeExecute(1)
console.log(`a call for 1, and then one for 2 that fails: ${first}, ${await failing.maybeExecute(2)}`)
process.exit()
JS
expected="three calls that end one after another: 1, 2, 3
three calls that end in one turn: 3, 3, 3
a call for 1, and then one for 2 that fails: 1, 1"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
