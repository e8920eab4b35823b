/** A lease is looked at when it is received: what is over, or nearly so, is none. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Option, Tracer } from "effect"
import { InMemoryBackend, Lock, type LockStore } from "effect-lock"
import { TestClock } from "effect/testing"
import { reasonOf, the, withLateClock } from "./scenery.ts"
import { assertClean, flush, granting, handingOver, joined, makeProcess, now, outcome, scene } from "./support.ts"

describe("a lease that is handed over while the event loop is late", () => {
  for (const late of [180, 500]) {
    it.effect(`by ${late} ms of 200 is no lease any more: the next one asks the store`, () =>
      withLateClock((clock) =>
        Effect.gen(function*() {
          const all = yield* scene(handingOver)
          const other = yield* makeProcess(all.inner)
          // What follows the section keeps the event loop from the one who is next.
          const first = yield* all.start(
            Effect.andThen(
              Lock.withLock(Effect.sleep(20), "key", { expires: 200 }),
              Effect.sync(() => clock.pass(late))
            )
          )
          const seen: Array<boolean> = []
          const second = yield* all.start(Lock.withLock(
            (lease) =>
              Effect.gen(function*() {
                assert.isAbove(Duration.toMillis(yield* lease.remaining), 100)
                const holder = Option.getOrThrow(yield* Effect.orDie(all.inner.inspect("key")))
                seen.push(holder.remainingMillis! > 100)
                seen.push(Option.isNone(yield* other.run(Lock.once(Effect.void, "key"))))
                return lease.fencingToken
              }),
            "key",
            { expires: 200 }
          ))
          yield* TestClock.adjust(20)
          yield* flush
          assert.deepStrictEqual([first, second].map(outcome), ["Success", "Success"])
          assert.deepStrictEqual(seen, [true, true])
          yield* assertClean(all, "key")
        })
      ))
  }

  it.effect("is given back, so that others need not wait for its end when nobody takes it", () =>
    withLateClock((clock) =>
      Effect.gen(function*() {
        const all = yield* scene(handingOver)
        const expires = "10 seconds"
        yield* all.start(
          Effect.andThen(Lock.withLock(Effect.sleep(20), "key", { expires }), Effect.sync(() => clock.pass(500)))
        )
        const second = yield* all.start(Lock.withLock(Effect.never, "key", { expires }))
        yield* all.start(Effect.delay(Effect.sync(() => second.interruptUnsafe()), 20))
        yield* TestClock.adjust(20)
        yield* flush
        assert.strictEqual(outcome(second), "Interrupt")
        yield* assertClean(all, "key")
      })
    ))

  it.effect("and lost on its way is told to nobody: the next one asks the store", () =>
    Effect.gen(function*() {
      const all = yield* scene(handingOver)
      yield* all.start(Effect.andThen(Lock.withLock(Effect.sleep(20), "key"), Lock.forceRelease("key")))
      const second = yield* all.start(Lock.withLock((lease) => lease.remaining, "key"))
      yield* TestClock.adjust(20)
      yield* flush
      assert.strictEqual(outcome(second), "Success")
      yield* assertClean(all, "key")
    }))
})

describe("a grant", () => {
  /** Tells of grants that are altered on their way. */
  const altering = (store: LockStore.LockStore, alter: (grant: LockStore.Grant) => LockStore.Grant) => ({
    ...store,
    listen: (key: string, token: string, notify: (grant: LockStore.Grant | undefined) => void) =>
      store.listen!(key, token, (grant) => notify(grant && alter(grant)))
  })

  const altered = (alter: (grant: LockStore.Grant) => unknown) =>
    Effect.gen(function*() {
      const all = yield* scene((store) => altering(store, alter as never), granting)
      yield* all.test.hold("key")
      const fiber = yield* all.start(Lock.withLock(
        (lease) =>
          Effect.gen(function*() {
            const holder = Option.getOrThrow(yield* Effect.orDie(all.inner.inspect("key")))
            const remaining = Duration.toMillis(yield* lease.remaining)
            return { remaining, held: holder.remainingMillis!, fencingToken: lease.fencingToken }
          }),
        "key",
        { expires: 1_000, timeout: 20_000 }
      ))
      yield* TestClock.adjust(100)
      const asks = yield* all.test.calls
      yield* all.test.free("key")
      yield* flush
      return { all, fiber, asked: asks.length }
    })

  it.effect("is a lease without asking again", () =>
    Effect.gen(function*() {
      const { all, asked, fiber } = yield* altered((grant) => grant)
      assert.strictEqual((yield* joined(fiber)).remaining, 1_000)
      const { operation } = (yield* all.test.calls)[asked]
      assert.strictEqual(operation, "release")
      yield* assertClean(all, "key")
    }))

  for (
    const [name, alter] of [
      ["that is over", (grant) => ({ ...grant, sinceMillis: grant.sinceMillis - 1_000 })],
      ["that is nearly over", (grant) => ({ ...grant, sinceMillis: grant.sinceMillis - 900 })],
      ["of a lease that is none", (grant) => ({ ...grant, leaseMillis: NaN })],
      ["of a lease of nothing", (grant) => ({ ...grant, leaseMillis: 0 })],
      ["of a fencing token that is none", (grant) => ({ ...grant, fencingToken: NaN })],
      ["since a time that is none", (grant) => ({ ...grant, sinceMillis: undefined })],
      ["of another shape", () => ({})],
      ["that is a word", () => "granted"]
    ] as ReadonlyArray<readonly [string, (grant: LockStore.Grant) => unknown]>
  ) {
    it.effect(`${name} is no lease: the store is asked`, () =>
      Effect.gen(function*() {
        const { all, fiber } = yield* altered(alter)
        // What was given stays the token's until it is asked for, or at the latest until its end.
        yield* TestClock.adjust(10_000)
        const { fencingToken, held, remaining } = yield* joined(fiber)
        assert.isAtMost(remaining, held)
        assert.isAbove(remaining, 500)
        assert.isTrue(Number.isSafeInteger(fencingToken))
        yield* assertClean(all, "key")
      }))
  }

  it.effect("that claims to be longer than what was asked for counts for that", () =>
    Effect.gen(function*() {
      const { fiber } = yield* altered((grant) => ({ ...grant, leaseMillis: 1e9 }))
      assert.strictEqual((yield* joined(fiber)).remaining, 1_000)
    }))

  it.effect("from the future counts from now", () =>
    Effect.gen(function*() {
      const { fiber } = yield* altered((grant) => ({ ...grant, sinceMillis: grant.sinceMillis + 5_000 }))
      assert.strictEqual((yield* joined(fiber)).remaining, 1_000)
    }))
})

