/**
 * Fencing: a worker is paused in the middle of its write, loses its lease without
 * knowing, and wakes up when another worker has long finished the job.
 *
 * No lock can stop a write that is on its way. The database can: every write
 * carries the fencing token of its lease, and a lower token than the last is refused.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Data, Deferred, Effect } from "effect"
import { Lock } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { reachable } from "./support/reachable.ts"

class StaleWrite extends Data.TaggedError("StaleWrite")<{ readonly fence: number; readonly seen: number }> {}

/** UPDATE jobs SET result = $result, fence = $fence WHERE id = $id AND fence < $fence */
const makeTable = () => {
  let row = { result: "open", fence: 0 }
  return {
    row: Effect.sync(() => row),
    update: (result: string, fence: number) =>
      Effect.suspend(() => {
        if (fence <= row.fence) return Effect.fail(new StaleWrite({ fence, seen: row.fence }))
        row = { result, fence }
        return Effect.void
      })
  }
}

const program = Effect.gen(function*() {
  const table = makeTable()
  const working = yield* Deferred.make<void>()
  const taken = yield* Deferred.make<void>()

  const write = (worker: string, fence: number) =>
    table.update(`done by ${worker}`, fence).pipe(
      Effect.andThen(Console.log(`${worker}: written`)),
      Effect.catchTag("StaleWrite", (stale) =>
        Console.log(
          `${worker}: the table refused my write, ${stale.fence < stale.seen ? "a later" : "the same"} token was here`
        ))
    )

  // The pause: nobody can interrupt it, as nobody can interrupt a process that is stopped
  const slow = Lock.withLock(
    (lease) =>
      Effect.gen(function*() {
        yield* Console.log("slow: has the job, and pauses")
        yield* Deferred.succeed(working, undefined)
        yield* Deferred.await(taken)
        yield* Console.log("slow: wakes up and writes")
        yield* write("slow", lease.fencingToken)
      }).pipe(Effect.uninterruptible),
    "job-7",
    // A paused process does not renew its lease
    { expires: "200 millis", renew: false }
  ).pipe(
    Effect.catchReason("LockError", "LockLost", (lost) => Console.log(`slow: ${lost._tag}, ${lost.why}`))
  )

  const quick = Deferred.await(working).pipe(
    Effect.andThen(Lock.withLock(
      (lease) => Effect.andThen(Console.log("quick: takes the job over"), write("quick", lease.fencingToken)),
      "job-7",
      { timeout: "20 seconds" }
    )),
    Effect.andThen(Deferred.succeed(taken, undefined))
  )

  yield* Effect.all([slow, quick], { concurrency: "unbounded" })
  yield* Console.log(`job-7: ${(yield* table.row).result}`)
})

program.pipe(Effect.provide(reachable(BackendUrl.layerConfig)), NodeRuntime.runMain)
