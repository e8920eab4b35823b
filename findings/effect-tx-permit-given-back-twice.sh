#!/usr/bin/env bash
# effect 4.1.0: who takes a permit of a `TxSemaphore` and a job in one transaction gives two permits back, and four work where two may.
#
# "If it is not all there, nothing is taken": a transaction that takes a permit and then waits for a job (`txRetry`, in `TxQueue.take`)
# undoes the permit, and takes it again when it runs anew. `withPermitScoped` gives it back "when the scope is closed", by "atomic
# semantics", so one expects one permit for one. But the finalizer that gives it back belongs to the scope, which knows nothing of the
# transaction: each attempt leaves one there. Who waited once gives two permits back, one of them somebody else's. The count is cut
# at the capacity, so that afterwards it looks right.
#
# Seen with Node 20 (a semaphore of 2, six workers, jobs that take a while):
#
#     the jobs are there before the workers: 2 at work at a time, 2 permits afterwards
#     the jobs come when the workers wait: 4 at work at a time, 2 permits afterwards
#     the same, with the permit taken before the transaction: 2 at work at a time, 2 permits afterwards
#
# Succeeds while this is so. What to do instead: no scope within a transaction; a permit around it, or `acquire` in it and `release` after.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Fiber, TxQueue, TxSemaphore } from "effect"
import { TestClock } from "effect/testing"

const look = (words, early, together) =>
  Effect.gen(function*() {
    const permits = yield* TxSemaphore.make(2)
    const jobs = yield* TxQueue.unbounded()
    let now = 0
    let most = 0
    const take = together
      ? Effect.tx(Effect.andThen(TxSemaphore.withPermitScoped(permits), TxQueue.take(jobs)))
      : Effect.andThen(TxSemaphore.withPermitScoped(permits), TxQueue.take(jobs))
    const worker = Effect.scoped(Effect.gen(function*() {
      const seconds = yield* take
      most = Math.max(most, ++now)
      yield* Effect.sleep(`${seconds} seconds`)
      now--
    }))
    const durations = [1, 10, 10, 10, 10, 10]
    if (early) yield* TxQueue.offerAll(jobs, durations)
    const workers = []
    for (const _ of durations) workers.push(yield* Effect.forkChild(worker, { startImmediately: true }))
    yield* TestClock.adjust(1)
    if (!early) for (const seconds of durations) yield* Effect.andThen(TxQueue.offer(jobs, seconds), TestClock.adjust(1))
    for (let i = 0; i < 100; i++) yield* TestClock.adjust("1 second")
    yield* Effect.forEach(workers, Fiber.join)
    console.log(`${words}: ${most} at work at a time, ${yield* TxSemaphore.available(permits)} permits afterwards`)
  }).pipe(Effect.provide(TestClock.layer()), Effect.runPromise)

await look("the jobs are there before the workers", true, true)
await look("the jobs come when the workers wait", false, true)
await look("the same, with the permit taken before the transaction", false, false)
JS
expected="the jobs are there before the workers: 2 at work at a time, 2 permits afterwards
the jobs come when the workers wait: 4 at work at a time, 2 permits afterwards
the same, with the permit taken before the transaction: 2 at work at a time, 2 permits afterwards"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