describe("a loss", () => {
  it.effect("that comes before the work waits for anything is told at once", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      for (const changed of [store, { ...store }]) {
        const { run, start } = yield* makeProcess(changed)
        const fiber = yield* start(Lock.withLock(Effect.andThen(Lock.forceRelease("key"), Effect.never), "key"))
        const next = yield* start(Lock.withLock(Effect.void, "key"))
        yield* flush
        assert.deepStrictEqual([fiber, next].map(outcome), ["LockLost", "Success"])
        yield* run(Effect.void)
      }
    }))

  it.effect("that comes before the work begins keeps it from beginning", () =>
    withLateClock((clock) =>
      Effect.gen(function*() {
        const all = yield* scene()
        // Whatever keeps the event loop busy between the lease and the work: here the end of a span.
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            const end = span.end.bind(span)
            if (options.name === "Lock.wait") span.end = (...exit) => (end(...exit), clock.pass(2_000))
            return span
          }
        })
        let began = false
        const fiber = yield* all.start(
          Effect.withTracer(Lock.withLock(Effect.sync(() => began = true), "key", { expires: 1_000 }), tracer)
        )
        yield* flush
        assert.strictEqual(outcome(fiber), "LockLost")
        assert.isFalse(began)
        yield* assertClean(all, "key")
      })
    ))

  it.effect("says how long the lease was held, not how long it took to say so", () =>
    Effect.gen(function*() {
      const { run, start } = yield* scene()
      const slow = Effect.onInterrupt(Effect.never, () => Effect.sleep("10 minutes"))
      const fiber = yield* start(reasonOf(Lock.withLock(slow, "key")))
      yield* TestClock.adjust(1_000)
      yield* run(Lock.forceRelease("key"))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(Duration.toMillis(the(yield* joined(fiber), "LockLost").held), 1_000)

      const scoped = yield* start(Effect.scoped(Effect.gen(function*() {
        const lease = yield* Lock.acquire("key")
        yield* Effect.sleep(1_000)
        yield* Lock.forceRelease("key")
        yield* Effect.sleep("1 hour")
        return yield* reasonOf(lease.lost)
      })))
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(Duration.toMillis(the(yield* joined(scoped), "LockLost").held), 1_000)
    }))

  it.effect("keeps what else went wrong in the work", () =>
    Effect.gen(function*() {
      const { run, start } = yield* scene()
      const work = Effect.onInterrupt(Effect.never, () => Effect.die("in a finalizer"))
      const fiber = yield* start(Lock.withLock(work, "key"))
      yield* run(Lock.forceRelease("key"))
      yield* flush
      const text = String(fiber.pollUnsafe())
      assert.include(text, `Lock "key" was lost`)
      assert.include(text, "in a finalizer")
    }))

  it.effect("and an interruption both leave what else went wrong in the work", () =>
    Effect.gen(function*() {
      const { start } = yield* scene()
      const work = Effect.onInterrupt(Effect.never, () => Effect.die("in a finalizer"))
      const fiber = yield* start(Lock.withLock(work, "key"))
      fiber.interruptUnsafe()
      yield* flush
      assert.include(String(fiber.pollUnsafe()), "in a finalizer")
    }))
})

