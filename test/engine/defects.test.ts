/** The defects we refuse, one by one: each was seen in a library people use. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Option, Schedule } from "effect"
import { InMemoryBackend, Lock, type LockStore } from "effect-lock"
import { TestClock } from "effect/testing"
import {
  assertClean,
  deaf,
  ending,
  exchanging,
  flush,
  handingOver,
  joined,
  makeProcess,
  now,
  outcome,
  type Process,
  scene
} from "./support.ts"

const holderOf = (store: LockStore.LockStore, key: string) =>
  Effect.map(store.inspect(key), (occupant) => Option.getOrUndefined(occupant)?.token)

describe("refused: blind delete on release", () => {
  it.effect("a holder whose lease has ended does not free its successor's", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const [one, other] = [yield* makeProcess(inner), yield* makeProcess(inner)]
      const stuck = yield* one.start(
        Lock.withLock(Effect.uninterruptible(Effect.sleep(5_000)), "key", { expires: 1_000, renew: false })
      )
      const successor = yield* other.start(Lock.withLock(Effect.never, "key"))
      yield* TestClock.adjust(2_000)
      const token = yield* holderOf(inner, "key")
      yield* TestClock.adjust(3_000)
      assert.deepStrictEqual([stuck, successor].map(outcome), ["LockLost", "Running"])
      assert.isDefined(token)
      assert.strictEqual(yield* holderOf(inner, "key"), token)
    }))
})

describe("refused: expiry judged by the waiter's clock", () => {
  it.effect("a waiter that believes the lease over asks, and takes nothing by itself", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene((store) => ({
        ...deaf(store),
        // This store says of every lease that it is as good as over.
        tryAcquire: (claim) =>
          Effect.map(
            store.tryAcquire(claim),
            (attempt) => attempt._tag === "Held" ? { ...attempt, remainingMillis: 1 } : attempt
          )
      }))
      yield* test.hold("key", { for: 5_000 })
      const fiber = yield* start(Lock.withLock(now, "key"))
      yield* TestClock.adjust(5_000)
      assert.strictEqual(yield* joined(fiber), 5_000)
    }))
})

describe("refused: a lease of less than a second dropping the lock", () => {
  for (const expires of [10, 20, 999]) {
    it.effect(`a lease of ${expires} ms excludes for as long as the work takes`, () =>
      Effect.gen(function*() {
        const inner = yield* InMemoryBackend.makeStore
        const [one, other] = [yield* makeProcess(inner), yield* makeProcess(inner)]
        const first = yield* one.start(Lock.withLock(Effect.sleep(0), "key", { expires }))
        assert.strictEqual(outcome(first), "Success")
        const holder = yield* one.start(Lock.withLock(Effect.sleep(5_000), "key", { expires }))
        for (let i = 0; i < 40; i++) {
          yield* TestClock.adjust(123)
          assert.isTrue(Option.isNone(yield* other.run(Lock.once(Effect.void, "key"))), `after ${123 * (i + 1)} ms`)
        }
        yield* TestClock.adjust(200)
        assert.strictEqual(outcome(holder), "Success")
      }))
  }
})

describe("refused: a timeout counted in attempts", () => {
  for (const spacing of [1, 70, 10_000]) {
    it.effect(`attempts every ${spacing} ms time out at the same time`, () =>
      Effect.gen(function*() {
        const { start, test } = yield* scene(deaf)
        yield* test.hold("key")
        const fiber = yield* start(
          Lock.withLock(Effect.void, "key", { timeout: 500, retry: Schedule.spaced(spacing) })
        )
        yield* TestClock.adjust(499)
        assert.strictEqual(outcome(fiber), "Running")
        yield* TestClock.adjust(1)
        assert.strictEqual(outcome(fiber), "LockTimeout")
      }))
  }
})

describe("refused: an exception that escapes normal handling", () => {
  it.effect("work that throws is a defect of the caller, and frees the key", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const thrown = (): Effect.Effect<never> => {
        throw new Error("thrown")
      }
      for (const work of [Effect.sync(thrown), Effect.suspend(thrown), thrown]) {
        const fiber = yield* all.start(Lock.withLock(work, "key"))
        yield* flush
        assert.strictEqual(outcome(fiber), "Die")
        assert.include(String(fiber.pollUnsafe()), "thrown")
      }
      yield* assertClean(all, "key")
    }))

  it.effect("a store that throws is a failure of the backend, and leaves no turn behind", () =>
    Effect.gen(function*() {
      let calls = 0
      const all = yield* scene((store) => ({
        ...store,
        tryAcquire: (claim) => {
          if (calls++ === 0) throw new Error("thrown")
          return store.tryAcquire(claim)
        }
      }))
      const first = yield* all.start(Lock.withLock(Effect.void, "key"))
      const second = yield* all.start(Lock.withLock(Effect.succeed(1), "key", { timeout: 1_000 }))
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual([first, second].map(outcome), ["BackendFailure", "Success"])
      yield* assertClean(all, "key")
    }))
})

describe("refused: a lost reply reported as held, with an orphan for the whole lease", () => {
  it.effect("one attempt whose reply is lost fails as NoReply, and the key is free a round trip later", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.loseReply("tryAcquire", { times: 1 })
      const fiber = yield* all.start(Lock.withLock(Effect.void, "key", { timeout: 0, expires: "1 hour" }))
      yield* TestClock.adjust(1_000)
      assert.strictEqual(outcome(fiber), "BackendFailure")
      assert.include(String(fiber.pollUnsafe()), "NoReply")
      yield* assertClean(all, "key")
    }))
})

describe("refused: a lock returned already expired", () => {
  it.effect("a reply later than the lease is asked for again", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene((store) => ({ ...store, patience: Duration.seconds(30) }))
      yield* test.delay("tryAcquire", 700, { times: 1 })
      const fiber = yield* start(Lock.withLock((lease) => lease.remaining, "key", { expires: 500 }))
      yield* TestClock.adjust(2_000)
      assert.isAbove(Duration.toMillis(yield* joined(fiber)), 400)
    }))
})

describe("refused: loss noticed late or never", () => {
  for (const expires of [30, 300, 3_000, 30_000]) {
    it.effect(`with a silent store a lease of ${expires} ms ends the work when it ends`, () =>
      Effect.gen(function*() {
        const { start, test } = yield* scene()
        yield* test.loseReply("extend")
        const fiber = yield* start(Lock.withLock(Effect.never, "key", { expires }))
        yield* TestClock.adjust(expires - 1)
        assert.strictEqual(outcome(fiber), "Running")
        yield* TestClock.adjust(1)
        assert.strictEqual(outcome(fiber), "LockLost")
      }))
  }

  it.effect("synchronous work past its deadline is told when it ends", () =>
    Effect.gen(function*() {
      let skew = 0
      const all = yield* scene()
      const { alarms } = all.engine.port
      const now = alarms.now.bind(alarms)
      Object.assign(alarms, { now: () => now() + skew })
      const work = Effect.sync(() => {
        skew = 1_001
        return "done"
      })
      const fiber = yield* all.start(Lock.withLock(work, "key", { expires: 1_000 }))
      assert.strictEqual(outcome(fiber), "LockLost")
    }))

  it.effect("work that cannot be interrupted delays the news until it has ended", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      let done = false
      const work = Effect.uninterruptible(Effect.andThen(Effect.sleep(3_000), Effect.sync(() => done = true)))
      const fiber = yield* all.start(Lock.withLock(work, "key", { expires: 1_000, renew: false }))
      yield* TestClock.adjust(2_999)
      assert.strictEqual(outcome(fiber), "Running")
      yield* TestClock.adjust(1)
      assert.strictEqual(outcome(fiber), "LockLost")
      assert.isTrue(done)
      yield* assertClean(all, "key")
    }))
})

describe("refused: unhandled rejections when renewal fails", () => {
  for (const fault of ["fails", "dies", "throws"] as const) {
    it.effect(`a renewal that ${fault} is tried again, and at last the lease is lost`, () =>
      Effect.gen(function*() {
        let calls = 0
        const all = yield* scene((store) => ({
          ...store,
          extend: (holding) => {
            calls++
            if (fault === "throws") throw new Error("thrown")
            return fault === "dies" ? Effect.die("died") : store.extend(holding)
          }
        }))
        if (fault === "fails") yield* all.test.fail("extend")
        const fiber = yield* all.start(Lock.withLock(Effect.never, "key", { expires: 3_000 }))
        yield* TestClock.adjust(3_000)
        assert.strictEqual(outcome(fiber), "LockLost")
        assert.isAbove(calls, 2)
        yield* assertClean(all, "key")
      }))
  }
})

describe("refused: a renewal loop that spins for short leases", () => {
  it.effect("a lease of ten milliseconds costs no more renewals than it needs", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.start(Lock.withLock(Effect.never, "key", { expires: 10 }))
      yield* TestClock.adjust(1_000)
      const extensions = (yield* all.test.calls).filter(({ operation }) => operation === "extend").length
      assert.isAtMost(extensions, 400)
      assert.isAtLeast(extensions, 90)
    }))

  it.effect("failing renewals come closer to the deadline, and stop at it", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.fail("extend")
      yield* all.start(Lock.withLock(Effect.never, "key", { expires: 9_000 }))
      yield* TestClock.adjust(20_000)
      const at = (yield* all.test.calls).filter(({ operation }) => operation === "extend").map((call) => call.at)
      assert.strictEqual(at[0], 3_000)
      assert.isAtMost(at.length, 30)
      assert.isBelow(at.at(-1) ?? Infinity, 9_000)
    }))
})

describe("refused: a retry count of zero that returns acquired", () => {
  it.effect("a schedule that never recurs is one attempt, and a refusal stays one", () =>
    Effect.gen(function*() {
      const { run, test } = yield* scene(deaf)
      yield* test.hold("key")
      const exit = yield* Effect.exit(run(Lock.withLock(Effect.void, "key", { retry: Schedule.recurs(0) })))
      assert.strictEqual(ending(exit), "LockTimeout")
      assert.strictEqual((yield* test.calls).length, 1)
    }))
})

describe("refused: a leaked permit on interruption", () => {
  it.effect("a hundred interrupted waiters and holders leave the key takeable", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fibers = yield* Effect.forEach(
        Array.from({ length: 100 }, (_, i) => i),
        (i) => all.start(Lock.withLock(i % 3 === 0 ? Effect.sleep(1) : Effect.never, "key"))
      )
      for (const [i, fiber] of fibers.entries()) {
        if (i % 7 === 0) yield* TestClock.adjust(1)
        fiber.interruptUnsafe()
      }
      yield* flush
      assert.strictEqual(yield* all.run(Lock.withLock(Effect.succeed(1), "key", { timeout: 0 })), 1)
      yield* assertClean(all, "key")
    }))
})

describe("refused: a connection per waiter", () => {
  it.effect("a thousand waiting fibers of a process are one contender", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("key")
      const fibers = yield* Effect.forEach(
        Array.from({ length: 1_000 }, (_, i) => i),
        () => all.start(Lock.withLock(Effect.void, "key"))
      )
      yield* TestClock.adjust("2 seconds")
      const calls = yield* all.test.calls
      assert.strictEqual(new Set(calls.map(({ token }) => token)).size, 1)
      assert.strictEqual(calls.filter(({ operation }) => operation === "listen").length, 1)
      assert.isBelow(calls.length, 30)
      yield* all.test.free("key")
      yield* flush
      yield* all.run(Lock.withLock(Effect.void, "key"))
      assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Success"]))
    }))
})

describe("hand-over between fibers of a process", () => {
  const turns = (start: Process["start"], count: number, work = 10) =>
    Effect.forEach(
      Array.from({ length: count }, (_, i) => i),
      () => start(Lock.withLock((lease) => Effect.as(Effect.sleep(work), lease.fencingToken), "key"))
    )

  it.effect("costs no round trip, and fencing tokens still increase", () =>
    Effect.gen(function*() {
      const all = yield* scene(handingOver)
      const fibers = yield* turns(all.start, 20)
      yield* TestClock.adjust(500)
      const tokens = yield* Effect.forEach(fibers, joined)
      for (let i = 1; i < tokens.length; i++) assert.isAbove(tokens[i], tokens[i - 1])
      assert.deepStrictEqual((yield* all.test.calls).map(({ operation }) => operation), ["tryAcquire", "release"])
      yield* assertClean(all, "key")
    }))

  it.effect("stops after so many times, so that others get their turn", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => ({
        ...handingOver(store),
        handOver: { times: 5, within: Duration.hours(1) }
      }))
      const fibers = yield* turns(all.start, 20)
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Success"]))
      const attempts = (yield* all.test.calls).filter(({ operation }) => operation === "tryAcquire")
      assert.strictEqual(attempts.length, 4)
    }))

  it.effect("stops after so long", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => ({
        ...handingOver(store),
        handOver: { times: 99, within: Duration.millis(45) }
      }))
      yield* turns(all.start, 10)
      yield* TestClock.adjust(1_000)
      const attempts = (yield* all.test.calls).filter(({ operation }) => operation === "tryAcquire")
      assert.deepStrictEqual(attempts.map(({ at }) => at), [0, 50])
    }))

  it.effect("is only to one who wants the same", () =>
    Effect.gen(function*() {
      const all = yield* scene(handingOver)
      yield* all.start(Lock.withLock(Effect.sleep(10), "key"))
      const others = [{ renew: false }, { expires: "1 minute" }, { expires: 500 }] as const
      for (const options of others) yield* all.start(Lock.withLock(Effect.sleep(10), "key", options))
      yield* TestClock.adjust(1_000)
      const attempts = (yield* all.test.calls).filter(({ operation }) => operation === "tryAcquire")
      assert.strictEqual(attempts.length, 4)
      yield* assertClean(all, "key")
    }))

  it.effect("goes on renewing", () =>
    Effect.gen(function*() {
      const all = yield* scene(handingOver)
      const other = yield* makeProcess(all.inner)
      yield* turns(all.start, 5, 3_000)
      for (let i = 0; i < 14; i++) {
        yield* TestClock.adjust(1_000)
        assert.isTrue(Option.isNone(yield* other.run(Lock.once(Effect.void, "key"))))
      }
      yield* TestClock.adjust(1_000)
      yield* assertClean(all, "key")
    }))
})

describe("exchange between fibers of a process and the store", () => {
  it.effect("is one round trip for a release and a claim", () =>
    Effect.gen(function*() {
      const all = yield* scene(
        (_store, inner) => inner,
        Effect.map(InMemoryBackend.makeStore, (store) => exchanging(store))
      )
      const calls: Array<string> = []
      const process = yield* makeProcess({
        ...all.inner,
        tryAcquire: (claim) => Effect.suspend(() => (calls.push("tryAcquire"), all.inner.tryAcquire(claim))),
        release: (key, token) => Effect.suspend(() => (calls.push("release"), all.inner.release(key, token))),
        exchange: (token, claim) => Effect.suspend(() => (calls.push("exchange"), all.inner.exchange!(token, claim)))
      })
      const fibers = yield* Effect.forEach([1, 2, 3], (n) =>
        process.start(Lock.withLock(Effect.as(Effect.sleep(10), n), "key")))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(fibers.map(outcome), ["Success", "Success", "Success"])
      assert.deepStrictEqual(calls, ["tryAcquire", "exchange", "exchange", "release"])
      yield* assertClean({ inner: all.inner, engine: process.engine }, "key")
    }))
})

describe("an extension", () => {
  it.effect("makes the lease longer, and later renewals too", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fiber = yield* all.start(Lock.withLock(
        (lease) => Effect.andThen(lease.extend("60 seconds"), Effect.andThen(Effect.sleep(50_000), lease.remaining)),
        "key",
        { expires: 3_000 }
      ))
      yield* TestClock.adjust(50_000)
      assert.isAtLeast(Duration.toMillis(yield* joined(fiber)), 40_000)
    }))

  it.effect("waits for a renewal that is on its way, lest that one shortens the lease", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const other = yield* makeProcess(all.inner)
      yield* all.test.delayRequest("extend", 700, { times: 1 })
      const fiber = yield* all.start(Lock.withLock(
        (lease) =>
          Effect.andThen(Effect.sleep(1_200), Effect.andThen(lease.extend("60 seconds"), Effect.sleep(30_000))),
        "key",
        { expires: 3_000 }
      ))
      for (let at = 0; at < 31_000; at += 500) {
        yield* TestClock.adjust(500)
        assert.isTrue(Option.isNone(yield* other.run(Lock.once(Effect.void, "key"))), `after ${at + 500} ms`)
      }
      yield* TestClock.adjust(5_000)
      assert.strictEqual(outcome(fiber), "Success")
    }))

  it.effect("fails when the backend does not answer, and the lease goes on to its deadline", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.loseRequest("extend")
      let failed: string | undefined
      const fiber = yield* all.start(Lock.withLock(
        (lease) =>
          Effect.andThen(
            Effect.catch(lease.extend(), (error) => Effect.sync(() => failed = error.reason._tag)),
            Effect.never
          ),
        "key",
        { expires: 5_000 }
      ))
      yield* TestClock.adjust(1_000)
      assert.strictEqual(failed, "BackendFailure")
      yield* TestClock.adjust(3_999)
      assert.strictEqual(outcome(fiber), "Running")
      yield* TestClock.adjust(1)
      assert.strictEqual(outcome(fiber), "LockLost")
    }))

  it.effect("of a lease without renewal makes it last", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fiber = yield* all.start(Lock.withLock(
        (lease) => Effect.andThen(Effect.delay(lease.extend("5 seconds"), 900), Effect.never),
        "key",
        { expires: 1_000, renew: false }
      ))
      yield* TestClock.adjust(5_899)
      assert.strictEqual(outcome(fiber), "Running")
      yield* TestClock.adjust(1)
      assert.strictEqual(outcome(fiber), "LockLost")
      yield* assertClean(all, "key")
    }))
})
