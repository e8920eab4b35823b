/** Who holds a lock, for those who look at it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { InMemoryBackend, Lock, LockBackend, LockConfig, type LockError } from "effect-lock"
import { TestClock } from "effect/testing"
import { handingOver, scene } from "./support.ts"

const as = (owner: string) => LockConfig.provide({ owner })

const ownerOf = (key: string) =>
  Effect.map(Lock.inspect(key), (holder) => Option.getOrUndefined(Option.map(holder, ({ owner }) => owner)))

const reason = <A>(effect: Effect.Effect<A, LockError.LockError, LockBackend.LockBackend>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

const stores = {
  "a store in this process": InMemoryBackend.layerFresh,
  "a store elsewhere": LockBackend.layer(Effect.map(InMemoryBackend.makeStore, (store) => ({ ...store })))
}

for (const [name, layer] of Object.entries(stores)) {
  describe(`the owner, on ${name}`, () => {
    it.effect("is what the configuration in force at the call says", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* ownerOf("key").pipe(Lock.withLock("key"), as("payments-1")), "payments-1")
        const nested = ownerOf("b").pipe(Lock.withLock("b"), as("report"), Lock.withLock("a"), as("payments-1"))
        assert.strictEqual(yield* nested, "report")
        assert.strictEqual(yield* ownerOf("key").pipe(Lock.withLock("key")), (yield* LockConfig.LockConfig).owner)
      }).pipe(Effect.provide(layer)))

    it.effect("is that of the layers that a backend is built on", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* ownerOf("key").pipe(Lock.withLock("key")), "payments-1")
        assert.strictEqual(yield* ownerOf("key").pipe(Lock.withLock("key"), as("report")), "report")
      }).pipe(Effect.provide(layer), Effect.provide(LockConfig.layer({ owner: "payments-1" }))))

    it.effect("is in the message of a timeout", () =>
      Effect.gen(function*() {
        const late = reason(Lock.withLock(Effect.void, "key", { timeout: 0 }))
        const { message } = yield* Effect.flatMap(Effect.forkDetach(late), Fiber.join).pipe(
          Lock.withLock("key"),
          as("nightly-report")
        )
        assert.include(message, "it is held by the work around the call, nightly-report since ")
      }).pipe(Effect.provide(layer)))

    it.effect("changes as the lock goes from one who waits to the next", () =>
      Effect.gen(function*() {
        const [owners] = yield* Effect.forEach(
          ["a", "b", "b", "c"],
          (owner) => as(owner)(Lock.withLock(Effect.andThen(Effect.sleep(10), ownerOf("key")), "key")),
          { concurrency: "unbounded" }
        ).pipe(Effect.zip(TestClock.adjust(1_000), { concurrent: true }))
        assert.deepStrictEqual(owners, ["a", "b", "b", "c"])
      }).pipe(Effect.provide(layer)))
  })
}

describe("the owner, where leases are handed over", () => {
  it.effect("is never that of another: only who is called alike inherits a lease", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene(handingOver)
      const fibers = []
      for (const owner of ["a", "a", "b", "b"]) {
        fibers.push(yield* start(as(owner)(Lock.withLock(Effect.andThen(Effect.sleep(10), ownerOf("key")), "key"))))
      }
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), ["a", "a", "b", "b"])
      const taken = (yield* test.calls).filter(({ operation }) => operation === "tryAcquire")
      assert.strictEqual(taken.length, 2)
    }))
})
