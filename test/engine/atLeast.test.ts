/** Keys that stay taken for a while, however short the work. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Option } from "effect"
import { InMemoryBackend, Lock, LockBackend, type LockStore } from "effect-lock"
import { TestBackend } from "effect-lock/testing"
import { TestClock } from "effect/testing"
import { assertClean, ending, flush, forms, granting, joined, makeProcess, now, outcome } from "./support.ts"

type Store = LockStore.LockStore

const isTaken = (store: Store) => Effect.map(store.inspect("key"), Option.isSome)

/** When the key is free, in milliseconds from now. */
const freeIn = (store: Store) =>
  Effect.gen(function*() {
    const start = yield* now
    while (yield* isTaken(store)) yield* TestClock.adjust(10)
    return (yield* now) - start
  })

for (const [form, makeStore] of Object.entries(forms)) {
  describe(`a key of a store ${form} stays taken`, () => {
    it.effect("for nobody who has lost it, and is no trouble to who has it then", () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const [one, other] = [yield* makeProcess(store), yield* makeProcess(store)]
        const late = Effect.uninterruptible(Effect.sleep(5_000))
        const loser = yield* one.start(Effect.exit(Lock.withLock(late, "key", { atLeast: "1 minute" })))
        yield* TestClock.adjust(1_000)
        assert.isTrue(yield* other.run(Lock.forceRelease("key")))
        const holder = yield* other.start(Lock.withLock(Effect.sleep("10 minutes"), "key", { expires: "20 seconds" }))
        yield* TestClock.adjust(1_000)
        const { token } = Option.getOrThrow(yield* store.inspect("key"))
        for (let minute = 0; minute < 9; minute++) {
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(Option.getOrThrow(yield* store.inspect("key")).token, token)
        }
        // Of a store in the process it hears at once, of others with its next renewal, which it does not come to.
        assert.strictEqual(ending(yield* joined(loser)), form === "in place" ? "LockLost" : "Success")
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(outcome(holder), "Success")
      }))

    for (const expires of ["10 seconds", "5 minutes"] as const) {
      it.effect(`for a minute from when it was taken, with leases of ${expires}`, () =>
        Effect.gen(function*() {
          const store = yield* makeStore
          const one = yield* makeProcess(store)
          const other = yield* makeProcess(store)
          const options = { atLeast: "1 minute", expires } as const
          const job = (at: number) => Lock.once(Effect.as(Effect.sleep(at), "ran"), "key", options)
          const first = yield* one.start(job(1_000))
          yield* TestClock.adjust(1_000)
          // The caller is not held up, and its own process is refused as others are.
          assert.deepStrictEqual(yield* joined(first), Option.some("ran"))
          for (const process of [one, other]) assert.deepStrictEqual(yield* process.run(job(0)), Option.none())
          assert.strictEqual(yield* freeIn(store), 59_000)
          yield* assertClean({ inner: store, engine: one.engine }, "key")
          assert.deepStrictEqual(yield* other.run(job(0)), Option.some("ran"))
        }))
    }

    it.effect("whatever the outcome, also for work that has outlived renewals", () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const { engine, run, start } = yield* makeProcess(store)
        const locked = <A, E>(work: Effect.Effect<A, E>) =>
          Lock.withLock(work, "key", { atLeast: "1 minute", timeout: 0 })
        for (
          const [work, how] of [[Effect.fail("no"), "no"], [Effect.die("bug"), "Die"], [
            Effect.interrupt,
            "Interrupt"
          ]] as const
        ) {
          assert.strictEqual(ending(yield* Effect.exit(run(locked(work)))), how)
          assert.strictEqual(yield* freeIn(store), 60_000)
        }
        const long = yield* start(locked(Effect.sleep("50 seconds")))
        yield* TestClock.adjust("50 seconds")
        assert.strictEqual(outcome(long), "Success")
        assert.strictEqual(yield* freeIn(store), 10_000)
        const longer = yield* start(locked(Effect.sleep("2 minutes")))
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(outcome(longer), "Success")
        assert.isFalse(yield* isTaken(store))
        const stopped = yield* start(locked(Effect.never))
        yield* TestClock.adjust("30 seconds")
        yield* Effect.forkDetach(Fiber.interrupt(stopped), { startImmediately: true })
        yield* flush
        assert.isDefined(stopped.pollUnsafe())
        assert.strictEqual(yield* freeIn(store), 30_000)
        yield* assertClean({ inner: store, engine }, "key")
      }))

    it.effect("for those who wait in the same process, too, who then take turns", () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const one = yield* makeProcess(store)
        const other = yield* makeProcess(store)
        const began: Array<number> = []
        const work = Effect.map(now, (at) => began.push(at))
        const locked = Lock.withLock(work, "key", { atLeast: "20 seconds", timeout: "10 minutes" })
        const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
        for (const { start } of [one, one, one, other, other]) fibers.push(yield* start(locked))
        for (let i = 0; i < 1_100; i++) yield* TestClock.adjust(100)
        assert.isTrue(fibers.every((fiber) => Exit.isSuccess(fiber.pollUnsafe()!)))
        for (const [i, at] of began.entries()) if (i > 0) assert.isAtLeast(at - began[i - 1], 20_000)
        assert.isAtMost(yield* freeIn(store), 20_000)
        for (const { engine } of [one, other]) yield* assertClean({ inner: store, engine }, "key")
      }))

    it.effect("when the process has ended, and when it was killed", () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const closing = yield* Effect.forkChild(
          Effect.scoped(Effect.gen(function*() {
            const backend = yield* LockBackend.make(store)
            yield* Effect.provideService(
              Lock.withLock(Effect.sleep(1_000), "key", { atLeast: "1 minute" }),
              LockBackend.LockBackend,
              backend
            )
          })),
          { startImmediately: true }
        )
        yield* TestClock.adjust(2_000)
        yield* joined(closing)
        assert.strictEqual(yield* freeIn(store), 58_000)
      }))
  })
}

