import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Scope } from "effect"
import { InMemoryBackend, Lock, LockBackend } from "effect-lock"
import { TestClock } from "effect/testing"

const claim = (key: string, token: string, expiresMillis = 1_000) => ({ key, token, expiresMillis, wait: false })

describe("InMemoryBackend", () => {
  it.live("has a key taken until its holder here is told that the lease is over, however late", () =>
    Effect.gen(function*() {
      const free = Lock.once(Effect.void, "key")
      const scope = yield* Scope.make()
      const lease = yield* Scope.provide(Lock.acquire("key", { expires: "20 millis", renew: false }), scope)
      // Nobody is told of anything while the event loop is busy.
      const end = performance.now() + 40
      while (performance.now() < end);
      assert.isTrue(Option.isNone(yield* free))
      assert.strictEqual((yield* Effect.flip(lease.lost)).reason._tag, "LockLost")
      assert.isTrue(Option.isSome(yield* free))
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.provide(InMemoryBackend.layer)))

  it.live("tells an observer nothing once it has left, nor of what came just before", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      const [one, other] = [yield* Scope.make(), yield* Scope.make()]
      const told: Array<string> = []
      yield* Scope.provide(store.watch!("key", () => void told.push("one")), one)
      yield* Scope.provide(store.watch!("key", () => void told.push("other")), other)
      yield* store.tryAcquire(claim("key", "a"))
      yield* Scope.close(one, Exit.void)
      yield* Effect.sleep(20)
      assert.deepStrictEqual(told, ["other"])
      yield* Scope.close(other, Exit.void)
    }))

  it.effect("sweeps what crashed holders left", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      const count = Effect.map(
        Effect.forEach(Array.from({ length: 1_000 }, (_, i) => `key-${i}`), (key) => store.inspect(key)),
        (occupants) => occupants.filter(Option.isSome).length
      )
      for (let i = 0; i < 1_000; i++) yield* store.tryAcquire(claim(`key-${i}`, "a"))
      assert.strictEqual(yield* count, 1_000)
      yield* TestClock.adjust(1_000)
      assert.strictEqual(yield* count, 0)
    }))

  it.effect("is never more than twice as large as what is held, however many holders crash", () =>
    Effect.gen(function*() {
      const set = vi.spyOn(Map.prototype, "set")
      const store = yield* InMemoryBackend.makeStore
      set.mockClear()
      yield* store.tryAcquire(claim("crashed", "a", 10))
      const entries = set.mock.contexts.filter((one): one is Map<unknown, unknown> => one instanceof Map)[
        set.mock.calls.findIndex(([key]) => key === "crashed")
      ]
      set.mockRestore()
      const sizes: Array<number> = []
      for (let i = 0; i < 10_000; i++) {
        yield* store.tryAcquire(claim(`crashed-${i}`, "a", 10))
        if (i % 10 === 9) yield* TestClock.adjust(10)
        sizes.push(entries.size)
      }
      assert.isAtMost(Math.max(...sizes), 129)
      assert.isAtLeast(Math.max(...sizes), 10)
    }))

  it.effect("is the same locks wherever it is built, for each Clock", () =>
    Effect.gen(function*() {
      const nested = Effect.provide(Lock.once(Effect.succeed(1), "key"), InMemoryBackend.layer, { local: true })
      assert.deepStrictEqual(yield* Lock.withLock(nested, "key"), Option.none())
      // as a handler that provides its own layer
      const context = yield* Effect.context<never>()
      const handler = Lock.withLock(Effect.andThen(nested, nested), "key").pipe(
        Effect.provide(InMemoryBackend.layer, { local: true })
      )
      assert.deepStrictEqual(yield* Effect.promise(() => Effect.runPromiseWith(context)(handler)), Option.none())
      const elsewhen = Effect.provide(nested, TestClock.layer())
      assert.deepStrictEqual(yield* Lock.withLock(elsewhen, "key"), Option.some(1))
    }).pipe(Effect.provide(InMemoryBackend.layer)))

  it.effect("has state of its own in every build of the fresh layer", () =>
    Effect.gen(function*() {
      const nested = Effect.provide(Lock.once(Effect.succeed(1), "key"), InMemoryBackend.layerFresh, { local: true })
      const other = yield* Lock.withLock(nested, "key")
      const same = yield* Lock.withLock(Lock.once(Effect.succeed(1), "key"), "key")
      assert.deepStrictEqual([other, same], [Option.some(1), Option.none()])
    }).pipe(Effect.provide(InMemoryBackend.layerFresh)))

  it.effect("frees a key by Effect's Clock, exactly", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      yield* store.tryAcquire(claim("key", "a", 500))
      yield* TestClock.adjust(499)
      assert.strictEqual((yield* store.tryAcquire(claim("key", "b")))._tag, "Held")
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* store.tryAcquire(claim("key", "b")))._tag, "Acquired")
    }))

  it.effect("counts who listens, and forgets them", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      yield* store.tryAcquire(claim("key", "a"))
      const waiters = Effect.map(store.inspect("key"), (occupant) => Option.getOrThrow(occupant).waiters)
      yield* Effect.scoped(Effect.gen(function*() {
        yield* store.listen!("key", "b", () => {})
        yield* store.listen!("key", "c", () => {})
        assert.strictEqual(yield* waiters, 2)
      }))
      assert.strictEqual(yield* waiters, 0)
    }))

  it.effect("counts all who wait in its backends, behind holders of their own and of others", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      const scope = yield* Scope.make()
      const [here, there] = [yield* LockBackend.make(store), yield* Scope.provide(LockBackend.make(store), scope)]
      const wait = (backend: typeof here) =>
        Effect.forkChild(
          Effect.provideService(Lock.withLock(Effect.never, "key"), LockBackend.LockBackend, backend),
          { startImmediately: true }
        )
      const waiters = Effect.map(store.inspect("key"), (occupant) => Option.getOrThrow(occupant).waiters)
      const [holder, first] = yield* Effect.forEach([here, here, here], wait)
      assert.strictEqual(yield* waiters, 2)
      yield* Effect.forEach([there, there], wait)
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* waiters, 4)
      yield* Fiber.interrupt(holder)
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* waiters, 3)
      yield* Fiber.interrupt(first)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* waiters, 0)
    }))

  it.effect("hands over to ten thousand waiters in order", () =>
    Effect.gen(function*() {
      const order: Array<number> = []
      const numbers = Array.from({ length: 10_000 }, (_, i) => i)
      yield* Lock.withLock(
        Effect.gen(function*() {
          for (const n of numbers) {
            yield* Effect.forkDetach(Lock.withLock(Effect.sync(() => order.push(n)), "key"), { startImmediately: true })
          }
        }),
        "key"
      )
      yield* Lock.withLock(Effect.void, "key")
      assert.deepStrictEqual(order, numbers)
    }).pipe(Effect.provide(InMemoryBackend.layer)))
})
