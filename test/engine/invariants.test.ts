/** What must always hold, invariant by invariant. */
import { assert, describe, it } from "@effect/vitest"
import type { Exit } from "effect"
import { Cause, Deferred, Duration, Effect, Fiber, Layer, Logger, Metric, Option, Schedule } from "effect"
import { InMemoryBackend, Lock, LockBackend, LockConfig, type LockError, type LockStore } from "effect-lock"
import type { TestBackend } from "effect-lock/testing"
import { TestClock } from "effect/testing"
import { the } from "./scenery.ts"
import { assertClean, deaf, ending, flush, handingOver, joined, makeProcess, now, outcome, scene } from "./support.ts"

const asks = (test: TestBackend.TestBackend["Service"]) =>
  Effect.map(test.calls, (calls) => calls.filter(({ operation }) => operation === "tryAcquire").map(({ at }) => at))

const reasonOf = <A, R>(effect: Effect.Effect<A, LockError.LockError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

/** What a counter says, in this test's own registry. */
const counted = (id: string) =>
  Effect.map(Metric.snapshot, (snapshot) => {
    const found = snapshot.find((one) => one.id === id)
    assert.isDefined(found, id)
    return found?.type === "Counter" ? Number(found.state.count) : undefined
  })

describe("invariant 1: mutual exclusion by lease", () => {
  it.effect("two processes over one store never hold a key together", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const processes = [
        yield* makeProcess(inner),
        yield* makeProcess(deaf(inner)),
        yield* makeProcess(handingOver(inner))
      ]
      let inside = 0
      let most = 0
      const work = Effect.acquireUseRelease(
        Effect.sync(() => most = Math.max(most, ++inside)),
        () => Effect.sleep(7),
        () => Effect.sync(() => inside--)
      )
      const fibers = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, i) => processes[i % 3]),
        (process) => process.start(Lock.withLock(work, "key"))
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Success"]))
      assert.strictEqual(most, 1)
    }))

  it.effect("the deadline counts from before the request, not from the reply", () =>
    Effect.gen(function*() {
      const { run, start, test } = yield* scene()
      yield* test.delay("tryAcquire", 900)
      const fiber = yield* start(Lock.withLock((lease) => lease.remaining, "key", { expires: "10 seconds" }))
      yield* TestClock.adjust(900)
      assert.strictEqual(Duration.toMillis(yield* joined(fiber)), 9_100)
      yield* run(Effect.void)
    }))

  it.effect("a renewal counts from before its request", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      yield* test.delay("extend", 500)
      const lease = yield* Deferred.make<Lock.Lease>()
      yield* start(
        Lock.withLock((held) => Effect.andThen(Deferred.succeed(lease, held), Effect.never), "key", { expires: 3_000 })
      )
      const { remaining } = yield* Deferred.await(lease)
      yield* TestClock.adjust(1_499)
      assert.strictEqual(Duration.toMillis(yield* remaining), 1_501)
      yield* TestClock.adjust(1)
      assert.strictEqual(Duration.toMillis(yield* remaining), 2_500)
    }))

  it.effect("a renewal that a shorter one may have followed counts for no more than that", () =>
    Effect.gen(function*() {
      const { inner, start, test } = yield* scene()
      // Sent after 1 s and executed after 2.9 s.
      yield* test.delayRequest("extend", 1_900, { times: 1 })
      const lease = yield* Deferred.make<Lock.Lease>()
      yield* start(
        Lock.withLock((held) => Effect.andThen(Deferred.succeed(lease, held), Effect.never), "key", { expires: 3_000 })
      )
      const { extend, remaining } = yield* Effect.map(Deferred.await(lease), (held) => ({
        extend: held.extend("1 minute"),
        remaining: held.remaining
      }))
      yield* TestClock.adjust(1_200)
      // From here on renewals are longer, but the extension itself waits for the one that is out, in vain.
      const extension = yield* start(extend)
      yield* TestClock.adjust(1_000)
      assert.strictEqual(outcome(extension), "BackendFailure")
      // The next renewal is executed before the short one and answered after it.
      yield* test.delay("extend", 400, { times: 1 })
      yield* TestClock.adjust(900)
      const occupant = Option.getOrThrow(yield* inner.inspect("key"))
      assert.strictEqual(occupant.remainingMillis, 2_800)
      assert.isAtMost(Duration.toMillis(yield* remaining), 2_800)
      assert.isAtLeast(Duration.toMillis(yield* remaining), 2_500)
    }))

  it.effect("the deadline is before the end of the lease by what the clocks may differ", () =>
    Effect.gen(function*() {
      const { run } = yield* scene((store) => ({ ...store, drift: 0.02 }))
      const remaining = yield* run(Lock.withLock((lease) => lease.remaining, "key", { expires: "10 seconds" }))
      assert.strictEqual(Duration.toMillis(remaining), 10_000 - 200 - 2)
    }))

  it.effect("a holder stops by its deadline when the store is silent", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      yield* test.loseReply("extend")
      let stoppedAt = -1
      const fiber = yield* start(
        Effect.never.pipe(
          Effect.onInterrupt(() => Effect.map(now, (at) => stoppedAt = at)),
          Lock.withLock("key", { expires: 3_000 })
        )
      )
      yield* TestClock.adjust(2_999)
      assert.strictEqual(outcome(fiber), "Running")
      yield* TestClock.adjust(1)
      assert.strictEqual(outcome(fiber), "LockLost")
      assert.strictEqual(stoppedAt, 3_000)
    }))

  it.effect("a lease that came too late to be of use is not held", () =>
    Effect.gen(function*() {
      const { inner, start, test } = yield* scene((store) => ({ ...store, patience: Duration.seconds(30) }))
      yield* test.delay("tryAcquire", 400)
      let ran = false
      const fiber = yield* start(Lock.withLock(Effect.sync(() => ran = true), "key", { expires: 300, timeout: 0 }))
      yield* TestClock.adjust(2_000)
      assert.strictEqual(outcome(fiber), "BackendFailure")
      assert.isFalse(ran)
      assert.isTrue(Option.isNone(yield* inner.inspect("key")))
    }))
})

