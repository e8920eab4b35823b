#!/usr/bin/env bash
# effect 4.1.0: a job of a `PersistedQueue` that hangs is done for ever, whatever `maxAttempts`, if the limit is around `take`.
#
# A queue with `maxAttempts: 3` lays a job aside that failed three times; "an attempt is counted when the element is claimed". To a worker that
# must not hang one gives a limit, and `queue.take(handler).pipe(Effect.timeout(...))` is where one writes it: the caller is told of a
# `TimeoutError`, which one expects to count as a failed attempt. But what the queue sees is an interruption, and that gives the claim back: the
# count goes back to what it was, nothing is waited for between the attempts (`retrySchedule` is not asked), and the job
# is the next one to be taken, each time with `attempts: 1`. With the limit around the handler it is laid aside after three.
#
# Seen with Node 20 (a job that hangs, three attempts, a limit of 50 ms, ten turns of a worker):
#
#     Effect.timeout around take: begun 10 times, as attempt 1 1 1 1 1 1 1 1 1 1
#     Effect.timeout around the handler: begun 3 times, as attempt 1 2 3
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Layer, Schedule, Schema } from "effect"
import { PersistedQueue } from "effect/persistence"

const seen = (name, take) =>
  Effect.gen(function*() {
    const queue = yield* PersistedQueue.make({
      name,
      schema: Schema.String,
      maxAttempts: 3,
      retrySchedule: Schedule.spaced("20 millis")
    })
    yield* queue.offer("job")
    const attempts = []
    const handler = (_, { attempts: attempt }) => Effect.andThen(Effect.sync(() => attempts.push(attempt)), Effect.never)
    // ten turns, and no more waiting than a second for a job that does not come
    for (let turn = 0; turn < 10; turn++) yield* take(queue, handler).pipe(Effect.timeout("1 second"), Effect.exit)
    console.log(`Effect.timeout around ${name}: begun ${attempts.length} times, as attempt ${attempts.join(" ")}`)
  })
const limit = Effect.timeout("50 millis")

await Effect.gen(function*() {
  yield* seen("take", (queue, handler) => queue.take(handler).pipe(limit))
  yield* seen("the handler", (queue, handler) => queue.take((...job) => handler(...job).pipe(limit)))
}).pipe(
  Effect.provide(PersistedQueue.layer.pipe(Layer.provide(PersistedQueue.layerStoreMemory))),
  Effect.runPromise
)
JS
expected="Effect.timeout around take: begun 10 times, as attempt 1 1 1 1 1 1 1 1 1 1
Effect.timeout around the handler: begun 3 times, as attempt 1 2 3"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
