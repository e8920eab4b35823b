import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schedule } from "effect"
import { LockError, type LockStore } from "effect-lock"
import { soonerAfterFailure } from "../../src/internal/retry.ts"

const failure = new LockError.BackendFailure({
  backend: "redis",
  operation: "acquire",
  kind: "NoReply",
  retryable: true
})

/** As another copy of this package makes it: of another class. */
const foreign = { "~effect-lock/BackendFailure": "~effect-lock/BackendFailure", _tag: "BackendFailure" }

const held: LockStore.Held = { _tag: "Held" }

/** The delays before so many attempts, in milliseconds. */
const delays = (schedule: Schedule.Schedule<unknown>, replies: ReadonlyArray<unknown>) =>
  Effect.flatMap(
    Schedule.toStep(schedule),
    (step) => Effect.forEach(replies, (reply) => Effect.map(step(0, reply), ([, delay]) => Duration.toMillis(delay)))
  )

describe("a waiter of a store", () => {
  it.effect("that answers asks as its schedule says", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* delays(soonerAfterFailure(Schedule.spaced("30 seconds")), [held, held]), [
        30_000,
        30_000
      ])
    }))

  it.effect("that fails asks sooner, then less and less often, whichever copy of the package has made the failure", () =>
    Effect.gen(function*() {
      for (const reply of [failure, foreign]) {
        const schedule = soonerAfterFailure(Schedule.spaced("30 seconds"))
        const [first, , , fourth, ...more] = yield* delays(schedule, Array.from({ length: 20 }, () => reply))
        assert.isAtMost(first, 15 * 1.2)
        assert.isAbove(fourth, first)
        assert.isAtMost(Math.max(...more), 250 * 1.2)
      }
    }))
})
