/** What can come between two steps of a lock, step by step. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Option, Schedule, Scope } from "effect"
import { InMemoryBackend, Lock, type LockStore } from "effect-lock"
import { TestClock } from "effect/testing"
import {
  assertClean,
  callingBack,
  deaf,
  exchanging,
  flush,
  granting,
  handingOver,
  joined,
  makeProcess,
  now,
  outcome,
  type Scene,
  scene
} from "./support.ts"

const kinds = ["deaf", "listening", "calling back", "handing over", "exchanging", "granting"] as const

type Kind = typeof kinds[number]

const sceneOf = (kind: Kind): Effect.Effect<Scene> => {
  switch (kind) {
    case "deaf":
      return scene(deaf)
    case "listening":
      return scene()
    case "calling back":
      return Effect.gen(function*() {
        const all = yield* scene()
        return { ...all, ...(yield* makeProcess(yield* callingBack(all.test.store))) }
      })
    case "handing over":
      return scene(handingOver)
    case "exchanging":
      return scene((store) => exchanging(store))
    case "granting":
      return scene((store) => store, granting)
  }
}

/** Brings a waiter to a place where it waits; the result ends what it waits for. */
const places: Record<string, (scene: Scene) => Effect.Effect<Effect.Effect<unknown>>> = {
  "in the local line": ({ start }) =>
    start(Lock.withLock(Effect.never, "key")).pipe(
      Effect.tap(TestClock.adjust(10)),
      Effect.map((holder) => Fiber.interrupt(holder))
    ),
  "for a reply that comes late": ({ test }) =>
    Effect.as(test.delay("tryAcquire", 800, { times: 1 }), TestClock.adjust(2_000)),
  "for a reply to a request that arrives late": ({ test }) =>
    Effect.as(test.delayRequest("tryAcquire", 800, { times: 1 }), TestClock.adjust(2_000)),
  "for a reply that comes too late": ({ test }) =>
    Effect.as(test.delay("tryAcquire", 1_800, { times: 1 }), TestClock.adjust(4_000)),
  "for a reply to a request that arrives too late": ({ test }) =>
    Effect.as(test.delayRequest("tryAcquire", 1_800, { times: 1 }), TestClock.adjust(4_000)),
  "for a reply that is lost": ({ test }) =>
    Effect.as(test.loseReply("tryAcquire", { times: 1 }), TestClock.adjust(4_000)),
  "for a reply to a request that is lost": ({ test }) =>
    Effect.as(test.loseRequest("tryAcquire", { times: 1 }), TestClock.adjust(4_000)),
  "for another process": ({ test }) => Effect.as(test.hold("key"), test.free("key")),
  "for another process, starting to listen": ({ test }) =>
    Effect.as(
      Effect.andThen(test.hold("key"), test.delay("listen", 900)),
      Effect.andThen(test.free("key"), TestClock.adjust(2_000))
    ),
  "for another process that the store no longer tells of": ({ test }) =>
    Effect.as(
      Effect.andThen(test.hold("key"), test.loseReply("listen")),
      Effect.andThen(test.free("key"), TestClock.adjust(2_000))
    ),
  "for a store that is down": ({ test }) => Effect.as(test.down, Effect.andThen(test.up, TestClock.adjust(2_000)))
}

/** What becomes of the first request by which a lease is given back. */
const faultsOfGivingBack: Record<
  string,
  (test: Scene["test"], operation: "release" | "exchange") => Effect.Effect<void>
> = {
  lost: (test, operation) => test.loseReply(operation, { times: 1 }),
  late: (test, operation) => test.delay(operation, 1_500, { times: 1 }),
  "lost request": (test, operation) => test.loseRequest(operation, { times: 1 }),
  "late request": (test, operation) => test.delayRequest(operation, 1_500, { times: 1 }),
  failed: (test, operation) => test.fail(operation, { times: 1 })
}