describe("invariant 2: acquire is idempotent by token", () => {
  it.effect("asking again after a lost reply finds our own token and has the lock", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.loseReply("tryAcquire", { times: 1 })
      const fiber = yield* all.start(Lock.withLock(Effect.succeed(1), "key"))
      yield* TestClock.adjust(1_100)
      assert.strictEqual(outcome(fiber), "Success")
      const calls = yield* all.test.calls
      const tokens = new Set(calls.filter(({ operation }) => operation === "tryAcquire").map(({ token }) => token))
      assert.strictEqual(tokens.size, 1)
    }))

  it.effect("two acquisitions have two tokens", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.run(Lock.withLock(Effect.void, "key"))
      yield* all.run(Lock.withLock(Effect.void, "key"))
      const tokens = new Set((yield* all.test.calls).map(({ token }) => token))
      assert.strictEqual(tokens.size, 2)
    }))

  for (const fault of ["loseReply", "delay", "delayRequest"] as const) {
    it.effect(`an attempt that timed out after ${fault} leaves no orphan`, () =>
      Effect.gen(function*() {
        const all = yield* scene()
        if (fault === "loseReply") yield* all.test.loseReply("tryAcquire", { times: 1 })
        else yield* all.test[fault]("tryAcquire", 1_500, { times: 1 })
        const fiber = yield* all.start(Lock.withLock(Effect.void, "key", { timeout: 500 }))
        // Nothing is known of the key before the store has had its time to answer.
        yield* TestClock.adjust(1_000)
        assert.strictEqual(outcome(fiber), "BackendFailure")
        yield* TestClock.adjust(500)
        yield* assertClean(all, "key")
      }))
  }

  it.effect("an attempt that failed although it was executed leaves no orphan", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.fail("tryAcquire", { executed: true, retryable: false, kind: "OutOfMemory" })
      const reason = yield* reasonOf(all.run(Lock.withLock(Effect.void, "key")))
      assert.strictEqual(reason._tag, "BackendFailure")
      yield* assertClean(all, "key")
    }))

  it.effect("the release after a failed attempt is tried again until the store confirms", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.fail("tryAcquire", { executed: true })
      yield* all.test.fail("release", { times: 5 })
      const fiber = yield* all.start(Lock.withLock(Effect.void, "key", { timeout: 0, expires: "60 seconds" }))
      yield* TestClock.adjust(1)
      assert.strictEqual(outcome(fiber), "BackendFailure")
      assert.isTrue(Option.isSome(yield* all.inner.inspect("key")))
      yield* TestClock.adjust("3 seconds")
      yield* assertClean(all, "key")
    }))

  it.effect("an attempt that was merely refused costs no release", () =>
    Effect.gen(function*() {
      const all = yield* scene(deaf)
      yield* all.test.hold("key")
      yield* reasonOf(all.run(Lock.withLock(Effect.void, "key", { timeout: 0 })))
      assert.deepStrictEqual((yield* all.test.calls).map(({ operation }) => operation), ["tryAcquire"])
    }))
})