describe("time", () => {
  it.effect("that a suspended host has slept through is noticed: the store is asked at once", () =>
    withLateClock((clock) =>
      Effect.gen(function*() {
        const all = yield* scene()
        const options = { expires: "30 seconds" } as const
        const taken = yield* all.start(Lock.withLock(Effect.never, "key", options))
        const kept = yield* all.start(Lock.withLock(Effect.never, "kept", options))
        const unrenewed = yield* all.start(Lock.withLock(Effect.never, "unrenewed", { ...options, renew: false }))
        yield* TestClock.adjust(2_000)
        yield* all.test.steal("key")
        // An hour has gone by, and the monotonic clock stood still.
        clock.passOnTheWall(3_600_000)
        yield* TestClock.adjust(1_000)
        yield* flush
        assert.deepStrictEqual([taken, kept, unrenewed].map(outcome), ["LockLost", "Running", "LockLost"])
      })
    ))

  it.effect("that was slept through ends a lease under which work goes on, and the next one waits for that", () =>
    withLateClock((clock) =>
      Effect.gen(function*() {
        const inner = yield* InMemoryBackend.makeStore
        for (const store of [inner, { ...inner }]) {
          const { engine, start } = yield* makeProcess(store)
          const begun = yield* now
          const holder = yield* start(
            Lock.withLock(Effect.uninterruptible(Effect.sleep(5_000)), "key", { expires: 10_000, renew: false })
          )
          yield* TestClock.adjust(1_000)
          clock.passOnTheWall(3_600_000)
          yield* TestClock.adjust(1_000)
          const impatient = yield* start(Lock.withLock(Effect.void, "key", { timeout: 100 }))
          const next = yield* start(Lock.withLock(now, "key"))
          yield* TestClock.adjust(3_000)
          yield* flush
          assert.deepStrictEqual([holder, impatient].map(outcome), ["LockLost", "LockTimeout"])
          assert.strictEqual((yield* joined(next)) - begun, 5_000)
          yield* assertClean({ engine, inner }, "key")
        }
      })
    ))

  it.effect("that is set back or forward a little on the wall changes nothing", () =>
    withLateClock((clock) =>
      Effect.gen(function*() {
        const all = yield* scene()
        const fiber = yield* all.start(Lock.withLock(Effect.never, "key", { expires: "30 seconds" }))
        for (const millis of [-3_600_000, 400, -400]) {
          clock.passOnTheWall(millis)
          yield* TestClock.adjust(1_000)
        }
        assert.strictEqual(outcome(fiber), "Running")
        assert.deepStrictEqual((yield* all.test.calls).map(({ operation }) => operation), ["tryAcquire"])
      })
    ))

  it.effect("is at least what sleeping takes, though the monotonic clock stands still as under fake timers", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const frozen: Clock.Clock = {
        ...clock,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
        currentTimeMillis: clock.currentTimeMillis,
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
        currentTimeNanos: clock.currentTimeNanos,
        monotonicTimeNanosUnsafe: () => 0n,
        monotonicTimeNanos: Effect.succeed(0n),
        sleep: (duration) => clock.sleep(duration)
      }
      yield* Effect.gen(function*() {
        const store = yield* InMemoryBackend.makeStore
        for (const changed of [store, { ...store }]) {
          const { start } = yield* makeProcess(changed)
          const holder = yield* start(Lock.withLock(Effect.sleep(3_000), "key", { expires: 1_000 }))
          const waiter = yield* start(Effect.delay(Lock.withLock(Effect.void, "key", { timeout: 1_000 }), 100))
          const unrenewed = yield* start(Lock.withLock(Effect.sleep(2_000), "other", { expires: 1_000, renew: false }))
          yield* TestClock.adjust(5_000)
          assert.deepStrictEqual([holder, waiter, unrenewed].map(outcome), ["Success", "LockTimeout", "LockLost"])
        }
      }).pipe(Effect.provideService(Clock.Clock, frozen))
    }))
})
