/** Locks within locks, more than the stack has room for: they end as any other, and leave nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option } from "effect"
import { InMemoryBackend, Lock, type LockBackend, type LockError } from "effect-lock"
import { reasonOf, the } from "./scenery.ts"

const deep = 5_000

type Locked<A, E> = Effect.Effect<A, E | LockError.LockError, LockBackend.LockBackend>

const keys = Array.from({ length: deep }, (_, i) => `key-${i}`)

const nested = <A, E>(work: Locked<A, E>): Locked<A, E> =>
  keys.reduceRight<Locked<A, E>>((inner, key) => Lock.withLock(inner, key, { timeout: 0 }), work)

/** What is held of the first, the last, and one in between. */
const held = Effect.map(
  Effect.forEach(["key-0", "key-2500", `key-${deep - 1}`], (key) => Lock.inspect(key)),
  (holders) => holders.filter(Option.isSome).length
)

const free = Effect.map(held, (count) => assert.strictEqual(count, 0))

/** Runs until the innermost work has begun. */
const begun = <A, E>(work: Effect.Effect<A, E>, around: (locked: Locked<A, E>) => Locked<A, E> = (locked) => locked) =>
  Effect.gen(function*() {
    const inside = yield* Deferred.make<void>()
    const fiber = yield* Effect.forkChild(around(nested(Effect.andThen(Deferred.succeed(inside, undefined), work))))
    yield* Deferred.await(inside)
    assert.strictEqual(yield* held, 3)
    return fiber
  })

describe("locks nested deeper than the stack", () => {
  it.live("end with what the work says", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* nested(Effect.succeed("done")), "done")
      assert.strictEqual(yield* nested(Effect.as(Effect.sleep(1), "done")), "done")
      assert.strictEqual(yield* Effect.flip(nested(Effect.fail("failed"))), "failed")
      yield* free
    }).pipe(Effect.provide(InMemoryBackend.layerFresh)), 60_000)

  it.live("end where they are interrupted", () =>
    Effect.gen(function*() {
      let finalized = 0
      const fiber = yield* begun(Effect.onInterrupt(Effect.never, () => Effect.sync(() => finalized++)))
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(finalized, 1)
      yield* free
    }).pipe(Effect.provide(InMemoryBackend.layerFresh)), 60_000)

  it.live("end where they may not be interrupted, and the work may", () =>
    Effect.gen(function*() {
      const fiber = yield* begun(Effect.interruptible(Effect.never), Effect.uninterruptible)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      yield* free
    }).pipe(Effect.provide(InMemoryBackend.layerFresh)), 60_000)

  it.live("end where the outermost is lost", () =>
    Effect.gen(function*() {
      const fiber = yield* begun(Effect.never)
      assert.isTrue(yield* Lock.forceRelease("key-0"))
      assert.strictEqual(the(yield* reasonOf(Fiber.join(fiber)), "LockLost").key, "key-0")
      yield* free
    }).pipe(Effect.provide(InMemoryBackend.layerFresh)), 60_000)
})