describe("invariant 3: release and extend are compare-and-act on the token", () => {
  it.effect("the release of a stolen lock does not free the thief's", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.run(Lock.withLock(all.test.steal("key"), "key"))
      assert.isTrue(Option.isSome(yield* all.inner.inspect("key")))
      assert.isTrue(yield* all.test.free("key"))
    }))

  it.effect("the renewal of a stolen lock does not renew the thief's", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fiber = yield* all.start(Lock.withLock(Effect.never, "key", { expires: 3_000 }))
      yield* all.test.steal("key", { for: 1_500 })
      yield* TestClock.adjust(1_499)
      assert.strictEqual(outcome(fiber), "LockLost")
      assert.isTrue(Option.isSome(yield* all.inner.inspect("key")))
      yield* TestClock.adjust(1)
      assert.isTrue(Option.isNone(yield* all.inner.inspect("key")))
    }))

  it.effect("an extension of a stolen lock says that it is lost", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const reason = yield* reasonOf(all.run(
        Lock.withLock((lease) => Effect.andThen(all.test.steal("key"), lease.extend("1 minute")), "key")
      ))
      assert.strictEqual(reason._tag === "LockLost" ? reason.why : undefined, "Taken")
    }))

  it.effect("forceRelease removes the holder it saw and none that came after", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("key")
      yield* all.test.delayRequest("release", 500, { times: 1 })
      const fiber = yield* all.start(Lock.forceRelease("key"))
      yield* all.test.steal("key")
      yield* TestClock.adjust(500)
      assert.strictEqual(outcome(fiber), "Success")
      assert.isTrue(yield* all.test.free("key"))
    }))

  it.effect("forceRelease tells the holder in this process at once", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fiber = yield* all.start(Lock.withLock(Effect.never, "key"))
      assert.isTrue(yield* all.run(Lock.forceRelease("key")))
      yield* flush
      assert.strictEqual(outcome(fiber), "LockLost")
      assert.isFalse(yield* all.run(Lock.forceRelease("key")))
      yield* assertClean(all, "key")
    }))
})

describe("invariant 4: waiting is interruptible, taking and registering the release is one step", () => {
  it.effect("an interruption while the reply is on its way does not leak the lock", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.delay("tryAcquire", 500)
      const scoped = yield* all.start(Effect.scoped(Effect.andThen(Lock.acquire("key"), Effect.never)))
      yield* TestClock.adjust(100)
      scoped.interruptUnsafe()
      yield* flush
      assert.strictEqual(outcome(scoped), "Interrupt")
      yield* TestClock.adjust(500)
      yield* assertClean(all, "key")
    }))

  it.effect("Effect.timeout around a wait leaves nothing behind", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("key")
      const fiber = yield* all.start(Effect.timeoutOption(Lock.withLock(Effect.void, "key"), "300 millis"))
      yield* TestClock.adjust(300)
      yield* TestClock.adjust(1)
      assert.strictEqual(outcome(fiber), "Success")
      yield* all.test.free("key")
      yield* assertClean(all, "key")
    }))

  it.effect("a race that somebody else wins leaves nothing behind", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const results = yield* all.run(Effect.raceFirst(
        Lock.withLock(Effect.as(Effect.sleep(0), "a"), "key"),
        Lock.withLock(Effect.succeed("b"), "other")
      ))
      assert.include(["a", "b"], results)
      yield* assertClean(all, "key", "other")
    }))

  it.effect("in an uninterruptible region the work is uninterruptible too", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      let done = false
      const work = Effect.andThen(Effect.sleep(100), Effect.sync(() => done = true))
      const fiber = yield* all.start(Effect.uninterruptible(Lock.withLock(work, "key")))
      fiber.interruptUnsafe()
      yield* TestClock.adjust(99)
      assert.strictEqual(outcome(fiber), "Running")
      yield* TestClock.adjust(1)
      assert.isTrue(done)
      yield* assertClean(all, "key")
    }))

  it.effect("waiting is interruptible in an interruptible region only", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("key")
      let done = false
      const fiber = yield* all.start(Effect.uninterruptible(Lock.withLock(Effect.sync(() => done = true), "key")))
      fiber.interruptUnsafe()
      yield* TestClock.adjust(1_000)
      assert.strictEqual(outcome(fiber), "Running")
      yield* all.test.free("key")
      yield* TestClock.adjust(1_000)
      assert.isTrue(done)
    }))
})

describe("invariant 5: loss is told", () => {
  it.effect("a stolen lease interrupts the work, whose finalizers run before the error comes out", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const events: Array<string> = []
      const fiber = yield* all.start(
        Effect.never.pipe(
          Effect.onInterrupt(() => Effect.andThen(Effect.sleep(200), Effect.sync(() => events.push("finalizer")))),
          Lock.withLock("key", { expires: 3_000 }),
          Effect.catch(() => Effect.sync(() => events.push("error")))
        )
      )
      yield* all.test.steal("key")
      yield* TestClock.adjust(1_199)
      assert.deepStrictEqual(events, [])
      yield* TestClock.adjust(1)
      assert.strictEqual(outcome(fiber), "Success")
      assert.deepStrictEqual(events, ["finalizer", "error"])
    }))

  it.effect("an unknown renewal is tried again until the store answers", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.fail("extend", { times: 3 })
      const fiber = yield* all.start(Lock.withLock(Effect.sleep(5_000), "key", { expires: 3_000 }))
      yield* TestClock.adjust(5_000)
      assert.strictEqual(outcome(fiber), "Success")
      yield* assertClean(all, "key")
    }))

  it.effect("the lost lease says why, and for how long it was held", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const lost = (options: LockConfig.LockOptions) => all.start(reasonOf(Lock.withLock(Effect.never, "key", options)))
      const expired = yield* lost({ expires: 3_000, renew: false })
      yield* TestClock.adjust(3_000)
      const first = yield* joined(expired)
      assert.deepStrictEqual(
        first._tag === "LockLost" ? [first.why, Duration.toMillis(first.held)] : first,
        ["Expired", 3_000]
      )
      const closed = yield* lost({})
      const closing = yield* Effect.forkChild(all.engine.close, { startImmediately: true })
      yield* flush
      const second = yield* joined(closed)
      assert.strictEqual(second._tag === "LockLost" ? second.why : second._tag, "Closed")
      yield* joined(closing)
    }))

  it.effect("a scoped lease is lost through lease.lost, and only then", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fiber = yield* all.start(Effect.scoped(
        Effect.flatMap(Lock.acquire("key", { expires: 3_000 }), (lease) => Effect.raceFirst(Effect.never, lease.lost))
      ))
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(outcome(fiber), "Running")
      yield* all.test.steal("key")
      yield* TestClock.adjust(1_000)
      assert.strictEqual(outcome(fiber), "LockLost")
    }))

  it.effect("a lease that was lost before anybody asked says so at once", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const reason = yield* all.start(Effect.scoped(Effect.gen(function*() {
        const lease = yield* Lock.acquire("key", { expires: 1_000, renew: false })
        yield* Effect.sleep(1_000)
        assert.isTrue(Duration.isZero(yield* lease.remaining))
        return yield* reasonOf(lease.lost)
      })))
      yield* TestClock.adjust(1_000)
      assert.strictEqual((yield* joined(reason))._tag, "LockLost")
    }))

  it.effect("the fibers that the work forked end with it", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      let child: Fiber.Fiber<never> | undefined
      yield* all.start(
        Effect.andThen(Effect.map(Effect.forkChild(Effect.never), (fiber) => child = fiber), Effect.never).pipe(
          Lock.withLock("key", { expires: 1_000, renew: false })
        )
      )
      yield* TestClock.adjust(1_000)
      assert.isDefined(child?.pollUnsafe())
    }))
})

