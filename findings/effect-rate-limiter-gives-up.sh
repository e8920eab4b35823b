#!/usr/bin/env bash
# effect 4.1.0: who gives up waiting for the `RateLimiter` has used a token, so trying again with a time limit never gets in.
#
# With `onExceeded: "delay"` a call waits until the rate allows it. Waiting for a permit of Effect's `Semaphore` can be
# interrupted, by `Effect.timeout` say, and leaves nothing behind, so one expects the same here. But the token is taken before
# the wait, and an interruption does not give it back. Each attempt that gives up thus moves the time at which the next one may
# run by one more turn: with a rate of one a second and a limit of 900 ms nobody ever runs again, although nothing runs and
# nothing is used. A client that gives up (a closed connection, a lost race) costs the others as much as one that is served.
#
# Seen with Node 20, on the test clock (one a second; both algorithms):
#
#     the first ran at 0 ms
#     20 attempts of 900 ms each, one after the other: 0 ran
#     then somebody waits without a limit, from 18000 ms on: ran at 21000 ms
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Clock, Effect, Fiber, Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"

const program = (algorithm) =>
  Effect.gen(function*() {
    const withLimiter = yield* RateLimiter.makeWithRateLimiter
    const options = { key: "key", algorithm, limit: 1, window: "1 second", onExceeded: "delay" }
    const call = Clock.currentTimeMillis.pipe(withLimiter(options))
    console.log(`the first ran at ${yield* call} ms`)
    let ran = 0
    for (let i = 0; i < 20; i++) {
      const fiber = yield* Effect.forkChild(Effect.timeoutOption(call, 900), { startImmediately: true })
      yield* TestClock.adjust(900)
      if ((yield* Fiber.join(fiber))._tag === "Some") ran++
    }
    console.log(`20 attempts of 900 ms each, one after the other: ${ran} ran`)
    const now = yield* Clock.currentTimeMillis
    const fiber = yield* Effect.forkChild(call, { startImmediately: true })
    yield* TestClock.adjust("1 minute")
    console.log(`then somebody waits without a limit, from ${now} ms on: ran at ${yield* Fiber.join(fiber)} ms`)
  })
const limiter = RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory))
const layer = Layer.merge(limiter, TestClock.layer())
await Effect.runPromise(program(process.argv[2]).pipe(Effect.provide(layer)))
JS
expected="the first ran at 0 ms
20 attempts of 900 ms each, one after the other: 0 ran
then somebody waits without a limit, from 18000 ms on: ran at 21000 ms"
for algorithm in fixed-window token-bucket; do
  echo "$algorithm"
  seen=$(node try.mjs "$algorithm")
  echo "$seen"
  [[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
done
