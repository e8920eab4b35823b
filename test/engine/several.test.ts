/** Several keys at once, and work under a lease that one has. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Option } from "effect"
import { InMemoryBackend, Lock, OpenBackend } from "effect-lock"
import { TestClock } from "effect/testing"
import { assertClean, flush, joined, makeProcess, outcome, scene } from "./support.ts"

const keysIn = (seed: number): ReadonlyArray<string> =>
  ["a", "b", "c", "d", "e"].toSorted((x, y) => ((seed * x.charCodeAt(0)) % 7) - ((seed * y.charCodeAt(0)) % 7)).slice(
    0,
    2 + seed % 3
  )

describe("several keys", () => {
  it.effect("are all held, by leases in the order asked for, and all given back", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const seen = yield* all.run(Lock.withLocks((leases) =>
        Effect.gen(function*() {
          const held = yield* Effect.forEach(["a", "b"], (key) => Lock.inspect(key))
          return [leases.map(({ key }) => key), held.every(Option.isSome)]
        }), ["b", "a", "b"]))
      assert.deepStrictEqual(seen, [["b", "a", "b"], true])
      yield* assertClean(all, "a", "b")
    }))

  it.effect("never wait in a circle, whatever the order and the process", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const processes = [yield* makeProcess({ ...inner }), yield* makeProcess({ ...inner })]
      const inside = new Map<string, number>()
      let overlaps = 0
      const work = (keys: ReadonlyArray<string>) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            for (const key of keys) {
              const count = (inside.get(key) ?? 0) + 1
              inside.set(key, count)
              if (count > 1) overlaps++
            }
          }),
          () => Effect.sleep(3),
          () => Effect.sync(() => keys.forEach((key) => inside.set(key, inside.get(key)! - 1)))
        )
      const fibers = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, i) => keysIn(i + 1)),
        (keys, i) => processes[i % 2].start(Lock.withLocks(work(keys), keys, { timeout: "Infinity" }))
      )
      for (let i = 0; i < 200; i++) yield* TestClock.adjust(50)
      assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Success"]))
      assert.strictEqual(overlaps, 0)
      for (const { engine } of processes) yield* assertClean({ inner, engine }, "a", "b", "c", "d", "e")
    }))

  it.effect("do not keep who is interrupted waiting for the store to confirm", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fiber = yield* all.start(Lock.withLocks(Effect.never, ["a", "b"]))
      yield* flush
      yield* all.test.loseReply("release", { times: 2 })
      fiber.interruptUnsafe()
      yield* flush
      assert.strictEqual(outcome(fiber), "Interrupt")
      yield* TestClock.adjust("2 seconds")
      yield* assertClean(all, "a", "b")
    }))

  it.effect("have one deadline, and the error names the key that was missing", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("b")
      const fiber = yield* all.start(Lock.withLocks(Effect.void, ["c", "b", "a"], { timeout: 500 }))
      yield* TestClock.adjust(400)
      assert.strictEqual(outcome(fiber), "Running")
      yield* TestClock.adjust(150)
      const error = yield* Effect.flip(joined(fiber))
      if (error.reason._tag !== "LockTimeout") return assert.fail(error.message)
      assert.deepStrictEqual([error.reason.key, Duration.toMillis(error.reason.timeout)], ["b", 500])
      assert.isAtLeast(Duration.toMillis(error.reason.waited), 500)
      yield* all.test.free("b")
      yield* assertClean(all, "a", "b", "c")
    }))

  it.effect("have one deadline, also when one after the other is waited for", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* Effect.forEach(["a", "b"], (key) => all.test.hold(key))
      const fiber = yield* all.start(Lock.withLocks(Effect.void, ["a", "b"], { timeout: 500 }))
      yield* TestClock.adjust(300)
      yield* all.test.free("a")
      yield* TestClock.adjust(300)
      assert.strictEqual(outcome(fiber), "LockTimeout")
      yield* all.test.free("b")
      yield* assertClean(all, "a", "b")
    }))

  it.effect("hold no later key while waiting for an earlier one", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("b")
      const fiber = yield* all.start(Lock.withLocks(Effect.void, ["a", "b", "c"]))
      yield* TestClock.adjust(100)
      const held = yield* Effect.forEach(["a", "b", "c"], (key) => all.inner.inspect(key))
      assert.deepStrictEqual(held.map(Option.isSome), [true, true, false])
      yield* all.test.free("b")
      yield* TestClock.adjust(500)
      assert.strictEqual(outcome(fiber), "Success")
      yield* assertClean(all, "a", "b", "c")
    }))

  it.effect("are asked for no more at a time than a store answers, and not in vain", () =>
    Effect.gen(function*() {
      const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`)
      let [asked, out, most] = [0, 0, 0]
      const all = yield* scene((store) => ({
        ...store,
        tryAcquire: (claim) =>
          Effect.suspend(() => {
            asked++
            most = Math.max(most, ++out)
            return Effect.ensuring(Effect.delay(store.tryAcquire(claim), 100), Effect.sync(() => out--))
          })
      }))
      const fiber = yield* all.start(Lock.withLocks(Effect.succeed("done"), keys, { expires: "1 minute" }))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(outcome(fiber), "Success")
      assert.isAtMost(most, 256)
      asked = 0
      yield* all.test.hold("key-0")
      const refused = yield* all.start(Lock.withLocks(Effect.void, keys, { timeout: 0 }))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(outcome(refused), "LockTimeout")
      assert.isAtMost(asked, 257)
      yield* all.test.free("key-0")
      yield* assertClean(all, ...keys)
    }))

  it.effect("wait until the store answers, as one does", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.fail("tryAcquire", { times: 2 })
      const fiber = yield* all.start(Lock.withLocks(Effect.void, ["a", "b", "c"], { timeout: "1 second" }))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(outcome(fiber), "Success")
      yield* all.test.fail("tryAcquire", { times: 1 })
      const impatient = yield* all.start(Lock.withLocks(Effect.void, ["a", "b", "c"], { timeout: 0 }))
      yield* TestClock.adjust(100)
      assert.strictEqual(outcome(impatient), "BackendFailure")
      yield* assertClean(all, "a", "b", "c")
    }))

  it.effect("are lost together: the loss of one interrupts the work and frees the others", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fiber = yield* all.start(Lock.withLocks(Effect.never, ["a", "b"], { expires: 900 }))
      yield* all.test.steal("b")
      yield* TestClock.adjust(400)
      assert.strictEqual(outcome(fiber), "LockLost")
      yield* all.test.free("b")
      yield* assertClean(all, "a", "b")
    }))

  it.effect("are lost while another is waited for", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.hold("b")
      const fiber = yield* all.start(Lock.withLocks(Effect.void, ["a", "b"], { expires: 900 }))
      yield* TestClock.adjust(100)
      yield* all.test.steal("a")
      yield* TestClock.adjust(400)
      assert.strictEqual(outcome(fiber), "LockLost")
      yield* Effect.forEach(["a", "b"], (key) => all.test.free(key))
      yield* assertClean(all, "a", "b")
    }))

  it.effect("leave nothing behind, wherever they are interrupted", () =>
    Effect.gen(function*() {
      for (let millis = 0; millis < 60; millis += 3) {
        const all = yield* scene()
        yield* all.test.delay("any", 5)
        const other = yield* all.start(Lock.withLock(Effect.sleep(20), "b"))
        const fiber = yield* all.start(Lock.withLocks(Effect.sleep(10), ["a", "b", "c"]))
        yield* TestClock.adjust(millis)
        yield* Effect.forkDetach(Fiber.interrupt(fiber), { startImmediately: true })
        yield* TestClock.adjust(100)
        assert.notStrictEqual(outcome(fiber), "Running")
        assert.strictEqual(outcome(other), "Success")
        yield* assertClean(all, "a", "b", "c")
      }
    }))

  it.effect("refuse an empty list, a key that is none, and options that are none, before anything is sent", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const holes: Array<string> = []
      holes.length = 2
      for (const [keys, options] of [[[], {}], [["a", ""], {}], [holes, {}], [["a"], { timeout: -1 }]] as const) {
        const error = yield* Effect.flip(all.run(Lock.withLocks(Effect.void, keys, options)))
        assert.strictEqual(error.reason._tag, "InvalidOptions")
      }
      assert.isEmpty(yield* all.test.calls)
    }))

  it.effect("under one of them, asking for another set with it fails at once", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fiber = yield* all.start(Lock.withLock(Lock.withLocks(Effect.void, ["a", "b"]), "a"))
      yield* flush
      assert.strictEqual(outcome(fiber), "LockReentered")
      yield* assertClean(all, "a", "b")
    }))

  it.effect("under one of them, asking for a set with one before it fails at once, and gives that back", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const inner = Lock.withLocks(Effect.void, ["a", "b", "c"])
      const fiber = yield* all.start(Lock.withLock(Effect.flip(inner), "b"))
      yield* flush
      const exit = fiber.pollUnsafe()
      assert(exit !== undefined && Exit.isSuccess(exit))
      assert.strictEqual(exit.value.reason._tag, "LockReentered")
      yield* assertClean(all, "a", "b", "c")
    }))

  it.effect("go back one by one, or to others, where their work says so, and it goes on under the rest", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const isFree = (key: string) => Effect.map(Lock.once(Effect.void, key), Option.isSome)
      const work = ([a, b]: ReadonlyArray<Lock.Lease>) =>
        Effect.gen(function*() {
          yield* a.release
          const ticket = yield* Lock.detach(b)
          yield* Effect.sleep(100)
          return { ticket, free: [yield* isFree("a"), yield* isFree("b")] }
        })
      const fiber = yield* all.start(Lock.withLocks(work, ["a", "b", "c"], { expires: 900 }))
      yield* TestClock.adjust(100)
      const exit = fiber.pollUnsafe()
      assert(exit !== undefined && Exit.isSuccess(exit))
      assert.deepStrictEqual(exit.value.free, [true, false])
      yield* all.run(Effect.scoped(Lock.adopt(exit.value.ticket)))
      yield* assertClean(all, "a", "b", "c")
      const left = yield* all.start(
        Lock.withLocks(([a]) => Effect.andThen(a.release, Effect.never), ["a", "b"], { expires: 900 })
      )
      yield* flush
      yield* all.test.steal("b")
      yield* TestClock.adjust(400)
      assert.strictEqual(outcome(left), "LockLost")
      yield* all.test.free("b")
      yield* assertClean(all, "a", "b")
    }))

  it.effect("work on the open backend", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Lock.withLocks(({ length }) => Effect.succeed(length), ["a", "b"]), 2)
    }).pipe(Effect.provide(OpenBackend.layer)))
})

describe("work under a lease that one has", () => {
  it.effect("ends as it does, and leaves the lease as it is", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.run(Effect.scoped(Effect.gen(function*() {
        const lease = yield* Lock.acquire("key")
        assert.strictEqual(yield* Lock.guard(Effect.succeed(1), lease), 1)
        assert.strictEqual(yield* Effect.flip(Lock.guard(Effect.fail("own"), lease)), "own")
        yield* TestClock.adjust(60_000)
        assert.strictEqual(yield* Effect.succeed(2).pipe(Lock.guard(lease)), 2)
      })))
      yield* assertClean(all, "key")
    }))

  for (const how of ["lost", "released"] as const) {
    it.effect(`is interrupted when the lease is ${how}, and does not start after that`, () =>
      Effect.gen(function*() {
        const all = yield* scene()
        const isInterrupted = yield* Deferred.make<void>()
        yield* all.run(Effect.scoped(Effect.gen(function*() {
          const lease = yield* Lock.acquire("key", { expires: 900 })
          const work = Effect.onInterrupt(Effect.never, () => Deferred.succeed(isInterrupted, undefined))
          const fiber = yield* Effect.forkChild(Lock.guard(work, lease), { startImmediately: true })
          if (how === "lost") yield* all.test.steal("key")
          else yield* lease.release
          yield* TestClock.adjust(400)
          assert.strictEqual(outcome(fiber), "LockLost")
          assert.isTrue(Deferred.isDoneUnsafe(isInterrupted))
          let ran = false
          const late = yield* Effect.exit(Lock.guard(Effect.sync(() => ran = true), lease))
          assert.isTrue(Exit.isFailure(late) && !ran)
        })))
        if (how === "lost") yield* all.test.free("key")
        yield* assertClean(all, "key")
      }))
  }

  it.effect("that never yields is told when it ends", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.run(Effect.scoped(Effect.gen(function*() {
        const lease = yield* Lock.acquire("key")
        const exit = yield* Effect.exit(Lock.guard(Lock.forceRelease("key"), lease))
        assert.isTrue(Exit.isFailure(exit))
      })))
      yield* assertClean(all, "key")
    }))
})