describe("invariant 6: nothing is swallowed or replaced", () => {
  const exits: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> = [
    ["a success", Effect.succeed("value")],
    ["a success after a while", Effect.delay(Effect.succeed("value"), 10)],
    ["undefined", Effect.void],
    ["a failure", Effect.fail("failure")],
    ["a failure after a while", Effect.delay(Effect.fail("failure"), 10)],
    ["a defect", Effect.die(new Error("defect"))],
    ["a defect after a while", Effect.delay(Effect.die(new Error("defect")), 10)],
    ["an interruption of its own", Effect.interrupt],
    ["an interruption of its own after a while", Effect.delay(Effect.interrupt, 10)],
    ["several causes", Effect.failCause(Cause.combine(Cause.fail("failure"), Cause.die("defect")))]
  ]
  for (const [name, work] of exits) {
    it.effect(`${name} comes out as it is`, () =>
      Effect.gen(function*() {
        const all = yield* scene()
        const bare = yield* Effect.forkDetach(work, { startImmediately: true })
        const locked = yield* all.start(Lock.withLock(work, "key"))
        const once = yield* all.start(Lock.once(work, "other", { failIfLocked: true }))
        yield* TestClock.adjust(10)
        const shape = (exit: Exit.Exit<unknown, unknown> | undefined) =>
          exit === undefined || exit._tag === "Success"
            ? exit
            : exit.cause.reasons.map((reason) =>
              reason._tag === "Fail" ? reason.error : reason._tag === "Die" ? String(reason.defect) : reason._tag
            )
        assert.deepStrictEqual(shape(locked.pollUnsafe()), shape(bare.pollUnsafe()))
        assert.deepStrictEqual(shape(once.pollUnsafe()), shape(bare.pollUnsafe()))
        yield* assertClean(all, "key", "other")
      }))
  }

  it.effect("a release that fails is logged and counted, and the result stays", () =>
    Effect.gen(function*() {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => {
        logged.push(...(Array.isArray(message) ? message : [message]))
      })
      const registry = new Map()
      yield* Effect.gen(function*() {
        const all = yield* scene()
        yield* all.test.fail("release", { times: 1 })
        assert.strictEqual(yield* all.run(Lock.withLock(Effect.succeed("value"), "key")), "value")
        assert.strictEqual(yield* counted("lock_release_failures_total"), 1)
        assert.include(String(logged[0]), "lock backend is in trouble")
        yield* TestClock.adjust(100)
        yield* assertClean(all, "key")
      }).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(Metric.MetricRegistry, registry)
      )
    }))

  for (
    const [how, finalizer] of [["die of", Effect.die("finalizer")], ["fail with", Effect.fail("finalizer")]] as const
  ) {
    it.effect(`what finalizers of interrupted work ${how} is kept`, () =>
      Effect.gen(function*() {
        const all = yield* scene()
        const work = Effect.onInterrupt(Effect.never, () => finalizer)
        const interrupted = yield* all.start(Lock.withLock(work, "key"))
        yield* Effect.forkChild(Fiber.interrupt(interrupted), { startImmediately: true })
        yield* flush
        assert.include(String(interrupted.pollUnsafe()), "finalizer")
        const lost = yield* all.start(Lock.withLock(work, "key", { expires: 1_000, renew: false }))
        yield* TestClock.adjust(1_000)
        assert.strictEqual(outcome(lost), "LockLost")
        assert.include(String(lost.pollUnsafe()), "finalizer")
        yield* assertClean(all, "key")
      }))
  }

  it.effect("once lets a LockError of its own work out", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("inner")
      const nested = Lock.once(Lock.withLock(Effect.void, "inner", { timeout: 0 }), "key")
      assert.strictEqual((yield* reasonOf(all.run(nested)))._tag, "LockTimeout")
      const same = Lock.once(Lock.withLock(Effect.void, "key", { timeout: 0 }), "key")
      const reason = yield* reasonOf(all.run(same))
      assert.deepStrictEqual(reason._tag === "LockTimeout" ? reason.key : reason, "key")
      yield* all.test.free("inner")
      yield* assertClean(all, "key", "inner")
    }))

  it.effect("once is none, and failIfLocked a timeout, when the lock is taken", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("key")
      let ran = false
      const work = Effect.sync(() => ran = true)
      assert.deepStrictEqual(yield* all.run(Lock.once(work, "key")), Option.none())
      const reason = yield* reasonOf(all.run(Lock.once(work, "key", { failIfLocked: true })))
      assert.strictEqual(reason._tag, "LockTimeout")
      assert.isFalse(ran)
      yield* all.test.free("key")
      assert.deepStrictEqual(yield* all.run(Lock.once(work, "key")), Option.some(true))
    }))
})