for (const kind of kinds) {
  describe(`a waiter over a ${kind} store`, () => {
    for (const [place, prepare] of Object.entries(places)) {
      for (const after of [0, 5, 100, 500, 1_100]) {
        it.effect(`is interrupted after ${after} ms, waiting ${place}`, () =>
          Effect.gen(function*() {
            const all = yield* sceneOf(kind)
            const proceed = yield* prepare(all)
            const waiter = yield* all.start(Lock.withLock(Effect.never, "key", { expires: "60 seconds" }))
            const next = yield* all.start(Lock.withLock(Effect.succeed(1), "key", { expires: "60 seconds" }))
            yield* TestClock.adjust(after)
            waiter.interruptUnsafe()
            yield* TestClock.adjust(1_000)
            assert.strictEqual(outcome(waiter), "Interrupt")
            yield* proceed
            yield* TestClock.adjust("5 seconds")
            assert.strictEqual(outcome(next), "Success")
            yield* assertClean(all, "key")
          }))

        it.effect(`times out after ${after} ms, waiting ${place}`, () =>
          Effect.gen(function*() {
            const all = yield* sceneOf(kind)
            const proceed = yield* prepare(all)
            const waiter = yield* all.start(
              Lock.withLock(Effect.succeed(1), "key", { expires: "60 seconds", timeout: after })
            )
            const next = yield* all.start(Lock.withLock(Effect.succeed(2), "key", { expires: "60 seconds" }))
            // One attempt is in its own right, and may take as long as the store's patience.
            yield* TestClock.adjust(Math.max(after, after === 0 ? 1_000 : 0))
            if (outcome(waiter) === "Running") yield* TestClock.adjust(1_000)
            assert.include(["Success", "LockTimeout", "BackendFailure"], outcome(waiter))
            yield* proceed
            yield* TestClock.adjust("5 seconds")
            assert.strictEqual(outcome(next), "Success")
            yield* assertClean(all, "key")
          }))
      }

      it.effect(`finds its backend closed, waiting ${place}`, () =>
        Effect.gen(function*() {
          const all = yield* sceneOf(kind)
          const proceed = yield* prepare(all)
          const waiters = [
            yield* all.start(Lock.withLock(Effect.never, "key", { expires: "60 seconds" })),
            yield* all.start(Lock.withLock(Effect.succeed(1), "key", { expires: "60 seconds" }))
          ]
          yield* TestClock.adjust(100)
          const closing = yield* Effect.forkChild(all.engine.close, { startImmediately: true })
          yield* TestClock.adjust("3 seconds")
          assert.isDefined(closing.pollUnsafe(), "the backend is closed")
          assert.deepStrictEqual(waiters.map(outcome), ["BackendFailure", "BackendFailure"])
          yield* proceed
          yield* TestClock.adjust("5 seconds")
          assert.deepStrictEqual(all.engine.residue, { lines: 0, kept: 0, alarms: 0, calls: 0 })
        }))
    }
  })

  describe(`a turn over a ${kind} store`, () => {
    const hold = (start: Scene["start"]) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const holder = yield* start(Scope.provide(Lock.acquire("key"), scope))
        yield* TestClock.adjust(10)
        return { scope, lease: yield* joined(holder) }
      })

    it.effect("is passed on by a waiter interrupted after it was given", () =>
      Effect.gen(function*() {
        const all = yield* sceneOf(kind)
        const { lease } = yield* hold(all.start)
        const order: Array<string> = []
        const waiter = (name: string) => Lock.withLock(Effect.sync(() => order.push(name)), "key")
        const first = yield* all.start(waiter("first"))
        const second = yield* all.start(waiter("second"))
        yield* lease.release
        first.interruptUnsafe()
        yield* TestClock.adjust(50)
        assert.strictEqual(outcome(first), "Interrupt")
        assert.strictEqual(outcome(second), "Success")
        assert.deepStrictEqual(order, ["second"])
        yield* assertClean(all, "key")
      }))

    it.effect("goes back when the only waiter is interrupted after it was given", () =>
      Effect.gen(function*() {
        const all = yield* sceneOf(kind)
        const { lease } = yield* hold(all.start)
        const waiter = yield* all.start(Lock.withLock(Effect.never, "key"))
        yield* lease.release
        waiter.interruptUnsafe()
        yield* TestClock.adjust(50)
        assert.strictEqual(outcome(waiter), "Interrupt")
        yield* assertClean(all, "key")
      }))

    it.effect("is refused when all waiters are interrupted after it was given", () =>
      Effect.gen(function*() {
        const all = yield* sceneOf(kind)
        const { lease } = yield* hold(all.start)
        const waiters = yield* Effect.forEach([1, 2, 3], () => all.start(Lock.withLock(Effect.never, "key")))
        yield* lease.release
        for (const waiter of waiters) waiter.interruptUnsafe()
        yield* TestClock.adjust(50)
        assert.deepStrictEqual(waiters.map(outcome), ["Interrupt", "Interrupt", "Interrupt"])
        yield* assertClean(all, "key")
      }))

    it.effect("given at the very end of the timeout is a turn", () =>
      Effect.gen(function*() {
        const all = yield* sceneOf(kind)
        const { lease } = yield* hold(all.start)
        const waiter = yield* all.start(Lock.withLock(Effect.succeed(1), "key", { timeout: 100 }))
        yield* TestClock.adjust(99)
        yield* lease.release
        yield* TestClock.adjust(1)
        yield* flush
        assert.strictEqual(outcome(waiter), "Success")
        yield* assertClean(all, "key")
      }))

    it.effect("is given to one who wants another length of lease, with that length", () =>
      Effect.gen(function*() {
        const all = yield* sceneOf(kind)
        const { lease } = yield* hold(all.start)
        const waiter = yield* all.start(
          Lock.withLock((lease) => lease.remaining, "key", { expires: "25 seconds" })
        )
        yield* lease.release
        yield* TestClock.adjust(50)
        assert.isAbove(Duration.toSeconds(yield* joined(waiter)), 24)
        yield* assertClean(all, "key")
      }))

    it.effect("taken by another process in between is waited for", () =>
      Effect.gen(function*() {
        const all = yield* sceneOf(kind)
        const other = yield* makeProcess(all.inner)
        const { lease } = yield* hold(all.start)
        const first = yield* all.start(Lock.withLock(Effect.succeed(1), "key"))
        const second = yield* all.start(Lock.withLock(Effect.succeed(2), "key"))
        const there = yield* other.start(Lock.withLock(Effect.sleep(3_000), "key"))
        yield* TestClock.adjust(50)
        yield* lease.release
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual([first, second, there].map(outcome), ["Success", "Success", "Success"])
        yield* assertClean(all, "key")
        yield* assertClean({ inner: all.inner, engine: other.engine }, "key")
      }))
  })

  describe(`a holder over a ${kind} store`, () => {
    it.effect("that is interrupted frees the key before it ends", () =>
      Effect.gen(function*() {
        const all = yield* sceneOf(kind)
        const holder = yield* all.start(Lock.withLock(Effect.never, "key"))
        yield* TestClock.adjust(10)
        yield* Fiber.interrupt(holder)
        assert.isTrue(Option.isNone(yield* all.inner.inspect("key")))
        yield* assertClean(all, "key")
      }))

    for (const [fault, cause] of Object.entries(faultsOfGivingBack)) {
      it.effect(`whose release is ${fault} has freed the key in the end`, () =>
        Effect.gen(function*() {
          const all = yield* sceneOf(kind)
          for (const operation of ["release", "exchange"] as const) yield* cause(all.test, operation)
          const holder = yield* all.start(Lock.withLock(Effect.as(Effect.sleep(10), "result"), "key"))
          const next = yield* all.start(Lock.withLock(Effect.succeed(1), "key"))
          yield* TestClock.adjust("8 seconds")
          assert.strictEqual(yield* joined(holder), "result")
          assert.strictEqual(outcome(next), "Success")
          yield* TestClock.adjust("8 seconds")
          yield* assertClean(all, "key")
        }))

      it.effect(`that is interrupted while its release is ${fault} has freed the key in the end`, () =>
        Effect.gen(function*() {
          const all = yield* sceneOf(kind)
          for (const operation of ["release", "exchange"] as const) yield* cause(all.test, operation)
          const holder = yield* all.start(Lock.withLock(Effect.as(Effect.sleep(10), "result"), "key"))
          yield* TestClock.adjust(200)
          holder.interruptUnsafe()
          yield* TestClock.adjust("8 seconds")
          assert.notStrictEqual(outcome(holder), "Running")
          yield* assertClean(all, "key")
        }))
    }

    it.effect("whose lease is stolen while another waits hands on the turn", () =>
      Effect.gen(function*() {
        const all = yield* sceneOf(kind)
        const holder = yield* all.start(Lock.withLock(Effect.never, "key", { expires: "3 seconds" }))
        const next = yield* all.start(Lock.withLock(Effect.succeed(1), "key"))
        yield* TestClock.adjust(10)
        yield* all.test.steal("key", { for: "5 seconds" })
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([holder, next].map(outcome), ["LockLost", "Running"])
        yield* TestClock.adjust("6 seconds")
        assert.strictEqual(outcome(next), "Success")
        yield* assertClean(all, "key")
      }))

    it.effect("finds its backend closed and is told", () =>
      Effect.gen(function*() {
        const all = yield* sceneOf(kind)
        const holder = yield* all.start(Lock.withLock(Effect.never, "key"))
        const next = yield* all.start(Lock.withLock(Effect.succeed(1), "key"))
        yield* TestClock.adjust(10)
        const closing = yield* Effect.forkChild(all.engine.close, { startImmediately: true })
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(closing.pollUnsafe(), Exit.void)
        assert.deepStrictEqual([holder, next].map(outcome), ["LockLost", "BackendFailure"])
        yield* assertClean(all, "key")
      }))
  })
}