describe("staying taken", () => {
  const scene = (change: (store: Store) => Store = (store) => store) =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const test = yield* TestBackend.make(inner)
      return { test, inner, ...(yield* makeProcess(change(test.store))) }
    })

  const operations = (test: TestBackend.TestBackend["Service"]) =>
    Effect.map(test.calls, (calls) => calls.map(({ operation }) => operation))

  it.effect("costs nothing where the lease is as long, and one extension where it is longer", () =>
    Effect.gen(function*() {
      const { run, test } = yield* scene()
      yield* run(Lock.withLock(Effect.void, "key", { atLeast: "1 minute" }))
      yield* run(Lock.withLock(Effect.void, "other", { atLeast: "2 seconds" }))
      assert.deepStrictEqual(yield* operations(test), ["tryAcquire", "tryAcquire", "extend"])
      // Then it is given back, so that the store forgets it, and those who wait are told.
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* operations(test)).slice(3), ["release", "release"])
    }))

  it.effect("is kept up, and ended in time, when the backend was out of reach meanwhile", () =>
    Effect.gen(function*() {
      const { engine, inner, start, test } = yield* scene()
      const fiber = yield* start(Lock.withLock(test.down, "key", { atLeast: "5 seconds", expires: "1 hour" }))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(outcome(fiber), "Success")
      yield* test.up
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* freeIn(inner), 1_000)
      const late = yield* start(Lock.withLock(test.down, "key", { atLeast: "5 seconds", expires: "1 hour" }))
      yield* TestClock.adjust("1 minute")
      yield* test.up
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(outcome(late), "Success")
      yield* assertClean({ inner, engine, test }, "key")
    }))

  it.effect("is ended in time when a renewal is executed after the work has ended", () =>
    Effect.gen(function*() {
      const { engine, inner, start, test } = yield* scene()
      yield* test.delayRequest("extend", 900, { times: 1 })
      yield* start(Lock.withLock(Effect.sleep(4_000), "key", { atLeast: "8 seconds", expires: "10 seconds" }))
      yield* TestClock.adjust(5_000)
      assert.strictEqual(yield* freeIn(inner), 3_000)
      yield* assertClean({ inner, engine, test }, "key")
    }))

  it.effect("is not undone by a lease that a queue gave for a shorter time", () =>
    Effect.gen(function*() {
      const inner = yield* granting
      const run = Effect.runSyncWith(yield* Effect.context<never>())
      const short: Store = {
        ...inner,
        listen: (key, token, notify) =>
          inner.listen!(key, token, (grant) => {
            run(inner.extend({ key, token, expiresMillis: 3_000 }))
            notify(grant && { ...grant, leaseMillis: 3_000 })
          })
      }
      const { start } = yield* makeProcess(short)
      yield* inner.tryAcquire({ key: "key", token: "before", expiresMillis: 60_000, wait: false })
      const fiber = yield* start(Lock.withLock(Effect.void, "key", { atLeast: "1 minute" }))
      yield* flush
      yield* inner.release("key", "before")
      yield* flush
      assert.strictEqual(outcome(fiber), "Success")
      assert.strictEqual(yield* freeIn(inner), 60_000)
    }))

  it.effect("goes with sharing, and ends with a forced release", () =>
    Effect.gen(function*() {
      const { inner, run } = yield* scene()
      const once = Lock.once(Effect.void, "key", { atLeast: "1 minute", share: { limit: 2 } })
      const took = [yield* run(once), yield* run(once), yield* run(once)]
      assert.deepStrictEqual(took.map(Option.isSome), [true, true, false])
      assert.isTrue(yield* run(Lock.forceRelease("key")))
      assert.isFalse(yield* isTaken(inner))
    }))

  it.effect("is checked", () =>
    Effect.gen(function*() {
      const { run } = yield* scene((store) => ({ ...store, maxExpires: Duration.hours(1) }))
      for (const atLeast of [-1, Infinity, NaN, "soon" as never, "2 hours"] as const) {
        assert.strictEqual(
          ending(yield* Effect.exit(run(Lock.withLock(Effect.void, "key", { atLeast })))),
          "InvalidOptions"
        )
      }
    }))
})