describe("invariant 7: timeout", () => {
  for (const kind of ["deaf", "listening"] as const) {
    const here = scene((store) => kind === "deaf" ? deaf(store) : store)

    it.effect(`of zero is one attempt (${kind})`, () =>
      Effect.gen(function*() {
        const { run, test } = yield* here
        yield* test.hold("key")
        const reason = yield* reasonOf(run(Lock.withLock(Effect.void, "key", { timeout: 0 })))
        assert.strictEqual(reason._tag, "LockTimeout")
        assert.deepStrictEqual(yield* asks(test), [0])
      }))

    it.effect(`ends with an attempt, exactly (${kind})`, () =>
      Effect.gen(function*() {
        const { start, test } = yield* here
        yield* test.hold("key")
        const fiber = yield* start(Lock.withLock(Effect.void, "key", { timeout: 777 }))
        yield* TestClock.adjust(776)
        assert.strictEqual(outcome(fiber), "Running")
        yield* TestClock.adjust(1)
        assert.strictEqual(outcome(fiber), "LockTimeout")
        assert.strictEqual((yield* asks(test)).at(-1), 777)
      }))

    it.effect(`is met by a lock that becomes free at its very end (${kind})`, () =>
      Effect.gen(function*() {
        const { start, test } = yield* here
        yield* test.hold("key", { for: 777 })
        const fiber = yield* start(Lock.withLock(Effect.void, "key", { timeout: 777 }))
        yield* TestClock.adjust(777)
        assert.strictEqual(outcome(fiber), "Success")
      }))

    it.effect(`of infinity waits for as long as it takes (${kind})`, () =>
      Effect.gen(function*() {
        const { start, test } = yield* here
        yield* test.hold("key", { for: "3 hours" })
        const fiber = yield* start(
          Lock.withLock(now, "key", { timeout: "Infinity", retry: Schedule.spaced("1 minute") })
        )
        yield* TestClock.adjust("3 hours")
        assert.strictEqual(yield* joined(fiber), Duration.toMillis("3 hours"))
      }))
  }

  it.effect("includes the local queue", () =>
    Effect.gen(function*() {
      const { start } = yield* scene()
      yield* start(Lock.withLock(Effect.sleep(300), "key"))
      yield* start(Lock.withLock(Effect.sleep(300), "key"))
      const fiber = yield* start(reasonOf(Lock.withLock(Effect.void, "key", { timeout: 500 })))
      yield* TestClock.adjust(499)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      const reason = yield* joined(fiber)
      assert.deepStrictEqual(
        reason._tag === "LockTimeout" ? [Duration.toMillis(reason.waited), Duration.toMillis(reason.timeout)] : reason,
        [500, 500]
      )
    }))

  it.effect("includes the local queue and then the store", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      const holder = yield* start(
        Lock.withLock(Effect.andThen(Effect.sleep(300), test.steal("key", { for: "1 minute" })), "key")
      )
      const fiber = yield* start(reasonOf(Lock.withLock(Effect.void, "key", { timeout: 500 })))
      yield* TestClock.adjust(300)
      assert.strictEqual(outcome(holder), "Success")
      yield* TestClock.adjust(199)
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      const reason = yield* joined(fiber)
      assert.strictEqual(reason._tag === "LockTimeout" ? Duration.toMillis(reason.waited) : reason._tag, 500)
      assert.strictEqual((yield* asks(test)).at(-1), 500)
    }))

  it.effect("is no longer than itself when the store is silent", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      yield* test.loseRequest("tryAcquire")
      const fiber = yield* start(Lock.withLock(Effect.void, "key", { timeout: 2_500 }))
      yield* TestClock.adjust(2_499)
      assert.strictEqual(outcome(fiber), "Running")
      yield* TestClock.adjust(1)
      assert.strictEqual(outcome(fiber), "BackendFailure")
    }))

  it.effect("is cut short by a schedule that ends", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene(deaf)
      yield* test.hold("key")
      const fiber = yield* start(
        Lock.withLock(Effect.void, "key", {
          timeout: "1 minute",
          retry: Schedule.upTo(Schedule.spaced(100), { times: 3 })
        })
      )
      yield* TestClock.adjust(300)
      assert.strictEqual(outcome(fiber), "LockTimeout")
      assert.deepStrictEqual(yield* asks(test), [0, 100, 200, 300])
    }))

  it.effect("is cut short by a failure that will not go away", () =>
    Effect.gen(function*() {
      const { run, test } = yield* scene()
      yield* test.fail("tryAcquire", { kind: "Unauthorized", retryable: false })
      const reason = yield* reasonOf(run(Lock.withLock(Effect.void, "key", { timeout: "1 minute" })))
      assert.strictEqual(reason._tag === "BackendFailure" ? reason.kind : reason._tag, "Unauthorized")
    }))

  it.effect("outlasts failures that may go away", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      yield* test.down
      const fiber = yield* start(Lock.withLock(now, "key", { timeout: "1 minute" }))
      yield* TestClock.adjust("30 seconds")
      yield* test.up
      yield* TestClock.adjust(300)
      assert.isAtLeast(yield* joined(fiber), 30_000)
    }))

  it.effect("waits no longer than the holder's lease before it looks again", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene(deaf)
      yield* test.hold("key", { for: 1_234 })
      const fiber = yield* start(Lock.withLock(now, "key", { retry: Schedule.spaced("10 seconds") }))
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* joined(fiber), 1_234)
    }))
})

