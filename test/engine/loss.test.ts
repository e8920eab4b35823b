import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Exit } from "effect"
import { endedBy, lostError } from "../../src/internal/engine/loss.ts"
import { failure } from "./parts.ts"

const ended = { key: "key", since: 100, endedAt: 1_100, why: "Expired" as const, failure: failure() }

describe("A loss", () => {
  it("says of what, why, after how long, and what the last renewal failed with if that is why", () => {
    const { reason } = lostError(ended)
    if (reason._tag !== "LockLost") return assert.fail()
    assert.deepStrictEqual([reason.key, reason.why, Duration.toMillis(reason.held)], ["key", "Expired", 1_000])
    assert.strictEqual(reason.failure, ended.failure)
    const taken = lostError({ ...ended, why: "Taken" }).reason
    assert.isTrue(taken._tag === "LockLost" && taken.why === "Taken" && taken.failure === undefined)
  })

  it("is how work has ended, beside what else went wrong in it, interruptions aside", () => {
    const lost = lostError(ended)
    const reasons = (exit: Exit.Exit<unknown, unknown>) =>
      Exit.isFailure(exit) ? exit.cause.reasons.map((one) => Cause.isFailReason(one) ? one.error : one._tag) : []
    assert.deepStrictEqual(reasons(endedBy(lost, Exit.succeed(1))), [lost])
    assert.deepStrictEqual(reasons(endedBy(lost, Exit.interrupt())), [lost])
    const own = Exit.failCause(Cause.combine(Cause.fail("own"), Cause.combine(Cause.die("d"), Cause.interrupt())))
    assert.deepStrictEqual(reasons(endedBy(lost, own)), [lost, "own", "Die"])
  })
})
