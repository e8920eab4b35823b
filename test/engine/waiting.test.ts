/** How long calls take, whatever the store does, and what they say at the end of it. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Option, References, Schedule } from "effect"
import { InMemoryBackend, Lock, type LockStore } from "effect-lock"
import { TestClock } from "effect/testing"
import { Worker } from "node:worker_threads"
import { lateClock, reasonOf, the } from "./scenery.ts"
import { assertClean, deaf, exchanging, flush, horizon, joined, makeProcess, now, outcome, scene } from "./support.ts"

const ended = Effect.fnUntraced(function*(fiber: Fiber.Fiber<unknown, unknown>) {
  yield* flush
  return fiber.pollUnsafe() !== undefined
})

describe("a timeout", () => {
  for (const timeout of [0, 1, 100, 249, 290, 310]) {
    it.effect(`of ${timeout} ms is enough for a free key of a store that takes 300 ms`, () =>
      Effect.gen(function*() {
        const all = yield* scene()
        yield* all.test.delay("tryAcquire", 300)
        const fiber = yield* all.start(Lock.withLock(Effect.succeed("ran"), "key", { timeout }))
        yield* TestClock.adjust(300)
        yield* flush
        assert.strictEqual(outcome(fiber), "Success")
        yield* assertClean(all, "key")
      }))
  }

  it.effect("is exceeded by no more than the last attempt took, where the store does not say who holds the key", () =>
    Effect.gen(function*() {
      const { inner, start, test } = yield* scene((store) => ({
        ...deaf(store),
        tryAcquire: (claim) => Effect.as(store.tryAcquire(claim), { _tag: "Held" })
      }))
      yield* inner.tryAcquire({ key: "key", token: "other", expiresMillis: 60_000, wait: false })
      yield* test.delay("tryAcquire", 40)
      yield* test.delay("inspect", 40)
      const refused = Effect.fnUntraced(function*(timeout: number, spacing: number) {
        const retry = Schedule.spaced(spacing)
        const startedAt = yield* now
        const fiber = yield* start(
          Effect.zip(reasonOf(Lock.withLock(Effect.void, "key", { timeout, retry })), now)
        )
        yield* TestClock.adjust(2_000)
        const [reason, endedAt] = yield* joined(fiber)
        return [the(reason, "LockTimeout").holder?.token, endedAt - startedAt]
      })
      assert.deepStrictEqual(yield* refused(500, 100), ["other", 540], "asked together with the last attempt")
      assert.deepStrictEqual(yield* refused(0, 100), [undefined, 40], "not after the only one")
      yield* test.heal()
      yield* test.delay("tryAcquire", 40)
      yield* test.loseReply("inspect")
      assert.deepStrictEqual(yield* refused(500, 100), [undefined, 580], "together with one at the end")
      assert.deepStrictEqual(yield* refused(500, 120), [undefined, 520], "not after one that began before it")
    }))

  it.effect("at whose end nobody asks who has the key leaves no question behind", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => ({
        ...deaf(store),
        tryAcquire: (claim) => Effect.as(store.tryAcquire(claim), { _tag: "Held" })
      }))
      yield* all.inner.tryAcquire({ key: "key", token: "other", expiresMillis: 60_000, wait: false })
      yield* all.test.loseReply("inspect")
      const fiber = yield* all.start(Lock.once(Effect.void, "key", { timeout: 100 }))
      yield* TestClock.adjust(100)
      yield* flush
      assert.deepStrictEqual(yield* joined(fiber), Option.none())
      yield* assertClean(all)
    }))

  it.effect("of 0 behind one whose lease was over when it heard of it waits for what comes next, which is at once", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      // As a process that stands still while it is answered.
      yield* test.delay("tryAcquire", 480, { times: 1 })
      let ranAt = Infinity
      const work = Effect.andThen(Effect.map(now, (at) => ranAt = at), Effect.never)
      yield* start(Lock.withLock(work, "key", { expires: 500, retry: Schedule.spaced("5 seconds") }))
      yield* TestClock.adjust(480)
      const refused = yield* start(reasonOf(Lock.withLock(Effect.void, "key", { timeout: 0 })))
      yield* TestClock.adjust(10)
      yield* flush
      the(yield* joined(refused), "LockTimeout")
      assert.isBelow(ranAt, 490)
    }))

  it.effect("of 0 behind one whose leases are all over when it hears of them waits for no third one", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      yield* test.delay("tryAcquire", 480)
      yield* start(Lock.withLock(Effect.void, "key", { expires: 500, timeout: "Infinity" }))
      yield* TestClock.adjust(470)
      const attempt = Lock.withLock(Effect.void, "key", { timeout: 0 })
      const waiting = yield* start(attempt)
      yield* TestClock.adjust(100)
      assert.strictEqual(outcome(waiting), "Running")
      yield* TestClock.adjust(480)
      yield* flush
      assert.strictEqual(outcome(waiting), "BackendFailure")
      const next = yield* start(attempt)
      yield* flush
      assert.strictEqual(outcome(next), "BackendFailure", "who comes now hears what is known")
    }))

  for (
    const [name, call] of [
      ["reads", (timeout: number) => Lock.withSharedLock(Effect.void, "key", { timeout })],
      ["takes permits", (timeout: number) => Lock.withPermits(Effect.void, "key", { permits: 1, limit: 20, timeout })]
    ] as const
  ) {
    it.effect(`of 0 or little of one who ${name} behind others is their answer and one of its own, however many there are`, () =>
      Effect.gen(function*() {
        const all = yield* scene()
        yield* all.test.delay("tryAcquire", 300)
        const fibers = yield* Effect.forEach(
          Array.from({ length: 10 }, (_, i) => i),
          (i) => all.start(call(i < 5 ? 0 : 200))
        )
        yield* TestClock.adjust(600)
        yield* flush
        assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Success"]))
        yield* assertClean(all, "key")
      }))
  }

  it.effect("of 0 behind those who are interrupted before the store says anything is its patience", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.loseRequest("tryAcquire")
      const chain = yield* Effect.forEach(
        [1, 2, 3, 4],
        (i) => all.start(Effect.timeoutOption(Lock.withLock(Effect.void, "key", { timeout: "1 minute" }), 900 * i))
      )
      yield* TestClock.adjust(500)
      const refused = yield* all.start(reasonOf(Lock.withLock(Effect.void, "key", { timeout: 0 })))
      yield* TestClock.adjust(999)
      assert.isUndefined(refused.pollUnsafe())
      yield* TestClock.adjust(1)
      const { kind } = the(yield* joined(refused), "BackendFailure")
      assert.strictEqual(kind, "NoReply")
      yield* TestClock.adjust("10 seconds")
      assert.notInclude(chain.map(outcome), "Running")
      yield* assertClean(all, "key")
    }))

  it.effect("of 0 while a key is given back is as long as that takes, and then an answer", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const holder = yield* all.start(Lock.withLock(Effect.sleep(10), "key"))
      yield* flush
      yield* all.test.delay("release", 700)
      yield* all.test.delay("tryAcquire", 700)
      const next = yield* all.start(Lock.withLock(Effect.never, "key"))
      yield* TestClock.adjust(10)
      const refused = yield* all.start(reasonOf(Lock.withLock(Effect.void, "key", { timeout: 0 })))
      yield* TestClock.adjust(1_399)
      assert.isUndefined(refused.pollUnsafe())
      yield* TestClock.adjust(1)
      the(yield* joined(refused), "LockTimeout")
      assert.deepStrictEqual([holder, next].map(outcome), ["Success", "Running"])
    }))

  it.effect("of a call behind others counts from its start, not from its turn", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene(deaf)
      yield* test.hold("key")
      const ends: Array<number> = []
      for (const timeout of [900, 300, 600]) {
        yield* start(Effect.ensuring(
          Effect.ignore(Lock.withLock(Effect.void, "key", { timeout })),
          Effect.map(now, (at) => ends.push(at))
        ))
      }
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(ends, [300, 600, 900])
    }))
})

describe("an interruption", () => {
  const silent = (store: LockStore.LockStore): LockStore.LockStore => ({
    ...store,
    tryAcquire: () => Effect.never,
    release: () => Effect.never,
    inspect: () => Effect.never
  })

  it.effect("does not wait for the answer to a claim, nor for its release", () =>
    Effect.gen(function*() {
      const { start } = yield* scene(silent)
      const fiber = yield* start(Lock.withLock(Effect.void, "key"))
      yield* TestClock.adjust(100)
      fiber.interruptUnsafe()
      assert.isTrue(yield* ended(fiber))
      assert.strictEqual(yield* now, 100)
    }))

  it.effect("of Effect.timeout takes as long as that says, over a silent store", () =>
    Effect.gen(function*() {
      const { start } = yield* scene(silent)
      const fiber = yield* start(Effect.timeoutOption(Lock.withLock(Effect.void, "key"), 100))
      yield* TestClock.adjust(100)
      assert.isTrue(yield* ended(fiber))
    }))

  it.effect("does not wait until it is known who has the key", () =>
    Effect.gen(function*() {
      const { start } = yield* scene((store) => ({
        ...store,
        tryAcquire: () => Effect.succeed({ _tag: "Held" }),
        inspect: () => Effect.never
      }))
      const calls = [
        Lock.withLock(Effect.void, "key"),
        Effect.asVoid(Effect.scoped(Lock.acquire("key", { timeout: 10 })))
      ]
      for (const call of calls) {
        const fiber = yield* start(call)
        yield* TestClock.adjust(15)
        yield* flush
        fiber.interruptUnsafe()
        assert.isTrue(yield* ended(fiber))
      }
    }))

  it.effect("of a holder does not wait for the store to confirm", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.delay("release", 800)
      const fiber = yield* all.start(Lock.withLock(Effect.never, "key"))
      fiber.interruptUnsafe()
      assert.isTrue(yield* ended(fiber))
      yield* TestClock.adjust(800)
      yield* assertClean(all, "key")
    }))

  it.effect("of a release that the holder asks for comes out at once, and the release is still made", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.delay("release", 800)
      const ways = [
        Lock.withLock("key")((lease) => lease.release),
        Lock.withLock("key")((lease) => Effect.ensuring(Effect.never, lease.release)),
        Effect.scoped(Effect.flatMap(Lock.acquire("key"), (lease) => lease.release)),
        Effect.scoped(Effect.andThen(Lock.acquire("key"), Effect.never))
      ]
      for (const way of ways) {
        const fiber = yield* all.start(way)
        yield* TestClock.adjust(100)
        fiber.interruptUnsafe()
        assert.isTrue(yield* ended(fiber))
        yield* TestClock.adjust(800)
        yield* assertClean(all, "key")
      }
    }))

  it.effect("ends waiting for the release of work that is done, whose release is still made", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.delay("release", 800)
      const fiber = yield* all.start(Lock.withLock(Effect.void, "key"))
      yield* TestClock.adjust(100)
      fiber.interruptUnsafe()
      assert.isTrue(yield* ended(fiber))
      yield* TestClock.adjust(700)
      yield* assertClean(all, "key")
    }))

  it.effect("between the lease and the work keeps the work from beginning", () =>
    Effect.gen(function*() {
      let interrupted = 0
      // Fibers that yield so often can be interrupted between any two of their steps.
      for (const steps of [3, 4, 5, 6, 7, 8, 9, 11, 13]) {
        for (let turns = 1;; turns++) {
          const inner = yield* InMemoryBackend.makeStore
          const { engine, run } = yield* makeProcess({
            ...inner,
            tryAcquire: (claim) => Effect.andThen(Effect.yieldNow, inner.tryAcquire(claim))
          })
          let state: "waiting" | "interrupted" | "began late" = "waiting"
          const work = Effect.sync(() => {
            if (state === "interrupted") state = "began late"
          })
          const fiber = yield* Effect.forkDetach(
            Effect.provideService(run(Lock.withLock(work, "key")), References.MaxOpsBeforeYield, steps),
            { startImmediately: true }
          )
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          if (fiber.pollUnsafe() !== undefined) break
          interrupted++
          state = "interrupted"
          fiber.interruptUnsafe()
          yield* Fiber.await(fiber)
          assert.strictEqual(state, "interrupted", `${steps} steps, ${turns} turns`)
          yield* assertClean({ engine, inner }, "key")
        }
      }
      assert.isAtLeast(interrupted, 10)
    }))

  it.effect("between a claim and the wait for its answer leaves nothing, though none ever comes", () =>
    Effect.gen(function*() {
      for (const steps of [2, 3, 4, 5, 6, 7, 8, 9, 11, 13]) {
        for (let turns = 1; turns < 12; turns++) {
          const inner = yield* InMemoryBackend.makeStore
          const { engine, run } = yield* makeProcess({ ...inner, tryAcquire: () => Effect.never })
          const fiber = yield* Effect.forkDetach(
            Effect.provideService(run(Lock.withLock(Effect.void, "key")), References.MaxOpsBeforeYield, steps),
            { startImmediately: true }
          )
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          fiber.interruptUnsafe()
          yield* Fiber.await(fiber)
          yield* TestClock.adjust(horizon)
          yield* assertClean({ engine, inner }, "key")
        }
      }
    }))
})

describe("a store that is silent", () => {
  it.effect("is a failure for all who ask, not a holder for those behind the first", () =>
    Effect.gen(function*() {
      const { start } = yield* scene((store) => ({
        ...store,
        tryAcquire: () => Effect.never,
        release: () => Effect.never,
        inspect: () => Effect.never
      }))
      const fibers = [
        yield* start(Lock.once(Effect.void, "key")),
        yield* start(Lock.once(Effect.void, "key")),
        yield* start(Effect.scoped(Lock.tryAcquire("key"))),
        yield* start(Lock.withLock(Effect.void, "key", { timeout: 0 })),
        yield* start(Lock.withLock(Effect.void, "key", { timeout: 200 }))
      ]
      yield* TestClock.adjust(1_000)
      yield* flush
      assert.deepStrictEqual(fibers.map(outcome), Array.from(fibers, () => "BackendFailure"))
    }))

  it.effect("is none for those behind it, once it has answered: they hear who has the key", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      yield* test.hold("key")
      yield* test.delay("tryAcquire", 300)
      yield* start(Lock.withLock(Effect.void, "key"))
      const once = yield* start(Lock.once(Effect.void, "key"))
      const locked = yield* start(reasonOf(Lock.withLock(Effect.void, "key", { timeout: 100 })))
      yield* TestClock.adjust(300)
      yield* flush
      assert.deepStrictEqual(yield* joined(once), Option.none())
      assert.isDefined(the(yield* joined(locked), "LockTimeout").holder)
    }))

  it.effect("gives the key to the first, and the others hear that it has it", () =>
    Effect.gen(function*() {
      const { inner, start, test } = yield* scene()
      yield* test.delay("tryAcquire", 300)
      yield* start(Lock.withLock(Effect.never, "key"))
      const once = yield* start(Lock.once(Effect.void, "key"))
      const locked = yield* start(reasonOf(Lock.withLock(Effect.void, "key", { timeout: 100 })))
      yield* TestClock.adjust(300)
      yield* flush
      assert.deepStrictEqual(yield* joined(once), Option.none())
      const { token } = Option.getOrThrow(yield* inner.inspect("key"))
      assert.strictEqual(the(yield* joined(locked), "LockTimeout").holder?.token, token)
    }))

  it.effect("delays a result by its patience and no more", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      yield* test.loseReply("release")
      const fiber = yield* start(Lock.withLock(Effect.succeed("result"), "key"))
      yield* TestClock.adjust(999)
      assert.strictEqual(outcome(fiber), "Running")
      yield* TestClock.adjust(1)
      yield* flush
      assert.strictEqual(yield* joined(fiber), "result")
    }))

  it.effect("does not delay a result by what it would tell the next in line", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => ({ ...exchanging(store), listen: () => Effect.never }))
      const holder = yield* all.start(Lock.withLock(Effect.sleep(5), "key"))
      const waiter = yield* all.start(Lock.withLock(Effect.void, "key"))
      yield* TestClock.adjust(5)
      yield* flush
      assert.deepStrictEqual([holder, waiter].map(outcome), ["Success", "Success"])
    }))
})

describe("an event loop that was late", () => {
  it.effect("hears what comes with the alarm that ends its patience", () =>
    Effect.gen(function*() {
      const clock = yield* lateClock
      let answer = () => {}
      const sleep = (duration: Duration.Duration) =>
        Effect.tap(clock.sleep(duration), () => Effect.sync(() => setImmediate(() => answer())))
      yield* Effect.gen(function*() {
        const store = yield* InMemoryBackend.makeStore
        const { start } = yield* makeProcess({
          ...store,
          tryAcquire: (claim) =>
            Effect.andThen(
              Effect.callback<void>((resume) => {
                answer = () => resume(Effect.void)
              }),
              store.tryAcquire(claim)
            )
        })
        const fiber = yield* start(Lock.withLock(Effect.succeed("ran"), "key", { timeout: 0 }))
        yield* TestClock.adjust(1_000)
        assert.strictEqual(yield* joined(fiber), "ran")
      }).pipe(Effect.provideService(Clock.Clock, { ...clock, sleep }))
    }))

  it("reads what has arrived before it calls a store silent", async () => {
    // The worker answers while this thread is stopped, so its answer is there before the time is over and read after it.
    const flags = new Int32Array(new SharedArrayBuffer(8))
    const worker = new Worker(
      `const { parentPort, workerData: flags } = require("node:worker_threads")
       Atomics.wait(flags, 0, 0)
       parentPort.postMessage("an answer")
       Atomics.store(flags, 1, 1)
       Atomics.notify(flags, 1)`,
      { eval: true, workerData: flags }
    )
    await new Promise((resolve) => worker.once("online", resolve))
    const patience = 50
    const asked = Effect.callback<void>((resume) => {
      // Clients read what has arrived, and give it to whom it is for in the next turn.
      worker.once("message", () => setImmediate(() => resume(Effect.void)))
      const start = performance.now()
      // After the call has been made, which counts the time from now.
      setImmediate(() => {
        Atomics.store(flags, 0, 1)
        Atomics.notify(flags, 0)
        Atomics.wait(flags, 1, 0)
        while (performance.now() - start < 3 * patience);
      })
    })
    const exit = await Effect.runPromiseExit(Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      const { run } = yield* makeProcess({
        ...store,
        patience: Duration.millis(patience),
        tryAcquire: (claim) => Effect.andThen(asked, store.tryAcquire(claim))
      })
      return yield* run(Lock.withLock(Effect.succeed("ran"), "key", { timeout: 0 }))
    }))
    await worker.terminate()
    assert.strictEqual(exit._tag === "Success" ? exit.value : String(exit.cause), "ran")
  })
})

describe("a schedule", () => {
  const slow = Schedule.spaced(10).pipe(Schedule.tap(() => Effect.sleep("2 seconds")))

  it.effect("that takes its time takes none beyond the timeout", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene(deaf)
      yield* test.hold("key")
      const fiber = yield* start(Lock.withLock(Effect.void, "key", { timeout: 100, retry: slow }))
      yield* TestClock.adjust(100)
      yield* flush
      assert.strictEqual(outcome(fiber), "LockTimeout")
    }))

  it.effect("that takes its time can be interrupted, and is", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene(deaf)
      yield* test.hold("key")
      let interrupted = false
      const retry = Schedule.spaced(10).pipe(
        Schedule.tap(() => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted = true)))
      )
      const fiber = yield* start(Lock.withLock(Effect.void, "key", { retry }))
      yield* TestClock.adjust(50)
      fiber.interruptUnsafe()
      assert.isTrue(yield* ended(fiber))
      assert.isTrue(interrupted)
    }))

  it.effect("that takes its time is left as often as there is news", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const [one, other, third] = [yield* makeProcess(inner), yield* makeProcess(inner), yield* makeProcess(inner)]
      const holder = yield* one.start(Lock.withLock(Effect.never, "key"))
      const retry = Schedule.tap(Schedule.spaced(10), () => Effect.never)
      const waiting = yield* other.start(Lock.withLock(Effect.void, "key", { retry, timeout: "Infinity" }))
      const leaving = yield* third.start(Lock.withLock(Effect.void, "key"))
      yield* flush
      // Whoever waits hears that somebody has left, and asks for nothing.
      yield* Fiber.interrupt(leaving)
      yield* flush
      assert.strictEqual(outcome(waiting), "Running")
      yield* Fiber.interrupt(holder)
      yield* flush
      assert.strictEqual(outcome(waiting), "Success")
    }))

  const ending = { timeout: "Infinity", retry: Schedule.upTo(Schedule.spaced(1_000), { times: 3 }) } as const

  it.effect("that ends gives up behind a holder of this process as behind another", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const [here, there] = [yield* makeProcess(inner), yield* makeProcess(inner)]
      yield* here.start(Lock.withLock(Effect.never, "key"))
      const fibers = [
        yield* here.start(Lock.withLock(Effect.void, "key", ending)),
        yield* there.start(Lock.withLock(Effect.void, "key", ending))
      ]
      yield* TestClock.adjust(2_999)
      assert.deepStrictEqual(fibers.map(outcome), ["Running", "Running"])
      yield* TestClock.adjust(1)
      yield* flush
      assert.deepStrictEqual(fibers.map(outcome), ["LockTimeout", "LockTimeout"])
    }))

  it.effect("that fails behind a holder of this process ends the wait, and leaves no place in the line", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const holder = yield* all.start(Lock.withLock(Effect.never, "key"))
      const retry = Schedule.spaced(10).pipe(Schedule.tap(() => Effect.die("bug in the schedule")))
      const fiber = yield* all.start(Lock.withLock(Effect.void, "key", { retry }))
      yield* TestClock.adjust(10)
      yield* flush
      assert.strictEqual(outcome(fiber), "Die")
      yield* Fiber.interrupt(holder)
      yield* assertClean(all, "key")
    }))
})
