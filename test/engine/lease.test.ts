import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit } from "effect"
import type { LockError } from "effect-lock"
import { Lease, type Lender } from "../../src/internal/engine/lease.ts"
import { failure, HandPort, terms } from "./parts.ts"

class HandLender implements Lender {
  readonly home = {}
  at = 0
  readonly events: Array<string> = []
  extension: Effect.Effect<void, LockError.LockError> = Effect.void
  ending: { whenOver(then: () => void): void } | undefined = undefined

  now(): number {
    return this.at
  }
  nextToken(): string {
    this.events.push("token")
    return "drawn"
  }
  keep(): void {
    this.events.push("keep")
  }
  extend(_lease: Lease, millis: number | undefined): Effect.Effect<void, LockError.LockError> {
    this.events.push(`extend ${millis}`)
    return this.extension
  }
  moved(): void {}
  detach(): Effect.Effect<void> {
    return Effect.void
  }
  gone(lease: Lease, at: number): void {
    this.events.push(`gone ${lease.why} at ${at}`)
  }
  lost(lease: Lease): void {
    this.events.push(`lost ${lease.why}`)
  }
  back(lease: Lease, at: number) {
    this.events.push(`back ${lease.why} at ${at}`)
    return this.ending
  }
}

const make = (options?: { readonly renew?: boolean; readonly token?: string | undefined }) => {
  const lender = new HandLender()
  const lease = new Lease(lender, terms({ fencingToken: 7, renew: options?.renew ?? true, deadline: 2_900 }))
  return { lender, lease, events: lender.events }
}

const why = (exit: Exit.Exit<unknown, LockError.LockError>) =>
  Exit.isSuccess(exit) ?
    "Success" :
    exit.cause.reasons.map((reason) =>
      Cause.isFailReason(reason) && reason.error.reason._tag === "LockLost" ? reason.error.reason.why : reason._tag
    ).join()

