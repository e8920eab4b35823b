#!/usr/bin/env bash
# effect 4.1.0: a `PartitionedSemaphore` gives a partition with five waiting one permit, and two others all the rest, for as long as they come.
#
# It hands permits out "in round robin" over the partitions, so that "each group should make progress without one busy group monopolizing".
# So with partitions a, b and c one expects a third for each. But the round goes on at the end of its list, to which whoever asks again is
# added anew: b and c, of which each asks again when it was served, stand before it at each step, the round never comes to its end, and a,
# which stands behind, is reached no more. It is served again when b or c make a pause. Those lose who have the most to do.
#
# Seen (one permit, 10 ms of work each; b and c do one thing after the other, a asks for five at once; after two seconds):
#
#     PartitionedSemaphore: a 1 of 5, b more than 20, c more than 20
#     Semaphore: a 5 of 5, b more than 20, c more than 20
#
# Succeeds while this is so. What to do instead: a `Semaphore`, which serves those who wait in the order of their coming.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, PartitionedSemaphore, Semaphore } from "effect"

const look = (name, limit) =>
  Effect.gen(function*() {
    const done = { a: 0, b: 0, c: 0 }
    const work = (key) => limit(key)(Effect.tap(Effect.sleep("10 millis"), () => Effect.sync(() => done[key]++)))
    yield* Effect.forkChild(Effect.forever(work("b")), { startImmediately: true })
    yield* Effect.forkChild(Effect.forever(work("c")), { startImmediately: true })
    yield* Effect.sleep("25 millis")
    for (let i = 0; i < 5; i++) yield* Effect.forkChild(work("a"), { startImmediately: true })
    yield* Effect.sleep("2 seconds")
    console.log(`${name}: a ${done.a} of 5, b ${done.b > 20 ? "more than 20" : done.b}, c ${done.c > 20 ? "more than 20" : done.c}`)
  })
await Effect.runPromise(Effect.gen(function*() {
  const partitioned = yield* PartitionedSemaphore.make({ permits: 1 })
  yield* look("PartitionedSemaphore", partitioned.withPermit)
  const semaphore = yield* Semaphore.make(1)
  yield* look("Semaphore", () => semaphore.withPermits(1))
}))
JS
expected="PartitionedSemaphore: a 1 of 5, b more than 20, c more than 20
Semaphore: a 5 of 5, b more than 20, c more than 20"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
