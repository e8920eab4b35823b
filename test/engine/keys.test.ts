import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, type Exit, Fiber } from "effect"
import type { LockError } from "effect-lock"
import { closed, reentered, refused } from "../../src/internal/engine/keys.ts"
import { Lease, type Lender } from "../../src/internal/engine/lease.ts"
import * as Reentry from "../../src/internal/reentry.ts"
import { Refusal } from "../../src/internal/refusal.ts"
import { failure, handKeys, request, terms } from "./parts.ts"

type Caller = Fiber.Fiber<unknown, unknown>

const reasonOf = (exit: Exit.Exit<unknown, LockError.LockError> | undefined): LockError.LockErrorReason => {
  const reason = exit?._tag === "Failure" ? exit.cause.reasons[0] : undefined
  return reason?._tag === "Fail" ? reason.error.reason : assert.fail("it has not failed")
}

describe("who does not get a key", () => {
  const reader = { permits: 1, limit: Number.MAX_SAFE_INTEGER }

  /** What work hears under a lease that asks for a key. */
  const asks = (
    lease: Partial<Pick<Lease, "share">> & { readonly key?: string; readonly home?: object },
    asked: Parameters<typeof request>[0],
    how: (ask: Effect.Effect<unknown>) => Effect.Effect<unknown> = (ask) => ask
  ) =>
    Effect.withFiber((caller: Caller) => {
      const { keys } = handKeys()
      const lender = { home: lease.home ?? keys } as Lender
      const had = new Lease(lender, terms({ key: lease.key ?? "key" }))
      had.share = lease.share
      let heard: ReturnType<typeof reentered>
      const ask = Effect.withFiber((fiber: Caller) =>
        Effect.sync(() => heard = reentered(keys, request({ timeoutMillis: 1_000, ...asked }), fiber))
      )
      const fiber = Reentry.start(had, how(ask), caller, Context.empty(), true)
      return Effect.map(Fiber.join(fiber), () => heard === undefined ? "waits" : heard)
    })

  it.effect("hears that it holds it itself, where it would wait in vain", () =>
    Effect.gen(function*() {
      for (
        const [share, wanted, held, wants] of [
          [undefined, undefined, "alone", "alone"],
          [reader, undefined, "shared", "alone"],
          [undefined, reader, "alone", "shared"]
        ] as const
      ) {
        const heard = yield* asks({ share }, { share: wanted })
        const reason = heard === "waits" ? assert.fail(heard) : reasonOf(heard)
        assert.deepStrictEqual(
          reason._tag === "LockReentered" ? [reason.key, reason.held, reason.wanted] : reason._tag,
          ["key", held, wants]
        )
      }
    }))

  it.effect("waits for another key, another backend's, without time, and if nobody knows whether the work waits for it", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* asks({ key: "other" }, {}), "waits")
      assert.strictEqual(yield* asks({ home: {} }, {}), "waits")
      assert.strictEqual(yield* asks({}, { timeoutMillis: 0 }), "waits")
      const detached = (ask: Effect.Effect<unknown>) => Effect.flatMap(Effect.forkDetach(ask), Fiber.join)
      assert.strictEqual(yield* asks({}, {}, detached), "waits")
    }))

  it.effect("hears of a failure, and of a holder, which may be unknown", () =>
    Effect.withFiber((caller: Caller) =>
      Effect.sync(() => {
        const { keys } = handKeys()
        const failed = refused(keys, request(), caller, 10, failure())
        assert.strictEqual(reasonOf(failed as Exit.Exit<never, LockError.LockError>)._tag, "BackendFailure")
        for (const known of [undefined, { _tag: "Held", token: "token" }] as const) {
          const refusal = refused(keys, request(), caller, 10, known)
          assert.instanceOf(refusal, Refusal)
          const reason = reasonOf((refusal as Refusal).fail as Exit.Exit<never, LockError.LockError>)
          assert.strictEqual(reason._tag === "LockTimeout" ? reason.holder?.token : reason._tag, known?.token)
        }
        const reason = reasonOf(closed(keys, "key", caller))
        assert.strictEqual(
          reason._tag === "BackendFailure" ? `${reason.operation} ${reason.kind}` : "",
          "acquire Closed"
        )
      })
    ))
})
