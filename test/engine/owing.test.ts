/** What the store may still hold is known until it cannot, and given back. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Option, Schedule } from "effect"
import { Lock, LockError, type LockStore } from "effect-lock"
import { TestClock } from "effect/testing"
import {
  assertClean,
  deaf,
  exchanging,
  flush,
  handingOver,
  horizon,
  joined,
  makeProcess,
  now,
  outcome,
  scene
} from "./support.ts"

const isHeld = (store: LockStore.LockStore) => Effect.map(store.inspect("key"), Option.isSome)

describe("a release that fails", () => {
  it.effect("is made as long as an extension that was executed may keep the key, though its answer was a failure", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.fail("extend", { executed: true })
      yield* all.test.fail("release")
      const fiber = yield* all.start(Lock.withLock(
        (lease) => Effect.andThen(Effect.ignore(lease.extend("1 hour")), Effect.sleep(950)),
        "key",
        { expires: 1_000 }
      ))
      // Our own deadline is over before the store is well again.
      yield* TestClock.adjust(1_300)
      assert.strictEqual(outcome(fiber), "Success")
      assert.isTrue(yield* isHeld(all.inner))
      yield* all.test.heal("release")
      yield* TestClock.adjust(2_000)
      yield* assertClean(all, "key")
    }))

  it.effect("is made as long as a claim that was executed late may keep the key, though its answer was a failure", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => ({
        ...store,
        tryAcquire: (claim) => Effect.delay(store.tryAcquire(claim), 900)
      }))
      yield* all.test.fail("tryAcquire", { executed: true })
      yield* all.test.fail("release")
      const fiber = yield* all.start(Lock.once(Effect.void, "key", { expires: 1_000 }))
      yield* TestClock.adjust(1_500)
      assert.strictEqual(outcome(fiber), "BackendFailure")
      assert.isTrue(yield* isHeld(all.inner))
      yield* all.test.heal("release")
      yield* TestClock.adjust(300)
      assert.isFalse(yield* isHeld(all.inner))
      yield* assertClean(all, "key")
    }))

  it.effect("is made for a token that the store may still give the key", () =>
    Effect.gen(function*() {
      // In the queue of this store a token stays until it is released.
      const all = yield* scene()
      yield* all.test.hold("key")
      const fiber = yield* all.start(Lock.withLock(Effect.void, "key", { timeout: 1_000, expires: 1_000 }))
      yield* TestClock.adjust(500)
      yield* all.test.fail("release")
      yield* TestClock.adjust(5_000)
      assert.strictEqual(outcome(fiber), "LockTimeout")
      const failed = (yield* all.test.calls).filter(({ operation }) => operation === "release")
      assert.isAbove(failed.length, 5)
      assert.isAbove(failed.at(-1)!.at, 4_000)
      yield* all.test.heal()
      yield* TestClock.adjust(2_000)
      yield* assertClean(all)
    }))

  it.effect("is given up when the store cannot hold the key any more", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.fail("release")
      yield* all.start(Lock.withLock(Effect.void, "key", { expires: 3_000 }))
      yield* TestClock.adjust(10_000)
      const released = (yield* all.test.calls).filter(({ operation }) => operation === "release")
      assert.isAbove(released.length, 3)
      assert.isAtMost(released.at(-1)!.at, 4_000)
      yield* assertClean(all, "key")
    }))

  it.effect("is made at growing distances, at most a second", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.fail("release")
      yield* all.start(Lock.withLock(Effect.void, "key", { expires: "1 minute" }))
      yield* TestClock.adjust(10_000)
      const at = (yield* all.test.calls).filter(({ operation }) => operation === "release").map((call) => call.at)
      const gaps = at.slice(1).map((one, i) => one - at[i])
      assert.deepStrictEqual(gaps.slice(0, 8), [0, 20, 40, 80, 160, 320, 640, 1_000])
      assert.isAtMost(at.length, 20)
    }))
})

describe("a claim that is answered after its release was sent", () => {
  it.effect("is released once more, since it may have been executed after the first", () =>
    Effect.gen(function*() {
      const all = yield* scene(deaf)
      yield* all.test.delayRequest("tryAcquire", 500, { times: 1 })
      const fiber = yield* all.start(Lock.withLock(Effect.void, "key", { expires: "1 hour" }))
      yield* TestClock.adjust(100)
      // Its release is sent now, executed before the claim, and answered after it.
      yield* all.test.delay("release", 800, { times: 1 })
      fiber.interruptUnsafe()
      yield* TestClock.adjust(2_000)
      yield* assertClean(all, "key")
    }))
})

describe("a claim that failed, and was refused when it was made again", () => {
  it.effect("is released, since the one that failed may have been executed after it", () =>
    Effect.gen(function*() {
      const all = yield* scene(deaf)
      const other = yield* makeProcess(all.inner)
      const holder = yield* other.start(Lock.withLock(Effect.never, "key"))
      // A connection that breaks, and what was sent over it arrives.
      let claims = 0
      const broken = yield* makeProcess({
        ...deaf(all.inner),
        tryAcquire: (claim) =>
          claims++ > 0 ? all.inner.tryAcquire(claim) : Effect.andThen(
            Effect.forkDetach(Effect.delay(all.inner.tryAcquire(claim), 50)),
            Effect.fail(
              new LockError.BackendFailure({
                backend: "memory",
                operation: "acquire",
                kind: "Unreachable",
                retryable: true
              })
            )
          )
      })
      const retry = Schedule.spaced(30)
      const fiber = yield* broken.start(Lock.withLock(Effect.void, "key", { retry, expires: "1 hour" }))
      yield* TestClock.adjust(40)
      yield* Fiber.interrupt(holder)
      yield* TestClock.adjust(15)
      fiber.interruptUnsafe()
      yield* flush
      assert.deepStrictEqual([claims, outcome(fiber)], [2, "Interrupt"])
      yield* assertClean({ engine: broken.engine, inner: all.inner }, "key")
    }))
})

describe("an extension that fails", () => {
  it.effect("leaves later renewals as long as they were", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fiber = yield* all.start(Lock.withLock(
        (lease) =>
          Effect.gen(function*() {
            yield* all.test.fail("extend", { times: 1 })
            yield* Effect.ignore(lease.extend("1 hour"))
            yield* Effect.sleep(5_000)
            return Duration.toMillis(yield* lease.remaining)
          }),
        "key",
        { expires: 3_000 }
      ))
      yield* TestClock.adjust(5_000)
      assert.isAtMost(yield* joined(fiber), 3_000)
      assert.isTrue((yield* all.test.calls).some(({ outcome }) => outcome === "Extended"))
      yield* assertClean(all, "key")
    }))

  it.effect("in the store's silence, and is executed late, is no reason to be lost nor to be believed", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const other = yield* makeProcess(all.inner)
      const fiber = yield* all.start(Lock.withLock(
        (lease) =>
          Effect.gen(function*() {
            yield* all.test.delayRequest("extend", 2_500, { times: 1 })
            yield* Effect.ignore(lease.extend("10 seconds"))
            yield* Effect.sleep(20_000)
          }),
        "key",
        { expires: 3_000 }
      ))
      for (let at = 0; at < 20_000; at += 250) {
        yield* TestClock.adjust(250)
        assert.isTrue(Option.isNone(yield* other.run(Lock.once(Effect.void, "key"))), `after ${at + 250} ms`)
      }
      yield* TestClock.adjust(2_000)
      assert.strictEqual(outcome(fiber), "Success")
      yield* assertClean(all, "key")
    }))
})

describe("calls that hang", () => {
  it.effect("are kept for half a minute, and never many for a key", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => ({
        ...deaf(store),
        tryAcquire: () => Effect.never,
        release: () => Effect.never
      }))
      for (let i = 0; i < 3; i++) {
        const fiber = yield* all.start(Lock.withLock(Effect.void, "key", { timeout: "1 minute" }))
        for (let at = 0; at < 60_000; at += 1_000) {
          yield* TestClock.adjust(1_000)
          assert.isAtMost(all.engine.residue.calls, 12, `after ${at + 1_000} ms`)
        }
        yield* TestClock.adjust(2_000)
        assert.strictEqual(outcome(fiber), "BackendFailure")
      }
      yield* TestClock.adjust(2 * horizon)
      yield* assertClean(all)
    }))

  for (const operation of ["extend", "inspect", "listen", "exchange"] as const) {
    it.effect(`of ${operation} are forgotten, too`, () =>
      Effect.gen(function*() {
        const all = yield* scene((store) => operation === "exchange" ? exchanging(store) : store)
        const silent = yield* makeProcess({
          ...(operation === "exchange" ? exchanging(all.inner) : all.inner),
          listen: operation === "listen" ? () => Effect.never : undefined,
          ...(operation !== "listen" && { [operation]: () => Effect.never })
        })
        yield* silent.start(Lock.withLock(Effect.sleep(5_000), "key", { expires: 3_000 }))
        yield* silent.start(Lock.withLock(Effect.void, "key", { timeout: 8_000 }))
        yield* silent.start(Effect.ignore(Lock.inspect("key")))
        yield* TestClock.adjust(10_000)
        yield* TestClock.adjust(2 * horizon)
        yield* assertClean({ engine: silent.engine, inner: all.inner }, "key")
      }))
  }

  it.effect("are interrupted", () =>
    Effect.gen(function*() {
      let interrupted = 0
      const all = yield* scene((store) => ({
        ...store,
        tryAcquire: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      }))
      yield* all.start(Lock.withLock(Effect.void, "key", { timeout: 0 }))
      yield* TestClock.adjust(2 * horizon)
      assert.strictEqual(interrupted, 1)
      yield* assertClean(all)
    }))
})

describe("a result that does not wait for its release", () => {
  it.effect("comes before the store has confirmed, and the next call here stays behind the release", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.delay("release", 500)
      const first = yield* all.start(Lock.withLock(Effect.succeed("result"), "key", { awaitRelease: false }))
      const second = yield* all.start(Lock.withLock(now, "key"))
      yield* flush
      assert.strictEqual(outcome(first), "Success")
      assert.isAtMost((yield* all.test.calls).filter(({ operation }) => operation === "tryAcquire").length, 1)
      assert.strictEqual(outcome(second), "Running")
      yield* TestClock.adjust(500)
      assert.strictEqual(outcome(second), "Running")
      yield* TestClock.adjust(500)
      assert.strictEqual(yield* joined(second), 500)
      yield* assertClean(all, "key")
    }))

  it.effect("of the default is as of the call, and so is a scope", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.delay("release", 500)
      for (const awaitRelease of [true, false]) {
        const calls = [
          Lock.withLock(Effect.void, "a", { awaitRelease }),
          Effect.asVoid(Lock.once(Effect.void, "b", { awaitRelease })),
          Effect.asVoid(Effect.scoped(Lock.acquire("c", { awaitRelease })))
        ]
        const fibers = yield* Effect.forEach(calls, (call) => all.start(call))
        yield* flush
        assert.deepStrictEqual(fibers.map(outcome), Array.from(fibers, () => awaitRelease ? "Running" : "Success"))
        yield* TestClock.adjust(500)
        yield* flush
        assert.deepStrictEqual(fibers.map(outcome), Array.from(fibers, () => "Success"))
      }
      yield* assertClean(all, "a", "b", "c")
    }))

  it.effect("is waited for when the backend closes", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const real = yield* makeProcess({
        ...all.inner,
        release: (key, token) => Effect.delay(all.inner.release(key, token), 500)
      })
      yield* real.run(Lock.withLock(Effect.void, "other", { awaitRelease: false }))
      assert.isTrue(Option.isSome(yield* all.inner.inspect("other")))
      const closing = yield* Effect.forkDetach(real.engine.close, { startImmediately: true })
      yield* TestClock.adjust(499)
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* flush
      assert.isDefined(closing.pollUnsafe())
      assert.isTrue(Option.isNone(yield* all.inner.inspect("other")))
    }))

  it.effect("is tried again when it fails", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.fail("release", { times: 3 })
      yield* all.run(Lock.withLock(Effect.void, "key", { awaitRelease: false, expires: "1 hour" }))
      yield* TestClock.adjust(1_000)
      yield* assertClean(all, "key")
    }))
})

describe("a holder by hand-over that leaves", () => {
  it.effect("owes what the one before it has had extended", () =>
    Effect.gen(function*() {
      const all = yield* scene(handingOver)
      // Executed, and answered as a failure.
      yield* all.test.fail("extend", { executed: true, times: 1 })
      yield* all.start(Lock.withLock(
        (lease) => Effect.andThen(Effect.sleep(10), Effect.ignore(lease.extend("1 hour"))),
        "key",
        { expires: 3_000 }
      ))
      yield* all.start(Lock.withLock(Effect.sleep(10), "key", { expires: 3_000 }))
      yield* all.test.fail("release")
      yield* TestClock.adjust(20_000)
      yield* all.test.heal()
      yield* TestClock.adjust(2_000)
      yield* assertClean(all, "key")
    }))
})

describe("forceRelease", () => {
  it.effect("with a token removes its holder and no other", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("key")
      const { token } = Option.getOrThrow(yield* all.run(Lock.inspect("key")))
      yield* all.test.steal("key")
      assert.isFalse(yield* all.run(Lock.forceRelease("key", { token })))
      assert.isTrue(yield* isHeld(all.inner))
      const seen = Option.getOrThrow(yield* all.run(Lock.inspect("key")))
      assert.isTrue(yield* all.run(Lock.forceRelease("key", { token: seen.token })))
      assert.isFalse(yield* isHeld(all.inner))
      assert.isFalse(yield* all.run(Lock.forceRelease("key", { token: seen.token })))
    }))

  it.effect("removes the process that was seen, whichever of its fibers has the key by now", () =>
    Effect.gen(function*() {
      const all = yield* scene(handingOver)
      const first = yield* all.start(Lock.withLock(Effect.sleep(100), "key"))
      const second = yield* all.start(Lock.withLock(Effect.never, "key"))
      yield* all.test.delayRequest("release", 200, { times: 1 })
      const forced = yield* all.start(Lock.forceRelease("key"))
      yield* TestClock.adjust(200)
      yield* flush
      assert.deepStrictEqual([first, second].map(outcome), ["Success", "LockLost"])
      assert.isTrue(yield* joined(forced))
      yield* assertClean(all, "key")
    }))
})
