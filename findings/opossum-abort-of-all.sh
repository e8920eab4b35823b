#!/usr/bin/env bash
# opossum 10.0.0: with an `abortController`, one call that takes too long ends all others, those that come later too, and opens the breaker.
#
# The breaker is given an `AbortController` so that a call that takes longer than `timeout` is aborted, instead of being left at work. One expects
# that of the one call. But there is one controller for all, and an aborted signal stays aborted: every other call that is at work ends with it,
# and each call after that fails at once, until the breaker opens. So one slow answer of a service that is well is an outage. With
# `autoRenewAbortController`, "that ensures that the AbortController can be reused", there is a new one when the breaker is half open, and
# not before, so the outage ends after `resetTimeout`; without it, it does not end.
#
# Seen with Node 24 (`timeout: 200`; one call of a second beside one of 150 ms, then ten of 10 ms; looked at again after `resetTimeout`):
#
#     abortController: ETIMEDOUT beside ABORT_ERR; then ok 0, refused 10, the breaker is open; later refused
#     autoRenewAbortController: ETIMEDOUT beside ABORT_ERR; then ok 0, refused 10, the breaker is open; later ok
#     AbortSignal.timeout in the function: TimeoutError beside ok; then ok 10, refused 0, the breaker is closed; later ok
#
# Succeeds while this is so. What to do instead: a signal of its own for each call, within the function.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund opossum@10.0.0 node@24.10.0
cat > try.mjs << 'JS'
import { setTimeout as sleep } from "node:timers/promises"
import CircuitBreaker from "opossum"

const ways = {
  abortController: { timeout: 200, abortController: new AbortController() },
  autoRenewAbortController: { timeout: 200, autoRenewAbortController: true },
  "AbortSignal.timeout in the function": { timeout: false }
}
for (const [name, options] of Object.entries(ways)) {
  const breaker = new CircuitBreaker(async (ms) => {
    const signal = breaker.getSignal() ?? AbortSignal.timeout(200)
    await sleep(ms, undefined, { signal }).catch((error) => {
      throw breaker.getSignal() === undefined ? signal.reason : error
    })
  }, { volumeThreshold: 8, resetTimeout: 400, ...options })
  const call = (ms) => breaker.fire(ms).then(() => "ok", (error) => error.name === "TimeoutError" ? error.name : error.code)
  const slow = call(1000)
  await sleep(100)
  const [first, beside] = await Promise.all([slow, call(150)])
  const answers = []
  for (let i = 0; i < 10; i++) answers.push(await call(10))
  const ok = answers.filter((answer) => answer === "ok").length
  const state = breaker.opened ? "open" : "closed"
  await sleep(600)
  const later = await call(10) === "ok" ? "ok" : "refused"
  console.log(`${name}: ${first} beside ${beside}; then ok ${ok}, refused ${10 - ok}, the breaker is ${state}; later ${later}`)
  breaker.shutdown()
}
JS
expected="abortController: ETIMEDOUT beside ABORT_ERR; then ok 0, refused 10, the breaker is open; later refused
autoRenewAbortController: ETIMEDOUT beside ABORT_ERR; then ok 0, refused 10, the breaker is open; later ok
AbortSignal.timeout in the function: TimeoutError beside ok; then ok 10, refused 0, the breaker is closed; later ok"
seen=$(node_modules/.bin/node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