describe("invariant 8: errors say which of the four happened", () => {
  it.effect("LockTimeout: who holds it, since when, and how long we waited", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const [one, other] = [yield* makeProcess(inner), yield* makeProcess(inner)]
      yield* TestClock.adjust(5_000)
      yield* one.start(Lock.withLock(Effect.never, "key"))
      const fiber = yield* other.start(reasonOf(Lock.withLock(Effect.void, "key", { timeout: 2_000 })))
      yield* TestClock.adjust(2_000)
      const reason = yield* joined(fiber)
      if (reason._tag !== "LockTimeout") return assert.fail(reason._tag)
      assert.strictEqual(reason.key, "key")
      assert.strictEqual(Duration.toMillis(reason.waited), 2_000)
      assert.strictEqual(reason.holder?.since?.epochMilliseconds, 5_000)
      assert.match(reason.holder?.owner ?? "", new RegExp(`^[\\w-]+-${process.pid}$`))
      assert.match(reason.message, /^Lock "key" was not acquired after waiting 2s: it is held by .* since 1970-01-01T/)
    }))

  it.effect("LockTimeout asks who holds the key when the store did not say", () =>
    Effect.gen(function*() {
      const { run, test } = yield* scene((store) => ({
        ...store,
        tryAcquire: (claim) =>
          Effect.map(store.tryAcquire(claim), (attempt): LockStore.Attempt =>
            attempt._tag === "Held" ? { _tag: "Held" } : attempt)
      }))
      yield* test.hold("key")
      const fiber = yield* Effect.forkDetach(reasonOf(run(Lock.withLock(Effect.void, "key", { timeout: 100 }))))
      yield* TestClock.adjust(100)
      assert.isDefined(the(yield* joined(fiber), "LockTimeout").holder?.token)
    }))

  it.effect("BackendFailure: which operation of which backend, on which key", () =>
    Effect.gen(function*() {
      const { run, test } = yield* scene()
      yield* test.down
      const reason = yield* reasonOf(run(Lock.withLock(Effect.void, "key", { timeout: 0 })))
      if (reason._tag !== "BackendFailure") return assert.fail(reason._tag)
      assert.deepStrictEqual([reason.backend, reason.key, reason.kind], ["memory", "key", "Unreachable"])
    }))

  it.effect("a store that holds and a store that is down do not look the same", () =>
    Effect.gen(function*() {
      const { run, test } = yield* scene()
      yield* test.hold("key")
      const attempt = Effect.map(reasonOf(run(Lock.withLock(Effect.void, "key", { timeout: 0 }))), ({ _tag }) => _tag)
      const held = yield* attempt
      yield* test.down
      assert.deepStrictEqual([held, yield* attempt], ["LockTimeout", "BackendFailure"])
    }))

  const invalid: ReadonlyArray<readonly [string, string, LockConfig.LockOptions]> = [
    ["expires", "key", { expires: 0 }],
    ["expires", "key", { expires: -1 }],
    ["expires", "key", { expires: NaN }],
    ["expires", "key", { expires: { seconds: NaN } }],
    ["timeout", "key", { timeout: { minutes: 1, seconds: NaN } }],
    ["timeout", "key", { timeout: [NaN, NaN] as never }],
    ["awaitRelease", "key", { awaitRelease: 1 as never }],
    ["expires", "key", { expires: "Infinity" }],
    ["expires", "key", { expires: "soon" as never }],
    ["timeout", "key", { timeout: -1 }],
    ["timeout", "key", { timeout: NaN }],
    ["timeout", "key", { timeout: "later" as never }],
    ["retry", "key", { retry: 3 as never }],
    ["renew", "key", { renew: "yes" as never }],
    ["key", "", {}],
    ["key", 7 as never, {}]
  ]
  for (const [option, key, options] of invalid) {
    it.effect(`InvalidOptions names ${option} in ${JSON.stringify([key, options])}, and asks nobody`, () =>
      Effect.gen(function*() {
        const { run, test } = yield* scene()
        for (
          const call of [
            Lock.withLock(Effect.void, key, options),
            Lock.once(Effect.void, key, options),
            Effect.scoped(Lock.acquire(key, options))
          ]
        ) {
          const reason = yield* reasonOf(run(call))
          assert.strictEqual(reason._tag === "InvalidOptions" ? reason.option : reason._tag, option)
        }
        assert.deepStrictEqual(yield* test.calls, [])
      }))
  }

  it.effect("InvalidOptions when a lease is shorter or longer than the backend can keep", () =>
    Effect.gen(function*() {
      const { run } = yield* scene((store) => ({ ...store, drift: 0.01, maxExpires: Duration.minutes(1) }))
      for (const expires of [9, 60_001]) {
        const reason = yield* reasonOf(run(Lock.withLock(Effect.void, "key", { expires })))
        assert.strictEqual(reason._tag === "InvalidOptions" ? reason.option : reason._tag, "expires")
      }
      const extension = yield* reasonOf(run(Lock.withLock((lease) => lease.extend("2 minutes"), "key")))
      assert.strictEqual(extension._tag, "InvalidOptions")
      yield* run(Lock.withLock(Effect.void, "key", { expires: 10 }))
      yield* run(Lock.withLock(Effect.void, "key", { expires: 60_000 }))
    }))

  it.effect("LockLost answers an extension after the release", () =>
    Effect.gen(function*() {
      const { run } = yield* scene()
      const reason = yield* reasonOf(run(
        Lock.withLock((lease) => Effect.andThen(lease.release, lease.extend()), "key")
      ))
      assert.strictEqual(reason._tag === "LockLost" ? reason.why : reason._tag, "Released")
    }))
})

