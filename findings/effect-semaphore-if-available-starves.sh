#!/usr/bin/env bash
# effect 4.1.0: with a `Semaphore`, who only tries (`withPermitsIfAvailable`) gets in before those who wait, for as long as it goes on.
#
# `withPermitsIfAvailable` runs the effect "only if the specified number of permits are immediately available". While somebody
# waits one expects a permit that comes back to be that one's: `withPermits` stands in line behind those who wait, and
# `PartitionedSemaphore`, made of the same words, gives it to them. But a release only *wakes* the one who waits, a turn later,
# and who tries looks at the number alone. A fiber that works through its jobs with one try after the other, as in "do the next
# one unless somebody is at it", takes the permit again each time before the one who waits has woken: that one never gets in.
#
# Seen with Node 20 (one permit; one fiber works 100 times for 2 ms, another one waits from the first time on):
#
#     Semaphore, withPermits: let in after 1 of 100
#     Semaphore, withPermitsIfAvailable: let in after 100 of 100
#     Semaphore, withPermitsIfAvailable, and yieldNow after each: let in after 1 of 100
#     PartitionedSemaphore, withPermitsIfAvailable: let in after 1 of 100
#
# Succeeds while this is so. What to do instead: `Effect.yieldNow` before each try, or `withPermits`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Fiber, PartitionedSemaphore, Semaphore } from "effect"

const seen = (name, waits, tries, pause = Effect.void) =>
  Effect.gen(function*() {
    let turns = 0
    const work = Effect.andThen(Effect.sync(() => turns++), Effect.sleep("2 millis"))
    const busy = Effect.whileLoop({
      while: () => turns < 100,
      body: () => Effect.andThen(tries(work), pause),
      step: () => {}
    })
    const worker = yield* Effect.forkChild(busy, { startImmediately: true })
    const after = yield* waits(Effect.sync(() => turns))
    yield* Fiber.join(worker)
    console.log(`${name}: let in after ${after} of ${turns}`)
  })

await Effect.runPromise(Effect.gen(function*() {
  const semaphore = yield* Semaphore.make(1)
  const alone = semaphore.withPermits(1)
  const ifFree = semaphore.withPermitsIfAvailable(1)
  yield* seen("Semaphore, withPermits", alone, alone)
  yield* seen("Semaphore, withPermitsIfAvailable", alone, ifFree)
  yield* seen("Semaphore, withPermitsIfAvailable, and yieldNow after each", alone, ifFree, Effect.yieldNow)
  const partitioned = yield* PartitionedSemaphore.make({ permits: 1 })
  yield* seen(
    "PartitionedSemaphore, withPermitsIfAvailable",
    partitioned.withPermits("key", 1),
    partitioned.withPermitsIfAvailable(1)
  )
}))
JS
expected="Semaphore, withPermits: let in after 1 of 100
Semaphore, withPermitsIfAvailable: let in after 100 of 100
Semaphore, withPermitsIfAvailable, and yieldNow after each: let in after 1 of 100
PartitionedSemaphore, withPermitsIfAvailable: let in after 1 of 100"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
