/** Keys that are watched by those who do not want them. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Option, Schedule, Stream } from "effect"
import { InMemoryBackend, Lock, type LockError, type LockStore, OpenBackend } from "effect-lock"
import { TestBackend } from "effect-lock/testing"
import { TestClock } from "effect/testing"
import { assertClean, ending, flush, makeProcess, now, outcome } from "./engine/support.ts"

type Store = LockStore.LockStore

const forms: Record<string, (store: Store) => Store> = {
  "in place": (store) => store,
  "by its operations": (store) => ({ ...store }),
  "that does not tell": (store) => ({ ...store, watch: undefined, listen: undefined })
}

/** A watch in a process of its own; what it has seen, with when. */
const watch = Effect.fnUntraced(function*(store: Store, options?: Lock.WatchOptions) {
  const process = yield* makeProcess(store)
  const seen: Array<readonly [number, boolean]> = []
  const fiber = yield* process.start(
    Lock.changes("key", options).pipe(
      Stream.runForEach((holder) => Effect.map(now, (at) => seen.push([at, Option.isSome(holder)])))
    )
  )
  yield* flush
  return { ...process, seen, fiber }
})

const stop = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.forkDetach(Fiber.interrupt(fiber), { startImmediately: true })

for (const [form, change] of Object.entries(forms)) {
  const tells = change({ watch: 1 } as never).watch !== undefined
  describe(`a key of a store ${form}`, () => {
    it.effect("is seen free, taken and free, and the end of a lease that nobody gives back", () =>
      Effect.gen(function*() {
        const inner = yield* InMemoryBackend.makeStore
        const holder = yield* makeProcess(change(inner))
        const { engine, fiber, seen } = yield* watch(change(inner))
        yield* TestClock.adjust(1_500)
        yield* holder.start(Lock.withLock(Effect.sleep(10_000), "key", { expires: "3 seconds" }))
        yield* TestClock.adjust(20_000)
        // By the end of a lease, if by nothing else, it looks again.
        yield* inner.tryAcquire({ key: "key", token: "gone", expiresMillis: 300, wait: false })
        yield* TestClock.adjust(2_000)
        const times = seen.map(([at]) => at)
        if (tells) {
          assert.deepStrictEqual(seen.slice(0, 4), [[0, false], [1_500, true], [11_500, false], [21_500, true]])
          assert.isAtMost(times[4], 21_810)
        } else {
          assert.deepStrictEqual(seen.slice(0, 2), [[0, false], [2_000, true]])
          assert.isAtMost(times[2], 13_000)
        }
        yield* stop(fiber)
        yield* flush
        yield* assertClean({ inner, engine }, "key")
      }))

    it.effect("is awaited until it is free", () =>
      Effect.gen(function*() {
        const inner = yield* InMemoryBackend.makeStore
        const holder = yield* makeProcess(change(inner))
        const observer = yield* makeProcess(change(inner))
        yield* observer.run(Lock.awaitFree("key", { timeout: 0 }))
        yield* holder.start(Lock.withLock(Effect.sleep(5_500), "key"))
        yield* flush
        const exit = yield* Effect.exit(observer.run(Lock.awaitFree("key", { timeout: 0 })))
        assert.strictEqual(ending(exit), "LockTimeout")
        const late = yield* observer.start(Lock.awaitFree("key", { timeout: "5 seconds" }))
        const inTime = yield* observer.start(Effect.andThen(Lock.awaitFree("key"), now))
        yield* TestClock.adjust(5_400)
        const { reason } = yield* Effect.flip(Fiber.join(late))
        assert.deepInclude(reason, { _tag: "LockTimeout", key: "key", timeout: Duration.seconds(5) })
        assert.isDefined((reason as LockError.LockTimeout).holder)
        assert.strictEqual(outcome(inTime), "Running")
        yield* TestClock.adjust(1_000)
        assert.isAtMost(yield* Fiber.join(inTime), tells ? 5_500 : 6_400)
        yield* assertClean({ inner, engine: observer.engine }, "key")
      }))
  })
}