describe("invariant 9: fail closed", () => {
  const kinds = ["Unreachable", "NoReply", "Loading", "ReadOnly", "OutOfMemory", "Closed", "Unknown"] as const
  for (const kind of kinds) {
    for (const retryable of [true, false]) {
      it.effect(`${kind} (${retryable ? "" : "not "}retryable) never counts as acquired`, () =>
        Effect.gen(function*() {
          const all = yield* scene()
          yield* all.test.fail("tryAcquire", { kind, retryable })
          let ran = false
          const fiber = yield* all.start(Lock.withLock(Effect.sync(() => ran = true), "key", { timeout: 500 }))
          yield* TestClock.adjust("2 seconds")
          assert.strictEqual(outcome(fiber), "BackendFailure")
          assert.isFalse(ran)
          yield* assertClean(all, "key")
        }))
    }
  }

  it.effect("a store that dies never counts as acquired, and what it died of comes out", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => ({ ...store, tryAcquire: () => Effect.die("bug in the store") }))
      const reason = yield* reasonOf(all.run(Lock.withLock(Effect.void, "key")))
      if (reason._tag !== "BackendFailure") return assert.fail(reason._tag)
      assert.deepStrictEqual([reason.kind, reason.retryable, reason.cause], ["Unknown", false, "bug in the store"])
      yield* assertClean(all, "key")
    }))

  it.effect("once does not run, nor say none, when the store is down", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.down
      const reason = yield* reasonOf(all.run(Lock.once(Effect.void, "key")))
      assert.strictEqual(reason._tag, "BackendFailure")
    }))

  it.effect("a closed backend gives no lock", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.engine.close
      const reason = yield* reasonOf(all.run(Lock.withLock(Effect.void, "key")))
      assert.strictEqual(reason._tag === "BackendFailure" ? reason.kind : reason._tag, "Closed")
    }))

  it.effect("tryAcquire says none when held, and fails when it cannot say", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("key")
      const attempt = Effect.scoped(Lock.tryAcquire("key"))
      assert.isTrue(Option.isNone(yield* all.run(attempt)))
      yield* all.test.down
      assert.strictEqual((yield* reasonOf(all.run(attempt)))._tag, "BackendFailure")
    }))
})

describe("invariant 10: time is Effect's Clock", () => {
  it.effect("an hour of renewing and waiting takes no time", () =>
    Effect.gen(function*() {
      const { run, start } = yield* scene()
      const holder = yield* start(Lock.withLock(Effect.sleep("1 hour"), "key", { expires: "30 seconds" }))
      const waiter = yield* start(Lock.withLock(now, "key", { timeout: "Infinity" }))
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(outcome(holder), "Success")
      assert.strictEqual(yield* joined(waiter), Duration.toMillis("1 hour"))
      // And not an hour for who waits for this test.
      yield* run(Effect.void)
    }))

  it.effect("nothing expires while the clock stands still", () =>
    Effect.gen(function*() {
      const { inner, start } = yield* scene()
      const fiber = yield* start(Lock.withLock(Effect.never, "key", { expires: 1, renew: false }))
      yield* TestClock.withLive(Effect.sleep(20))
      assert.strictEqual(outcome(fiber), "Running")
      assert.isTrue(Option.isSome(yield* inner.inspect("key")))
      yield* TestClock.adjust(1)
      assert.strictEqual(outcome(fiber), "LockLost")
    }))
})

