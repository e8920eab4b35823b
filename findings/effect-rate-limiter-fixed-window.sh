#!/usr/bin/env bash
# effect 4.1.0: the `RateLimiter`'s "fixed-window" of 5 seconds is over after half a second, when one of 10 was used.
#
# With `algorithm: "fixed-window"`, the default, `limit: 10` and `window: "5 seconds"`, one expects the first request to begin a
# window of five seconds, in which ten are let in, whenever they come. But each request makes the window longer by its share
# (500 ms here), and it ends when those shares have passed. So after one request it is over in half a second, and a fresh ten
# are let in; after five, in 2.5 s. An upstream that counts in windows of five seconds sees fifteen in one of them and refuses
# five, with a limiter that was set to the very same numbers. `resetAfter` of the first request says 500 ms, too.
#
# Seen with Node 20, on the test clock:
#
#     at 0 ms: 5 of 5 let in, reset after 2500 ms
#     at 2500 ms: 10 of 10 let in, reset after 5000 ms
#     another key, at 0 ms: 1 of 1 let in, reset after 500 ms
#     another key, at 500 ms: 10 of 10 let in, reset after 5000 ms
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Duration, Effect, Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"

const program = Effect.gen(function*() {
  const limiter = yield* RateLimiter.RateLimiter
  const ask = Effect.fnUntraced(function*(name, key, times) {
    let admitted = 0
    let last
    for (let i = 0; i < times; i++) {
      const consume = limiter.consume({ key, algorithm: "fixed-window", limit: 10, window: "5 seconds" })
      const result = yield* Effect.catch(consume, () => Effect.undefined)
      if (result) {
        admitted++
        last = result
      }
    }
    console.log(`${name}: ${admitted} of ${times} let in, reset after ${Duration.toMillis(last.resetAfter)} ms`)
  })
  yield* ask("at 0 ms", "key", 5)
  yield* TestClock.adjust("2500 millis")
  yield* ask("at 2500 ms", "key", 10)
  yield* ask("another key, at 0 ms", "another", 1)
  yield* TestClock.adjust("500 millis")
  yield* ask("another key, at 500 ms", "another", 10)
})
const layer = RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory))
await Effect.runPromise(program.pipe(Effect.provide([layer, TestClock.layer()])))
JS
expected="at 0 ms: 5 of 5 let in, reset after 2500 ms
at 2500 ms: 10 of 10 let in, reset after 5000 ms
another key, at 0 ms: 1 of 1 let in, reset after 500 ms
another key, at 500 ms: 10 of 10 let in, reset after 5000 ms"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