describe("Lease", () => {
  it("is held, then released, once", () => {
    const { events, lease, lender } = make()
    assert.isTrue(lease.isHeld)
    lender.at = 500
    lease.giveBack()
    assert.deepStrictEqual([lease.isHeld, lease.why, lease.isBack, lease.endedAt], [false, "Released", true, 500])
    lender.at = 600
    lease.giveBack()
    lease.lose("Taken", 700)
    assert.deepStrictEqual([lease.why, lease.endedAt], ["Released", 500])
    assert.deepStrictEqual(events, ["back Released at 500"])
  })

  it("is held, then lost, once, and comes back all the same", () => {
    const { events, lease } = make()
    lease.lose("Taken", 400)
    lease.lose("Expired", 500)
    assert.deepStrictEqual([lease.isHeld, lease.why, lease.endedAt], [false, "Taken", 400])
    lease.giveBack()
    lease.giveBack()
    assert.deepStrictEqual(events, ["lost Taken", "back Taken at 400"])
  })

  it("is looked at by whoever starts work: what is over is lost", () => {
    const { lease, lender } = make()
    lender.at = 2_899
    assert.isFalse(lease.isOver)
    lender.at = 2_900
    assert.isTrue(lease.isOver)
    assert.strictEqual(lease.why, "Expired")
  })

  it("is renewed at a third of what there is of it, or never", () => {
    assert.strictEqual(make().lease.renewAt, Math.ceil(2_900 / 3))
    assert.isTrue(make().lease.renews)
    assert.isFalse(make({ renew: false }).lease.renews)
  })

  it("draws its token when somebody asks for it, once", () => {
    const lender = new HandLender()
    const lease = new Lease(lender, terms({ token: undefined, expiresMillis: 1_000 }))
    assert.deepStrictEqual(lender.events, [])
    assert.deepStrictEqual([lease.token, lease.token], ["drawn", "drawn"])
    assert.deepStrictEqual(lender.events, ["token"])
  })

  describe("tells those who watch", () => {
    it("of its loss, each once, and is kept from then on", () => {
      const { events, lease } = make()
      const told: Array<number> = []
      const watchers = [1, 2, 3].map((i) => () => void told.push(i))
      for (const watcher of watchers) lease.watch(watcher)
      lease.unwatch(watchers[1])
      lease.lose("Taken", 1)
      assert.deepStrictEqual(told, [1, 3])
      assert.deepStrictEqual(events, ["keep", "keep", "keep", "lost Taken"])
      lease.giveBack()
      assert.deepStrictEqual(told, [1, 3])
    })

    it("at once, if it is lost already", () => {
      const { events, lease } = make()
      lease.lose("Expired", 1)
      let told = 0
      lease.watch(() => told++)
      assert.strictEqual(told, 1)
      assert.deepStrictEqual(events, ["lost Expired"])
    })

    it("at once, if keeping it shows that it is lost", () => {
      const { lease, lender } = make()
      lender.keep = () => lease.lose("Closed", 1)
      let told = 0
      lease.watch(() => told++)
      assert.strictEqual(told, 1)
    })

    it("nothing when it is given back, before or after", () => {
      const { lease } = make()
      let told = 0
      lease.watch(() => told++)
      lease.giveBack()
      lease.watch(() => told++)
      assert.strictEqual(told, 0)
    })
  })

  describe("settles work under it", () => {
    it("as it ended, while it counts", () => {
      const { lease, lender } = make()
      lender.at = 2_899
      for (const exit of [Exit.succeed(1), Exit.fail("e"), Exit.die("d"), Exit.interrupt()]) {
        assert.strictEqual(lease.settle(exit), exit)
      }
      assert.strictEqual(lease.endedAt, 2_899)
      assert.isTrue(lease.isHeld)
    })

    it("as lost, if it was too late, whatever it did", () => {
      const { lease, lender } = make()
      lender.at = 2_900
      assert.strictEqual(why(lease.settle(Exit.succeed(1))), "Expired")
      assert.strictEqual(lease.why, "Expired")
    })

    it("as lost, and keeps what else went wrong, interruptions aside", () => {
      const { lease } = make()
      lease.lose("Taken", 1)
      const cause = Cause.combine(Cause.fail("own"), Cause.combine(Cause.die("defect"), Cause.interrupt()))
      const exit = lease.settle(Exit.failCause(cause))
      assert.isTrue(Exit.isFailure(exit))
      if (Exit.isFailure(exit)) {
        assert.deepStrictEqual(exit.cause.reasons.map(({ _tag }) => _tag), ["Fail", "Fail", "Die"])
      }
    })

    it("as it ended, if it was released early", () => {
      const { lease, lender } = make()
      lease.giveBack()
      lender.at = 9_999
      const exit = Exit.succeed(1)
      assert.strictEqual(lease.settle(exit), exit)
    })

    it("and counts the time until the work ended, not until it is given back", () => {
      const { events, lease, lender } = make()
      lender.at = 500
      lease.settle(Exit.void)
      lender.at = 800
      lease.giveBack()
      assert.deepStrictEqual(events, ["back Released at 500"])
    })
  })

  describe("tells, once,", () => {
    it("how it ended, and that it is back", () => {
      for (const end of ["lost", "released"] as const) {
        const { lease } = make()
        const told: Array<string> = []
        lease.whenEnded((exit) => told.push(why(exit)))
        lease.whenBack(() => told.push("back"))
        if (end === "lost") lease.lose("Taken", 1)
        lease.giveBack()
        assert.deepStrictEqual(told, [end === "lost" ? "Taken" : "Success", "back"])
      }
    })

    it("how it ended, if that has been before", () => {
      const { lease } = make()
      lease.lose("Taken", 1)
      const told: Array<string> = []
      lease.whenEnded((exit) => told.push(why(exit)))
      assert.deepStrictEqual(told, ["Taken"])
    })
  })

  it("extended never ends earlier, nor is renewed for less, and forgets its failure", () => {
    const { lease } = make()
    lease.failure = failure()
    lease.extended(2_000, 500, 1_000)
    assert.deepStrictEqual([lease.deadline, lease.expiresMillis, lease.renewAt], [2_900, 3_000, Math.ceil(2_900 / 3)])
    assert.isUndefined(lease.failure)
    lease.extended(9_000, 4_000, 60_000)
    assert.deepStrictEqual([lease.deadline, lease.expiresMillis, lease.renewAt], [9_000, 60_000, 4_000])
    const fixed = make({ renew: false }).lease
    fixed.extended(9_000, 4_000, 3_000)
    assert.isFalse(fixed.renews)
  })

  it("that expired says what its last renewal failed with, and others do not", () => {
    for (const reason of ["Expired", "Taken"] as const) {
      const { lease } = make()
      lease.failure = failure({ operation: "extend" })
      lease.lose(reason, 1_000)
      const exit = lease.check
      const error = Exit.isFailure(exit) && Cause.findErrorOption(exit.cause)
      assert.isTrue(error && error._tag === "Some")
      if (!error || error._tag !== "Some" || error.value.reason._tag !== "LockLost") return assert.fail()
      assert.strictEqual(error.value.reason.failure?.operation, reason === "Expired" ? "extend" : undefined)
      assert.strictEqual(Duration.toMillis(error.value.reason.held), 1_000)
    }
  })

  it.effect("in the hands of its holder says what remains, and fails where it is no more", () =>
    Effect.gen(function*() {
      const { events, lease, lender } = make()
      lender.at = 900
      assert.strictEqual(Duration.toMillis(yield* lease.remaining), 2_000)
      yield* lease.extend()
      yield* lease.extend("1 minute")
      const { reason } = yield* Effect.flip(lease.extend(-1))
      assert.strictEqual(reason._tag, "InvalidOptions")
      assert.deepStrictEqual(events, ["extend undefined", "extend 60000"])
      lender.at = 5_000
      assert.isTrue(Duration.isZero(yield* lease.remaining))
      yield* lease.release
      yield* lease.release
      assert.isTrue(Duration.isZero(yield* lease.remaining))
      assert.isTrue(Exit.isFailure(lease.check))
    }))

  it("tells who comes to watch it too late at once, whether it was lost or given back", () => {
    for (const end of ["lost", "given back", "left to others"] as const) {
      const { lease } = make()
      let told = 0
      if (end === "lost") lease.lose("Taken", 10)
      else if (end === "given back") lease.giveBack()
      else lease.leave()
      lease.whenGone(() => told++)
      assert.strictEqual(told, 1, end)
    }
  })

  for (const region of [Effect.interruptible, Effect.uninterruptible]) {
    it.effect("released waits for its end in the store, but not when it is interrupted", () =>
      Effect.gen(function*() {
        const over: Array<() => void> = []
        const released = () => {
          const { lease, lender } = make()
          lender.ending = { whenOver: (then) => void over.push(then) }
          return Effect.forkDetach(region(lease.release), { startImmediately: true })
        }
        const [waiting, interrupted] = [yield* released(), yield* released()]
        interrupted.interruptUnsafe()
        yield* Effect.yieldNow
        assert.isUndefined(waiting.pollUnsafe())
        assert.isDefined(interrupted.pollUnsafe())
        for (const then of over) then()
        yield* Effect.yieldNow
        assert.deepStrictEqual(waiting.pollUnsafe(), Exit.void)
      }))
  }

  it("watches what was sent before it was had, until somebody else does", () => {
    const { lease, lender } = make()
    const { asked, port } = new HandPort()
    const sent = () => ({ call: port.tryAcquire({ key: "key", token: "token", expiresMillis: 3_000, wait: false }) })
    const [first, second] = [sent(), sent()].map(({ call }) => ({ call, millis: 3_000, sure: 3_000 }))
    assert.deepStrictEqual([lease.out, lease.lastEnd], [[], 0])
    lease.follow([first, second])
    lender.at = 500
    asked[0].answer({ _tag: "Held" } as never)
    assert.deepStrictEqual([lease.out, lease.lastEnd], [[second], 3_500])
    assert.deepStrictEqual(lease.takeOut(), [second])
    assert.deepStrictEqual([lease.out, lease.lastEnd], [[], 3_500])
    asked[1].answer({ _tag: "Held" } as never)
    assert.strictEqual(lease.lastEnd, 3_500)
  })
})
