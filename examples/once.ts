/**
 * A job that must not overlap itself: three schedulers fire at the same moment,
 * one runs the job, the others skip it or say that it is taken.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option } from "effect"
import { InMemoryBackend, Lock } from "effect-lock"

const report = Effect.gen(function*() {
  yield* Console.log("  writing the report")
  yield* Effect.sleep("50 millis")
  return "report of today"
})

const program = Effect.gen(function*() {
  yield* Console.log("Three schedulers, quietly:")
  const results = yield* Effect.forEach([1, 2, 3], () => Lock.once(report, "nightly-report"), {
    concurrency: "unbounded"
  })
  yield* Effect.forEach(
    results,
    (result, i) =>
      Console.log(`  scheduler ${i + 1}: ${Option.getOrElse(result, () => "skipped, somebody else is at it")}`)
  )

  yield* Console.log("Two schedulers, and a taken lock is a failure:")
  const outcomes = yield* Effect.forEach(
    [1, 2],
    () =>
      Lock.once(report, "nightly-report", { failIfLocked: true }).pipe(
        Effect.catchReason("LockError", "LockTimeout", (reason) => Effect.succeed(`failed: ${reason._tag}`))
      ),
    { concurrency: "unbounded" }
  )
  yield* Effect.forEach(outcomes, (outcome, i) => Console.log(`  scheduler ${i + 1}: ${outcome}`))

  yield* Console.log("The key is free again afterwards:")
  const again = yield* Lock.once(report, "nightly-report")
  yield* Console.log(`  ran again: ${Option.isSome(again)}`)
})

program.pipe(Effect.provide(InMemoryBackend.layer), NodeRuntime.runMain)
