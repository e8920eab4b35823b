#!/usr/bin/env bash
# effect 4.1.0: `Stream.throttle` to one per 100 ms lets six through at once, after half a second, and with "enforce" none, ever.
#
# `Stream.throttle({ cost: (chunk) => chunk.length, units: 1, duration: "100 millis" })` is a token bucket: one expects an element each 100 ms,
# and with `strategy: "enforce"` one each 100 ms and the others dropped. But the bucket counts chunks, and lets a chunk pass as a
# whole: what came together waits until it has been paid for, and then goes at once, to a service that was to be asked once in
# 100 ms. With "enforce" a chunk that costs more than the bucket holds is dropped, however empty the line: of a stream of such
# chunks nothing passes, now or later. Most sources give chunks: `range`, `fromIterable`, a queue that is behind.
#
# Seen with Node 20 (six numbers, in tenths of a second):
#
#     shape: 1 at 5, 2 at 5, 3 at 5, 4 at 5, 5 at 5, 6 at 5
#     shape, after rechunk(1): 1 at 0, 2 at 1, 3 at 2, 4 at 3, 5 at 4, 6 at 5
#     enforce: nothing
#     enforce, ten times with 200 ms between: nothing
#     enforce, after rechunk(1), ten times: 10 of 60
#
# Succeeds while this is so. What to do instead: `Stream.rechunk(1)` before it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Clock, Effect, Fiber, Schedule, Stream } from "effect"
import { TestClock } from "effect/testing"

// by a clock of its own, so that it is the same on a busy machine
const seen = (stream, strategy) =>
  Effect.gen(function*() {
    const at = []
    const fiber = yield* stream.pipe(
      Stream.throttle({ cost: (chunk) => chunk.length, units: 1, duration: "100 millis", strategy }),
      Stream.runForEach((n) => Effect.map(Clock.currentTimeMillis, (now) => at.push(`${n} at ${now / 100}`))),
      Effect.forkChild({ startImmediately: true })
    )
    for (let i = 0; i < 30; i++) {
      yield* TestClock.adjust("100 millis")
      yield* Effect.yieldNow
    }
    yield* Fiber.join(fiber)
    return at
  }).pipe(Effect.provide(TestClock.layer()), Effect.runPromise)

const six = Stream.range(1, 6)
const tenTimes = Stream.fromEffectSchedule(Effect.void, Schedule.spaced("200 millis")).pipe(
  Stream.take(10),
  Stream.flatMap(() => six)
)
const one = Stream.rechunk(1)
const words = (at) => at.join(", ") || "nothing"
console.log(`shape: ${words(await seen(six, "shape"))}`)
console.log(`shape, after rechunk(1): ${words(await seen(one(six), "shape"))}`)
console.log(`enforce: ${words(await seen(six, "enforce"))}`)
console.log(`enforce, ten times with 200 ms between: ${words(await seen(tenTimes, "enforce"))}`)
console.log(`enforce, after rechunk(1), ten times: ${(await seen(one(tenTimes), "enforce")).length} of 60`)
JS
expected="shape: 1 at 5, 2 at 5, 3 at 5, 4 at 5, 5 at 5, 6 at 5
shape, after rechunk(1): 1 at 0, 2 at 1, 3 at 2, 4 at 3, 5 at 4, 6 at 5
enforce: nothing
enforce, ten times with 200 ms between: nothing
enforce, after rechunk(1), ten times: 10 of 60"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
