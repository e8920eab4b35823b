/** Who is part of the work under a lease. What it looks at of Effect is no public part of it, so this says when that changes. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber } from "effect"
import { find, partOf, start } from "../../src/internal/reentry.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

/** Has `work` done under a lease, with what `partOf` says of the fiber that it tells. */
const partIn = (work: (ask: Effect.Effect<void>) => Effect.Effect<unknown>, seen: (fiber: AnyFiber) => AnyFiber) =>
  Effect.withFiber((caller) => {
    const lease = { home: caller, key: "key", isHeld: true }
    let part: string | undefined = "not asked"
    const ask = Effect.withFiber((fiber) =>
      Effect.sync(() => part = partOf(seen(fiber), find(fiber, caller, "key")!.section))
    )
    const fiber = start(lease, work(Effect.asVoid(ask)), caller, Context.empty(), true)
    return Effect.map(Fiber.join(fiber), () => part)
  })

const itself = (fiber: AnyFiber): AnyFiber => fiber

/** As of an Effect that has no such field, or another thing in its place. */
const withParent = (parent: PropertyDescriptor) => (fiber: AnyFiber): AnyFiber =>
  Object.create(fiber, { _parent: parent })

describe("part of the work", () => {
  it.effect("are the work itself and its children, and nobody who is detached", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* partIn((ask) => ask, itself), "itself")
      assert.strictEqual(yield* partIn((ask) => Effect.flatMap(Effect.forkChild(ask), Fiber.join), itself), "child")
      assert.isUndefined(yield* partIn((ask) => Effect.flatMap(Effect.forkDetach(ask), Fiber.join), itself))
    }))

  it.effect("are no children of an Effect that does not tell whose they are", () =>
    Effect.gen(function*() {
      const child = (ask: Effect.Effect<void>) => Effect.flatMap(Effect.forkChild(ask), Fiber.join)
      for (const value of [undefined, 1, {}]) {
        assert.isUndefined(yield* partIn(child, withParent({ value })))
      }
    }))
})
