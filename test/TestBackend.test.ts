import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Option, Stream } from "effect"
import { InMemoryBackend, Lock, LockBackend, LockConfig, type LockError } from "effect-lock"
import { TestBackend } from "effect-lock/testing"
import { TestClock } from "effect/testing"

const start = { startImmediately: true } as const

const outcomes = Effect.map(
  TestBackend.TestBackend.use((test) => test.calls),
  (calls) => calls.map(({ at, operation, outcome }) => `${at} ${operation} ${outcome}`)
)

describe("TestBackend", () => {
  it.effect("holds a key as another process until it is freed", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      yield* test.hold("key")
      yield* TestClock.adjust("1 day")
      const fiber = yield* Effect.forkChild(Lock.withLock(Effect.succeed(1), "key"), start)
      assert.isUndefined(fiber.pollUnsafe())
      assert.isTrue(yield* test.free("key"))
      assert.isFalse(yield* test.free("key"))
      yield* TestClock.adjust("0 millis")
      assert.strictEqual(yield* Fiber.join(fiber), 1)
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("holds a shared key as several processes, beside whoever shares it, and takes it from all", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      const share = { permits: 1, limit: 3 }
      yield* test.hold("key", { share })
      yield* test.hold("key", { share })
      const holding = yield* Effect.forkChild(
        Effect.flip(Lock.withPermits(Effect.never, "key", { limit: 3, expires: "3 seconds" })),
        start
      )
      assert.lengthOf(yield* Lock.holders("key"), 3)
      const waiting = yield* Effect.forkChild(Lock.withPermits(Effect.succeed(1), "key", { limit: 3 }), start)
      assert.isUndefined(waiting.pollUnsafe())
      assert.isTrue(yield* test.free("key"))
      yield* TestClock.adjust("0 millis")
      assert.strictEqual(yield* Fiber.join(waiting), 1)
      yield* test.steal("key")
      assert.deepStrictEqual((yield* Lock.holders("key")).map(({ permits }) => permits), [undefined])
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(holding)).reason._tag, "LockLost")
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("holds a key for as long as it is told", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      yield* test.hold("key", { for: "3 seconds" })
      yield* TestClock.adjust("2999 millis")
      assert.isTrue(Option.isSome(yield* Lock.inspect("key")))
      yield* TestClock.adjust("1 millis")
      assert.isTrue(Option.isNone(yield* Lock.inspect("key")))
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("dies when it is to hold a key that somebody has", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      const exit = yield* Effect.exit(Lock.withLock(test.hold("key"), "key"))
      assert.include(String(exit), `"key" is held already, use steal`)
      assert.strictEqual(exit._tag === "Failure" ? exit.cause.reasons[0]._tag : undefined, "Die")
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("a waiter hears of a stolen key only when the thief has it, also when another key is stolen meanwhile", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      const test = yield* TestBackend.make({
        ...store,
        release: (key, token) => Effect.delay(store.release(key, token), key === "slow" ? "1 second" : 0)
      })
      yield* Effect.forEach(["slow", "fast"], (key) => test.hold(key))
      const heard: Array<boolean> = []
      const look = Effect.map(store.inspect("slow"), (found) => heard.push(Option.isSome(found)))
      const services = yield* Effect.context<never>()
      yield* test.store.listen!("slow", "token", () => void Effect.runSyncWith(services)(look))
      const stealing = yield* Effect.forkChild(test.steal("slow"), start)
      yield* test.steal("fast")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stealing)
      assert.deepStrictEqual(heard, [true])
    }).pipe(Effect.scoped))

  it.effect("steals a lease, of which the holder hears at its next renewal, and keeps the key", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      const fiber = yield* Effect.forkChild(
        Effect.flip(Lock.withLock(Effect.never, "key", { expires: "3 seconds" })),
        start
      )
      yield* test.steal("key")
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "LockLost")
      assert.isTrue(yield* test.free("key"))
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("drops a key, which is free from then on", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      yield* test.hold("key")
      yield* test.drop("key")
      assert.isFalse(yield* test.free("key"))
      assert.strictEqual(yield* Lock.withLock(Effect.succeed(1), "key", { timeout: 0 }), 1)
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("fails the next calls of one operation and no others", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      yield* test.fail("tryAcquire", { times: 1, kind: "OutOfMemory", retryable: false })
      const error = yield* Effect.flip(Lock.withLock(Effect.void, "key"))
      assert.propertyVal(error.reason, "kind", "OutOfMemory")
      assert.propertyVal(error.reason, "operation", "acquire")
      yield* Lock.withLock(Effect.void, "key")
      const calls = yield* outcomes
      assert.deepStrictEqual(calls, [
        "0 tryAcquire Failed",
        "0 release NotHeld",
        "0 tryAcquire Acquired",
        "0 release Released"
      ])
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("executes a call that fails only in its answer", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      yield* test.fail("tryAcquire", { executed: true, times: 1 })
      const fiber = yield* Effect.forkChild(Lock.withLock(Effect.never, "key", { timeout: 0 }).pipe(Effect.exit), start)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* outcomes, ["0 tryAcquire Failed", "0 release Released"])
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("fails until it is healed, operation by operation", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      yield* test.fail("inspect")
      yield* test.fail("any", { kind: "Loading" })
      const kind = Effect.map(Effect.flip(Lock.inspect("key")), ({ reason }) =>
        reason._tag === "BackendFailure" ? reason.kind : undefined)
      assert.deepStrictEqual([yield* kind, yield* kind], ["Unreachable", "Unreachable"])
      yield* test.heal("inspect")
      assert.strictEqual(yield* kind, "Loading")
      yield* test.heal()
      assert.isTrue(Option.isNone(yield* Lock.inspect("key")))
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("delays an answer after executing the call, and a request before", () =>
    Effect.gen(function*() {
      const { delay, delayRequest, store } = yield* TestBackend.TestBackend
      const claim = { token: "a", expiresMillis: 60_000, wait: false }
      yield* delay("tryAcquire", "2 seconds", { times: 1 })
      yield* delayRequest("tryAcquire", "3 seconds", { times: 1 })
      const late = yield* Effect.forkChild(store.tryAcquire({ ...claim, key: "late reply" }), start)
      const later = yield* Effect.forkChild(store.tryAcquire({ ...claim, key: "late request" }), start)
      const held = Effect.map(
        Effect.all([store.inspect("late reply"), store.inspect("late request")]),
        (occupants) => occupants.map(Option.isSome)
      )
      assert.deepStrictEqual(yield* held, [true, false])
      yield* TestClock.adjust("1999 millis")
      assert.isUndefined(late.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.isDefined(late.pollUnsafe())
      yield* Fiber.interrupt(later)
      assert.deepStrictEqual(yield* held, [true, false])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* held, [true, true])
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("loses the reply of a call it executes, or the request of one it does not", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      const claim = { token: "a", expiresMillis: 60_000, wait: false }
      yield* test.loseReply("tryAcquire", { times: 1 })
      yield* test.loseRequest("tryAcquire", { times: 1 })
      const fibers = yield* Effect.forEach(["reply", "request"], (key) =>
        Effect.forkChild(test.store.tryAcquire({ ...claim, key }), start))
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(
        fibers.map((fiber) =>
          fiber.pollUnsafe()
        ),
        [undefined, undefined]
      )
      assert.deepStrictEqual(yield* outcomes, ["0 tryAcquire Unanswered", "0 tryAcquire Unanswered"])
      const calls = yield* test.calls
      assert.deepStrictEqual(calls.map(({ key, token }) => [key, token]), [["reply", "a"], ["request", "a"]])
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("tells the executed call of a lost reply from the other by what the store has", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      const claim = { key: "key", token: "a", expiresMillis: 60_000, wait: false }
      const inspect = Effect.map(test.store.inspect("key"), Option.isSome)
      yield* test.loseRequest("tryAcquire", { times: 1 })
      yield* Effect.forkChild(test.store.tryAcquire(claim), start)
      assert.isFalse(yield* inspect)
      yield* test.loseReply("tryAcquire", { times: 1 })
      yield* Effect.forkChild(test.store.tryAcquire(claim), start)
      assert.isTrue(yield* inspect)
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("is down for every call until it is up, and the scripts wait", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      yield* test.fail("inspect", { times: 1, kind: "Loading" })
      yield* test.down
      const kind = Effect.map(Effect.flip(Lock.inspect("key")), ({ reason }) =>
        reason._tag === "BackendFailure" ? reason.kind : undefined)
      assert.strictEqual(yield* kind, "Unreachable")
      yield* test.up
      assert.strictEqual(yield* kind, "Loading")
      assert.isTrue(Option.isNone(yield* Lock.inspect("key")))
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("is down also for who looks at all holders, lists keys, or takes a lock over", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      const ticket = yield* Lock.withLock((lease) => Lock.detach(lease), "key")
      yield* test.down
      const looks: ReadonlyArray<Effect.Effect<unknown, LockError.LockError, LockBackend.LockBackend>> = [
        Lock.holders("key"),
        Stream.runDrain(Lock.list()),
        Effect.scoped(Lock.adopt(ticket, { timeout: 0 })),
        Lock.forceRelease("key")
      ]
      for (const look of looks) {
        const { reason } = yield* Effect.flip(look)
        assert.strictEqual(reason._tag === "BackendFailure" && reason.kind, "Unreachable")
      }
      yield* test.up
      yield* test.fail("transfer", { times: 1, kind: "Loading", retryable: false })
      const { reason } = yield* Effect.flip(Effect.scoped(Lock.adopt(ticket)))
      assert.strictEqual(reason._tag === "BackendFailure" && reason.operation, "acquire")
      assert.lengthOf(yield* Lock.holders("key"), 1)
      const operations = Effect.map(test.calls, (calls) => calls.map(({ operation }) => operation))
      assert.includeMembers(Array.from(yield* operations), ["inspect", "list", "transfer"])
    }).pipe(Effect.provide(TestBackend.layer)))

  it.effect("sees keys with their prefix", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      yield* test.hold("shop:key")
      assert.isTrue(Option.isNone(yield* Lock.once(Effect.void, "key")))
    }).pipe(LockConfig.provide({ keyPrefix: "shop:" }), Effect.provide(TestBackend.layer)))

  it.effect("has state of its own in every build", () =>
    Effect.gen(function*() {
      const held = Effect.andThen(
        TestBackend.TestBackend.use((test) => test.hold("key")),
        Effect.map(TestBackend.TestBackend.use((test) => test.calls), (calls) => calls.length)
      )
      const first = yield* Effect.provide(Effect.andThen(Lock.inspect("key"), held), TestBackend.layer, { local: true })
      const second = yield* Effect.provide(held, TestBackend.layer, { local: true })
      assert.deepStrictEqual([first, second], [1, 0])
    }))

  it.effect("is one more process for every backend made from its store", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.TestBackend
      const other = yield* LockBackend.make(test.store)
      const held = yield* Lock.withLock(
        Effect.provideService(Lock.once(Effect.void, "key"), LockBackend.LockBackend, other),
        "key"
      )
      assert.isTrue(Option.isNone(held))
    }).pipe(Effect.provide(TestBackend.layer)))

  const scripts = {
    loseReply: (test: TestBackend.TestBackend["Service"]) => test.loseReply("any"),
    loseRequest: (test: TestBackend.TestBackend["Service"]) => test.loseRequest("any"),
    delay: (test: TestBackend.TestBackend["Service"]) => test.delay("any", "1 day"),
    delayRequest: (test: TestBackend.TestBackend["Service"]) => test.delayRequest("any", "1 day")
  }
  for (const [name, script] of Object.entries(scripts)) {
    it.effect(`does not make the end of a test wait after ${name}`, () =>
      Effect.gen(function*() {
        const left = yield* Effect.provide(
          Effect.gen(function*() {
            const test = yield* TestBackend.TestBackend
            yield* script(test)
            const fiber = yield* Effect.forkChild(Lock.withLock(Effect.void, "key", { timeout: 0 }), start)
            yield* TestClock.adjust("500 millis")
            return fiber.pollUnsafe()
          }),
          TestBackend.layer
        )
        assert.isUndefined(left)
      }))
  }

  it.effect("does not make the end of a test wait when it is down", () =>
    Effect.gen(function*() {
      yield* Effect.provide(
        Lock.withLock(TestBackend.TestBackend.use((test) => test.down), "key"),
        TestBackend.layer
      )
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    }))
})