describe("a watch", () => {
  const troubled = Effect.gen(function*() {
    const inner = yield* InMemoryBackend.makeStore
    return { inner, test: yield* TestBackend.make(inner) }
  })

  it.effect("of a process that hands its lease on sees one holder", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const handing: Store = { ...inner, handOver: { times: 100, within: Duration.seconds(30) } }
      const holder = yield* makeProcess(handing)
      for (let i = 0; i < 5; i++) yield* holder.start(Lock.withLock(Effect.sleep(700), "key"))
      const { seen } = yield* watch(handing)
      yield* TestClock.adjust(3_000)
      assert.deepStrictEqual(seen, [[0, true]])
    }))

  it.effect("outlives trouble that passes, and fails of what does not", () =>
    Effect.gen(function*() {
      const { test } = yield* troubled
      const { fiber, seen } = yield* watch(test.store)
      yield* test.down
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(outcome(fiber), "Running")
      yield* test.hold("key")
      yield* test.up
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen.map(([, is]) => is), [false, true])
      yield* test.fail("inspect", { kind: "Unauthorized", retryable: false, times: 1 })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(outcome(fiber), "BackendFailure")
    }))

  it.effect("looks as its schedule says, and ends with it", () =>
    Effect.gen(function*() {
      const { test } = yield* troubled
      const store = { ...test.store, watch: undefined }
      const look = Schedule.max([Schedule.spaced("7 seconds"), Schedule.recurs(3)])
      const { fiber } = yield* watch(store, { look })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(outcome(fiber), "Success")
      const looks = (yield* test.calls).filter(({ operation }) => operation === "inspect").map(({ at }) => at)
      assert.deepStrictEqual(looks, [0, 7_000, 14_000, 21_000])
      const { run } = yield* makeProcess(store)
      yield* test.hold("key")
      const ended = yield* Effect.forkChild(Effect.exit(run(Lock.awaitFree("key", { look }))))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(ending(yield* Fiber.join(ended)), "LockTimeout")
    }))

  it.effect("hears of changes, and of the end of a lease, also while a step of its schedule takes time", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const holder = yield* makeProcess(inner)
      const look = Schedule.modifyDelay(Schedule.spaced("1 second"), () => Effect.as(Effect.sleep("1 hour"), 0))
      const { fiber, seen } = yield* watch(inner, { look })
      yield* holder.start(Lock.withLock(Effect.sleep(500), "key"))
      yield* TestClock.adjust(1_000)
      yield* inner.tryAcquire({ key: "key", token: "gone", expiresMillis: 300, wait: false })
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(seen.slice(0, 4), [[0, false], [0, true], [500, false], [1_000, true]])
      assert.lengthOf(seen, 5)
      yield* stop(fiber)
    }))

  it.effect("for a free key is never too short, however slow the store, and has a last look at its end", () =>
    Effect.gen(function*() {
      const { test } = yield* troubled
      const { run } = yield* makeProcess({ ...test.store, watch: undefined })
      const free = (timeout: number) =>
        Effect.exit(run(Lock.awaitFree("key", { timeout, look: Schedule.spaced("1 hour") })))
      yield* test.delay("inspect", 300, { times: 3 })
      for (const timeout of [0, 1, 299]) {
        const fiber = yield* Effect.forkChild(free(timeout))
        yield* TestClock.adjust(300)
        assert.strictEqual(ending(yield* Fiber.join(fiber)), "Success")
      }
      yield* test.hold("key")
      const waiting = yield* Effect.forkChild(free(5_000))
      yield* TestClock.adjust(4_000)
      yield* test.free("key")
      yield* TestClock.adjust(1_000)
      assert.strictEqual(ending(yield* Fiber.join(waiting)), "Success")
    }))

  it.effect("looks again once it is subscribed to news, and at news that comes while it looks", () =>
    Effect.gen(function*() {
      const { test } = yield* troubled
      const inner = test.store
      const late: Store = { ...inner, watch: (key, notify) => Effect.delay(inner.watch!(key, notify), 200) }
      const slow: Store = { ...inner, inspect: (key) => Effect.tap(inner.inspect(key), Effect.sleep(200)) }
      for (const store of [late, slow]) {
        const { engine, run } = yield* makeProcess(store)
        yield* test.hold("key")
        const waiting = yield* Effect.forkChild(run(Lock.awaitFree("key")))
        yield* TestClock.adjust(100)
        yield* test.free("key")
        // No later than by the next answer, and not in a second.
        yield* TestClock.adjust(400)
        assert.strictEqual(outcome(waiting), "Success")
        yield* assertClean({ inner, engine }, "key")
      }
    }))

  it.effect("of a store that does not answer is no holder", () =>
    Effect.gen(function*() {
      const { test } = yield* troubled
      const { run } = yield* makeProcess(test.store)
      yield* test.down
      const fiber = yield* Effect.forkChild(Effect.exit(run(Lock.awaitFree("key", { timeout: "5 seconds" }))))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(ending(yield* Fiber.join(fiber)), "BackendFailure")
    }))

  it.effect("that makes no sense fails", () =>
    Effect.gen(function*() {
      const { run } = yield* makeProcess(yield* InMemoryBackend.makeStore)
      const wrong = { look: 5 as never }
      assert.strictEqual(ending(yield* Effect.exit(run(Lock.awaitFree("key", wrong)))), "InvalidOptions")
      assert.strictEqual(ending(yield* Effect.exit(run(Stream.runDrain(Lock.changes("key", wrong))))), "InvalidOptions")
      assert.strictEqual(ending(yield* Effect.exit(run(Lock.awaitFree("")))), "InvalidOptions")
    }))

  it.effect("of an open backend sees nobody", () =>
    Lock.awaitFree("key").pipe(Lock.withLock("key"), Effect.provide(OpenBackend.layer)))
})