describe("the news of a release", () => {
  it.effect("that comes while a claim is unanswered is not forgotten", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("key")
      const waiter = yield* all.start(Lock.withLock(now, "key", { retry: Schedule.spaced("30 seconds") }))
      // It listens by now; the claim after the first sleep is executed, refused, and answered late.
      yield* all.test.delay("tryAcquire", 300)
      yield* TestClock.adjust("30 seconds")
      yield* all.test.free("key")
      yield* all.test.heal()
      yield* TestClock.adjust(300)
      assert.strictEqual(outcome(waiter), "Success")
      assert.strictEqual(yield* joined(waiter), 30_300)
      yield* assertClean(all, "key")
    }))

  it.effect("that comes between listening and asking again is not needed", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("key")
      yield* all.test.delay("listen", 300)
      const waiter = yield* all.start(Lock.withLock(now, "key", { retry: Schedule.spaced("30 seconds") }))
      yield* TestClock.adjust(100)
      yield* all.test.free("key")
      yield* TestClock.adjust(200)
      assert.strictEqual(yield* joined(waiter), 300)
      yield* assertClean(all, "key")
    }))
})

describe("a late claim", () => {
  const late = Effect.gen(function*() {
    const all = yield* scene()
    // The first claim is on its way for longer than anybody listens; the second gets the key.
    yield* all.test.delayRequest("tryAcquire", 1_500, { times: 1 })
    return all
  })

  it.effect("does not bring back a key that was released meanwhile", () =>
    Effect.gen(function*() {
      const all = yield* late
      const work = yield* all.start(Lock.withLock(Effect.sleep(200), "key"))
      yield* TestClock.adjust(1_300)
      assert.strictEqual(outcome(work), "Success")
      yield* TestClock.adjust(1_000)
      yield* assertClean(all, "key")
    }))

  it.effect("does not shorten a lease that was extended meanwhile", () =>
    Effect.gen(function*() {
      const all = yield* late
      const other = yield* makeProcess(all.inner)
      let inside = 0
      let most = 0
      const work = Effect.acquireUseRelease(
        Effect.sync(() => most = Math.max(most, ++inside)),
        () => Effect.sleep("30 seconds"),
        () => Effect.sync(() => inside--)
      )
      const first = yield* all.start(
        Lock.withLock((lease) => Effect.andThen(Effect.ignore(lease.extend("60 seconds")), work), "key")
      )
      yield* TestClock.adjust(1_400)
      yield* other.start(Lock.withLock(work, "key"))
      yield* TestClock.adjust("80 seconds")
      assert.strictEqual(outcome(first), "Success")
      assert.strictEqual(most, 1)
    }))

  it.effect("of an exchange does not take the key for a waiter that has gone", () =>
    Effect.gen(function*() {
      const all = yield* scene(exchanging)
      const slow: LockStore.LockStore = {
        ...all.test.store,
        exchange: (token, claim) =>
          Effect.flatMap(
            Effect.forkDetach(
              Effect.delay(
                Effect.andThen(all.inner.release(claim.key, token), all.inner.tryAcquire(claim)),
                1_500
              ),
              { startImmediately: true }
            ),
            Fiber.join
          )
      }
      const process = yield* makeProcess(slow)
      yield* process.start(Lock.withLock(Effect.sleep(10), "key"))
      const waiter = yield* process.start(Lock.withLock(Effect.never, "key"))
      yield* TestClock.adjust(1_100)
      waiter.interruptUnsafe()
      yield* TestClock.adjust(2_000)
      yield* assertClean({ inner: all.inner, engine: process.engine }, "key")
    }))
})

