#!/usr/bin/env bash
# effect 4.1.0: a worker that reads a queue by `Stream.fromQueue` loses all jobs that waited behind the one that failed.
#
# `Stream.fromQueue(queue).pipe(Stream.mapEffect(work), Stream.runDrain)` is a worker: one expects it to take a job, do it, and take the next.
# If one fails the stream ends with the failure, and whoever starts it again goes on with the next job. But the stream takes
# all that is in the queue at once, and hands on one after the other. What it has taken and not yet handed on is nowhere when it ends:
# by a failure, by `take(1)`, or because it was interrupted. A `Stream.retry` goes on with what came after, and two workers of one
# queue do not share the work: the first has all of it. `Queue.take` in a loop takes one at a time.
#
# Seen with Node 20 (five jobs, the second fails the first time; the worker is started again each time it fails):
#
#     Stream.fromQueue: done 1; 0 in the queue
#     Stream.fromQueue, take(1): done 1; 0 in the queue
#     Stream.fromQueue, two workers: 5 and 0
#     Queue.take in a loop: done 1 3 4 5; 0 in the queue
#     Queue.take, two workers: 3 and 2
#
# Succeeds while this is so. What to do instead: `Stream.fromEffectRepeat(Queue.take(queue))`, or a loop.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Queue, Stream } from "effect"

const filled = Effect.gen(function*() {
  const queue = yield* Queue.unbounded()
  yield* Queue.offerAll(queue, [1, 2, 3, 4, 5])
  return queue
})
const byStream = (queue, work, jobs = (stream) => stream) =>
  Stream.fromQueue(queue).pipe(jobs, Stream.mapEffect(work), Stream.runDrain)
const byLoop = (queue, work) => Effect.forever(Effect.flatMap(Queue.take(queue), work))

const seen = (name, worker) =>
  Effect.gen(function*() {
    const queue = yield* filled
    const done = []
    const work = (job) => job === 2 ? Effect.fail("failed") : Effect.sync(() => done.push(job))
    yield* worker(queue, work).pipe(Effect.eventually, Effect.timeoutOption("300 millis"))
    console.log(`${name}: done ${done.join(" ")}; ${yield* Queue.size(queue)} in the queue`)
  })
const shared = (name, worker) =>
  Effect.gen(function*() {
    const queue = yield* filled
    const done = [0, 0]
    const workers = done.map((_, index) =>
      worker(queue, () => Effect.andThen(Effect.sync(() => done[index]++), Effect.sleep("50 millis")))
    )
    yield* Effect.all(workers, { concurrency: 2 }).pipe(Effect.timeoutOption("1 second"))
    console.log(`${name}: ${done.join(" and ")}`)
  })

await Effect.runPromise(Effect.gen(function*() {
  yield* seen("Stream.fromQueue", byStream)
  yield* seen("Stream.fromQueue, take(1)", (queue, work) => byStream(queue, work, Stream.take(1)))
  yield* shared("Stream.fromQueue, two workers", byStream)
  yield* seen("Queue.take in a loop", byLoop)
  yield* shared("Queue.take, two workers", byLoop)
}))
JS
expected="Stream.fromQueue: done 1; 0 in the queue
Stream.fromQueue, take(1): done 1; 0 in the queue
Stream.fromQueue, two workers: 5 and 0
Queue.take in a loop: done 1 3 4 5; 0 in the queue
Queue.take, two workers: 3 and 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
