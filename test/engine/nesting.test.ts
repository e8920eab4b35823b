/** Locks within locks, more than the stack has room for: they end as any other, and leave nothing. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, type Fiber, Option } from "effect"
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

/** Ten times as many turns of the event loop as it takes: what has not come by then never does. */
const turns = 2_000

/** What comes in turns, and takes no time. */
const soon = <A>(look: () => A | undefined, what: string): Effect.Effect<A> =>
  Effect.promise(async () => {
    for (let turn = 0; turn < turns; turn++) {
      const found = look()
      if (found !== undefined) return found
      await new Promise((resolve) => setImmediate(resolve))
    }
    return assert.fail(`it never ${what}`)
  })

const ended = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<A, E>> => soon(() => fiber.pollUnsafe(), "ends")

/** Runs until the innermost work has begun. */
const begun = <A, E>(work: Effect.Effect<A, E>, around: (locked: Locked<A, E>) => Locked<A, E> = (locked) => locked) =>
  Effect.gen(function*() {
    let isInside: true | undefined = undefined
    const begin = Effect.sync(() => void (isInside = true))
    // Not a child: a test that fails would wait for what never ends.
    const fiber = yield* Effect.forkDetach(around(nested(Effect.andThen(begin, work))))
    yield* soon(() => isInside, "begins")
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
      fiber.interruptUnsafe()
      yield* ended(fiber)
      assert.strictEqual(finalized, 1)
      yield* free
    }).pipe(Effect.provide(InMemoryBackend.layerFresh)), 60_000)

  it.live("end where they may not be interrupted, and the work may", () =>
    Effect.gen(function*() {
      const fiber = yield* begun(Effect.interruptible(Effect.never), Effect.uninterruptible)
      fiber.interruptUnsafe()
      assert.isTrue(Exit.hasInterrupts(yield* ended(fiber)))
      yield* free
    }).pipe(Effect.provide(InMemoryBackend.layerFresh)), 60_000)

  it.live("end where the outermost is lost", () =>
    Effect.gen(function*() {
      const fiber = yield* begun(Effect.never)
      assert.isTrue(yield* Lock.forceRelease("key-0"))
      assert.strictEqual(the(yield* reasonOf(Effect.flatten(ended(fiber))), "LockLost").key, "key-0")
      yield* free
    }).pipe(Effect.provide(InMemoryBackend.layerFresh)), 60_000)
})
