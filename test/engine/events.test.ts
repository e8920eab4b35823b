/** What those hear who listen to the locks of their process, and what is logged. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Logger, References, Stream } from "effect"
import { InMemoryBackend, Lock, LockBackend, LockConfig, LockError, type LockEvent, type LockStore } from "effect-lock"
import { TestClock } from "effect/testing"
import { withLateClock } from "./scenery.ts"
import { flush, handingOver, immediately, joined, makeProcess, scene } from "./support.ts"

const flat = (event: LockEvent.LockEvent): Record<string, unknown> => {
  const entries = Object.entries(event).filter(([name]) => name !== "fencingToken" && name !== "failure")
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Duration.isDuration(value) ? Duration.toMillis(value) : value])
  )
}

/** Listens from now on. */
const listening = Effect.gen(function*() {
  const heard: Array<Record<string, unknown>> = []
  const fiber = yield* Effect.forkChild(
    Stream.runForEach(Lock.events, (event) => Effect.sync(() => heard.push(flat(event)))),
    immediately
  )
  return { heard, fiber }
})

describe("events", () => {
  it.effect("tell of waiting, having and giving back", () =>
    Effect.gen(function*() {
      const { run, start, test } = yield* scene()
      const { heard } = yield* run(listening)
      yield* test.hold("key", { for: 400 })
      yield* start(Lock.withLock(Effect.sleep(10), "key").pipe(LockConfig.provide({ owner: "me" })))
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(heard, [
        { _tag: "Waiting", key: "key", owner: "me" },
        { _tag: "Acquired", key: "key", waited: 400 },
        { _tag: "Released", key: "key", held: 10 }
      ])
    }))

  it.effect("tell of hand-overs, timeouts and losses, and why", () =>
    Effect.gen(function*() {
      const { run, start, test } = yield* scene(handingOver)
      const { heard } = yield* run(listening)
      for (let i = 0; i < 2; i++) yield* start(Lock.withLock(Effect.sleep(10), "a"))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(heard.splice(0).map(({ _tag }) => _tag), [
        "Acquired",
        "Waiting",
        "Released",
        "HandedOver",
        "Acquired",
        "Released"
      ])
      yield* test.hold("b")
      yield* start(Effect.ignore(Lock.withLock(Effect.void, "b", { timeout: 50 })))
      yield* start(Effect.ignore(Lock.withLock(Effect.never, "c", { expires: 100, renew: false })))
      yield* TestClock.adjust(200)
      const lost = heard.find(({ _tag }) => _tag === "Lost")
      assert.deepStrictEqual([lost?.key, lost?.why], ["c", "Expired"])
      assert.deepInclude(heard, { _tag: "TimedOut", key: "b", waited: 50 })
    }))

  it.effect("tell of a lease that is handed over and does not arrive what became of it", () =>
    withLateClock((clock) =>
      Effect.gen(function*() {
        const { run, start } = yield* scene(handingOver)
        const { heard } = yield* run(listening)
        const rest = () => heard.splice(0).filter(({ _tag }) => _tag !== "Waiting").map(({ _tag }) => _tag)
        const once = Lock.withLock(Effect.sleep(10), "key", { expires: 200 })
        const had = ["Acquired", "Released"]

        yield* start(Effect.andThen(once, Lock.forceRelease("key")))
        yield* start(once)
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(rest(), [...had, "HandedOver", "Lost", ...had])

        yield* start(Effect.andThen(once, Effect.sync(() => clock.pass(180))))
        yield* start(once)
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(rest(), [...had, "HandedOver", "Released", ...had])

        yield* start(Effect.andThen(once, Effect.suspend(() => Fiber.interrupt(next))))
        const next: Fiber.Fiber<unknown, unknown> = yield* start(once)
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(rest(), [...had, "HandedOver", "Released", "GaveUp"])

        yield* start(once)
        yield* start(once)
        yield* TestClock.adjust(100)
        assert.deepStrictEqual(rest(), [...had, "HandedOver", ...had])
      })
    ))

  it.effect("tell when the backend fails, once, and when it answers again", () =>
    Effect.gen(function*() {
      const { run, start, test } = yield* scene()
      const { heard } = yield* run(listening)
      yield* start(Lock.withLock(Effect.sleep("20 seconds"), "key", { expires: "9 seconds" }))
      yield* test.down
      yield* TestClock.adjust("5 seconds")
      yield* test.up
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(heard.map(({ _tag }) => _tag), ["Acquired", "BackendDown", "BackendUp", "Released"])
    }))

  it.effect("tell what the store has to tell of itself, and it is logged once", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        lines.push(`${logLevel}: ${String(Array.isArray(message) ? message[0] : message)}`)
      })
      yield* Effect.gen(function*() {
        const store = yield* InMemoryBackend.makeStore
        let observer: LockStore.Observer | undefined
        const { engine, run } = yield* makeProcess({
          ...store,
          observe: (given) => {
            observer = given
            return () => observer = undefined
          }
        })
        const { heard } = yield* run(listening)
        const failure = new LockError.BackendFailure({
          backend: "memory",
          operation: "connect",
          kind: "Unauthorized",
          retryable: false
        })
        observer?.down(failure)
        observer?.down(failure)
        yield* TestClock.adjust("3 seconds")
        observer?.up()
        observer?.up()
        observer?.polling("the subscription is refused")
        observer?.told()
        yield* flush
        assert.deepStrictEqual(heard, [
          { _tag: "BackendDown" },
          { _tag: "BackendUp", after: 3_000 },
          { _tag: "PollingBegan", reason: "the subscription is refused" },
          { _tag: "PollingEnded" }
        ])
        yield* engine.close
        assert.isUndefined(observer)
      }).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(lines, [
        "Warn: The memory lock backend is in trouble: leases are kept until their deadline, waiters wait on, and what " +
        "has to be released is released later",
        "Info: The memory lock backend answers again, after 3.0 seconds",
        "Warn: Those who wait for locks poll, because the memory lock backend cannot tell them: the subscription is refused",
        "Info: Those who wait for locks are told again"
      ])
    }))

  it.effect("tell of those who waited and went without", () =>
    Effect.gen(function*() {
      const { run, start, test } = yield* scene()
      const { heard } = yield* run(listening)
      yield* test.hold("key")
      const waiting = yield* start(Lock.withLock(Effect.void, "key"))
      const behind = yield* start(Lock.withLock(Effect.void, "key"))
      yield* start(Lock.once(Effect.void, "key", { timeout: 70 }))
      yield* TestClock.adjust(100)
      yield* Fiber.interrupt(behind)
      yield* Fiber.interrupt(waiting)
      yield* flush
      const left = heard.filter(({ _tag }) => _tag !== "Waiting")
      assert.deepStrictEqual(left, [
        { _tag: "TimedOut", key: "key", waited: 70 },
        { _tag: "GaveUp", key: "key", waited: 100 },
        { _tag: "GaveUp", key: "key", waited: 100 }
      ])
      assert.strictEqual(heard.length - left.length, 3)
    }))

  it.effect("tell of a store in this process, too", () =>
    Effect.gen(function*() {
      const { heard } = yield* listening
      yield* Lock.withLock(Effect.void, "key")
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(heard.map(({ _tag }) => _tag), ["Acquired", "Released"])
    }).pipe(Effect.provide(InMemoryBackend.layerFresh)))

  it.effect("end with the backend, and nobody is told who has stopped listening", () =>
    Effect.gen(function*() {
      const { engine, run } = yield* scene()
      const [stays, goes] = [yield* run(listening), yield* run(listening)]
      yield* Fiber.interrupt(goes.fiber)
      yield* run(Lock.withLock(Effect.void, "key"))
      yield* engine.close
      yield* joined(stays.fiber)
      assert.strictEqual(stays.heard.length, 2)
      assert.strictEqual(goes.heard.length, 0)
    }))

  it.effect("wait for no listener", () =>
    Effect.gen(function*() {
      const { run } = yield* scene()
      let heard = 0
      const slow = Stream.runForEach(Lock.events, () => Effect.andThen(Effect.sync(() => heard++), Effect.never))
      yield* Effect.forkChild(run(slow), immediately)
      for (let i = 0; i < 3_000; i++) yield* run(Lock.withLock(Effect.void, "key"))
      assert.strictEqual(heard, 1)
    }))
})