describe("invariant 11: hygiene", () => {
  it.effect("after the last release nothing remains, for a thousand keys", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`)
      const fibers = yield* Effect.forEach(keys, (key) => all.start(Lock.withLock(Effect.sleep(5_000), key)))
      assert.strictEqual(all.engine.residue.lines, 1_000)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Success"]))
      yield* assertClean(all, ...keys)
    }))

  it.effect("one alarm serves however many leases", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* Effect.forEach(Array.from({ length: 50 }, (_, i) => i), (i) =>
        all.start(Lock.withLock(Effect.never, `key-${i}`)))
      assert.deepStrictEqual(all.engine.residue, { lines: 50, kept: 50, alarms: 1, calls: 0 })
    }))

  it.effect("work that ends at once never meets the keeper", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const during = yield* all.run(Lock.withLock(Effect.sync(() => all.engine.residue), "key"))
      assert.deepStrictEqual(during, { lines: 1, kept: 0, alarms: 0, calls: 0 })
    }))

  it.effect("an early release gives the key back at once, and later ones do nothing", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.run(Effect.scoped(Effect.gen(function*() {
        const lease = yield* Lock.acquire("key")
        yield* lease.release
        assert.isTrue(Option.isNone(yield* all.inner.inspect("key")))
        yield* all.test.hold("key")
        yield* lease.release
        assert.isTrue(Duration.isZero(yield* lease.remaining))
      })))
      assert.isTrue(yield* all.test.free("key"))
      yield* assertClean(all, "key")
    }))

  it.effect("a closed layer leaves no key, no waiter and no timer", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      const closing = yield* Effect.forkDetach(Effect.scoped(Effect.gen(function*() {
        const context = yield* Layer.build(LockBackend.layer(Effect.succeed(store)))
        yield* Effect.forkDetach(Effect.provide(Lock.withLock(Effect.never, "key"), context), {
          startImmediately: true
        })
        yield* Effect.forkDetach(Effect.provide(Lock.withLock(Effect.never, "key"), context), {
          startImmediately: true
        })
        return context
      })))
      // It waits for no clock: those who hold are told, and have ended.
      yield* Effect.repeat(flush, { times: 10 })
      const context = yield* joined(closing)
      assert.isTrue(Option.isNone(yield* store.inspect("key")))
      const exit = yield* Effect.exit(Effect.provide(Lock.withLock(Effect.void, "key"), context))
      assert.strictEqual(ending(exit), "BackendFailure")
    }))

  it.effect("a holder told of the closing frees nothing a second time, and is not counted as a failure", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const holder = yield* all.start(Lock.withLock(Effect.never, "key"))
      const closing = yield* Effect.forkDetach(all.engine.close)
      yield* Effect.repeat(flush, { times: 10 })
      assert.strictEqual(outcome(holder), "LockLost")
      yield* joined(closing)
      assert.strictEqual(yield* counted("lock_release_failures_total"), 0)
      yield* assertClean(all, "key")
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
})

describe("invariant 12: secrets and keys", () => {
  it.effect("tokens are unguessable, and never the same", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* Effect.repeat(all.run(Lock.withLock(Effect.void, "key")), { times: 999 })
      const calls = (yield* all.test.calls).filter(({ operation }) => operation === "tryAcquire")
      const random = calls.map(({ token }) => token!.split(".")[2])
      assert.strictEqual(new Set(random).size, 1_000)
      for (const part of random) assert.match(part, /^[\w-]{10,}$/)
    }))

  it.effect("metric attributes never have the key", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.run(Lock.withLock(Effect.void, "very-secret-key"))
      const snapshot = yield* Metric.snapshot
      assert.isAbove(snapshot.length, 5)
      assert.notInclude(
        JSON.stringify(snapshot, (_key, value) => typeof value === "bigint" ? String(value) : value),
        "secret"
      )
      for (const { attributes, id } of snapshot) {
        if (id.startsWith("lock_")) assert.strictEqual(attributes?.backend, "memory")
      }
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("the prefix of the configuration is put before every key, fiber-locally", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const keys = Effect.map(all.test.calls, (calls) => new Set(calls.map(({ key }) => key)))
      yield* all.run(LockConfig.provide(Lock.withLock(Lock.inspect("key"), "key"), { keyPrefix: "shop:" }))
      assert.deepStrictEqual(yield* keys, new Set(["shop:key"]))
      yield* all.run(Lock.withLock(Effect.void, "key"))
      assert.deepStrictEqual(yield* keys, new Set(["shop:key", "key"]))
    }))
})