describe("closing", () => {
  for (const when of ["before the store has executed it", "before the next fiber has its turn"] as const) {
    it.effect(`gives back what an exchange claimed, ${when}`, () =>
      Effect.gen(function*() {
        const all = yield* scene(exchanging)
        const closed = yield* Deferred.make<void>()
        let executed = 0
        const store: LockStore.LockStore = {
          ...all.test.store,
          exchange: (token, claim) =>
            Effect.delay(
              Effect.tap(
                Effect.andThen(all.inner.release(claim.key, token), all.inner.tryAcquire(claim)),
                () => {
                  executed++
                  // The answer is dealt with in this turn, and the fiber has its turn in the next.
                  if (when === "before the next fiber has its turn") queueMicrotask(end)
                  return Effect.void
                }
              ),
              300
            )
        }
        const process = yield* makeProcess(store)
        const context = yield* Effect.context<never>()
        const end = () => {
          Effect.runForkWith(context)(Effect.andThen(process.engine.close, Deferred.succeed(closed, undefined)))
        }
        yield* process.start(Lock.withLock(Effect.sleep(100), "key"))
        const waiter = yield* process.start(Lock.withLock(Effect.never, "key"))
        yield* TestClock.adjust(200)
        if (when === "before the store has executed it") end()
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(executed, 1)
        assert.isTrue(yield* Deferred.isDone(closed))
        assert.strictEqual(outcome(waiter), "BackendFailure")
        assert.isTrue(Option.isNone(yield* all.inner.inspect("key")))
      }))
  }

  it.effect("gives back what a failed release left, when the store is well again", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.fail("release", { times: 2 })
      yield* all.run(Lock.withLock(Effect.void, "key"))
      const closing = yield* Effect.forkChild(all.engine.close, { startImmediately: true })
      yield* TestClock.adjust("3 seconds")
      assert.isDefined(closing.pollUnsafe())
      yield* assertClean(all, "key")
    }))

  it.effect("does not wait for a timer when the store answers at once", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.fail("release", { times: 2 })
      yield* all.run(Lock.withLock(Effect.void, "key"))
      const closing = yield* Effect.forkChild(all.engine.close, { startImmediately: true })
      yield* flush
      assert.isDefined(closing.pollUnsafe())
    }))

  it.effect("twice is closing once", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.engine.close
      yield* all.engine.close
      const late = yield* all.start(Lock.withLock(Effect.void, "key"))
      assert.strictEqual(outcome(late), "BackendFailure")
      yield* assertClean(all, "key")
    }))
})

describe("two processes over a store in memory", () => {
  it.effect("take turns however they end", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const [one, other] = [yield* makeProcess(inner), yield* makeProcess(inner)]
      const order: Array<number> = []
      const work = (n: number) =>
        Lock.withLock(Effect.andThen(Effect.sleep(100), Effect.sync(() => order.push(n))), "key")
      const fibers = yield* Effect.forEach([1, 2, 3, 4], (n) => (n % 2 === 0 ? one : other).start(work(n)))
      yield* TestClock.adjust(150)
      fibers[1].interruptUnsafe()
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(fibers.map(outcome), ["Success", "Interrupt", "Success", "Success"])
      assert.sameMembers(order, [1, 3, 4])
      yield* assertClean({ engine: one.engine, inner }, "key")
      yield* assertClean({ engine: other.engine, inner }, "key")
    }))
})
