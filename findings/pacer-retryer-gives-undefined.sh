#!/usr/bin/env bash
# @tanstack/pacer 0.22.0: an attempt of an `AsyncRetryer` that takes too long is not tried again, and the call gives `undefined`.
#
# `maxExecutionTime` is the limit of one attempt, next to `maxTotalExecutionTime` for all of them, and of a retryer with three
# attempts one expects that an attempt that hangs is given up and made again: that is what the limit is for, and what becomes of one
# that fails. It is given up by aborting the whole. The pause before the next attempt is waited for all the same, and then the
# call returns without a value and without an error, as if the function had returned nothing. `throwOnError` changes nothing, as no
# attempt was the last. With `maxAttempts: 1` there is an error, and it says "Aborted".
#
# Seen with Node 20 (the clock is mocked; the first attempt fails at once or hangs, the second succeeds; the limit is 100 ms):
#
#     the first fails: gives "found" after 50 ms, attempts: 2, errors: down
#     the first hangs: gives undefined after 150 ms, attempts: 1, errors: Aborted
#     the first hangs, throwOnError: gives undefined after 150 ms, attempts: 1, errors: Aborted
#     the first hangs, and is the only one: throws Aborted after 100 ms, attempts: 1, errors: Aborted
#
# Succeeds while this is so. What to do instead: the limit within the function (`AbortSignal.timeout`), so that it fails by itself.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @tanstack/pacer@0.22.0 @sinonjs/fake-timers@15.5.0
cat > try.mjs << 'JS'
import FakeTimers from "@sinonjs/fake-timers"
import { AsyncRetryer } from "@tanstack/pacer"

const tries = async (name, first, options) => {
  const clock = FakeTimers.install({ now: 0 })
  let attempts = 0
  const errors = []
  const retryer = new AsyncRetryer(async () => {
    attempts++
    return attempts === 1 ? first() : "found"
  }, {
    maxAttempts: 3,
    maxExecutionTime: 100,
    backoff: "fixed",
    baseWait: 50,
    throwOnError: "last",
    onError: (error) => errors.push(error.message),
    ...options
  })
  const end = retryer.execute().then(
    (value) => `gives ${JSON.stringify(value)} after ${Date.now()} ms`,
    (error) => `throws ${error.message} after ${Date.now()} ms`
  )
  await clock.tickAsync(10_000)
  clock.uninstall()
  console.log(`${name}: ${await end}, attempts: ${attempts}, errors: ${errors.join(" ")}`)
}
const fails = () => Promise.reject(new Error("down"))
const hangs = () => new Promise(() => {})
await tries("the first fails", fails)
await tries("the first hangs", hangs)
await tries("the first hangs, throwOnError", hangs, { throwOnError: true })
await tries("the first hangs, and is the only one", hangs, { maxAttempts: 1 })
JS
expected="the first fails: gives \"found\" after 50 ms, attempts: 2, errors: down
the first hangs: gives undefined after 150 ms, attempts: 1, errors: Aborted
the first hangs, throwOnError: gives undefined after 150 ms, attempts: 1, errors: Aborted
the first hangs, and is the only one: throws Aborted after 100 ms, attempts: 1, errors: Aborted"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