describe("logs", () => {
  const logged = (level: "Debug" | "Info", body: Effect.Effect<void, unknown, LockBackend.LockBackend>) =>
    Effect.gen(function*() {
      const lines: Array<readonly [string, Record<string, unknown>]> = []
      const logger = Logger.make(({ fiber, logLevel, message }) => {
        const [first] = Array.isArray(message) ? message : [message]
        lines.push([`${logLevel} ${String(first)}`, { ...fiber.getRef(References.CurrentLogAnnotations) }])
      })
      yield* Effect.exit(body).pipe(
        Effect.provide(
          LockBackend.layer(Effect.map(InMemoryBackend.makeStore, (store) => ({ ...store, name: "mine" })))
        ),
        Effect.provide(LockConfig.layer({ owner: "me" })),
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, level)
      )
      return lines
    })

  it.effect("follow a lock's life at the level of debugging, and say whose it is", () =>
    Effect.gen(function*() {
      const lines = yield* logged("Debug", Lock.withLock(Effect.void, "key"))
      const annotations = { "lock.backend": "mine", "lock.owner": "me", "lock.key": "key" }
      assert.deepStrictEqual(lines, [["Debug Lock Acquired", annotations], ["Debug Lock Released", annotations]])
    }))

  it.effect("say nothing of locks that are well, otherwise", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* logged("Info", Lock.withLock(Effect.void, "key")), [])
    }))
})
