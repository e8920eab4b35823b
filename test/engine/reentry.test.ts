/** A lock within itself: told at once where it would wait in vain, or run under the lease that is there. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Option } from "effect"
import { InMemoryBackend, Lock, LockBackend, OpenBackend } from "effect-lock"
import { TestClock } from "effect/testing"
import { reasonOf, the } from "./scenery.ts"
import { assertClean, flush, handingOver, joined, makeProcess, now, outcome, scene } from "./support.ts"

const inMemory = Effect.gen(function*() {
  const inner = yield* InMemoryBackend.makeStore
  return { ...(yield* makeProcess(inner)), inner }
})

const overAStore = Effect.gen(function*() {
  const inner = yield* InMemoryBackend.makeStore
  return { ...(yield* makeProcess(handingOver(inner))), inner }
})

for (const [kind, make] of [["in memory", inMemory], ["over a store", overAStore]] as const) {
  describe(`a lock within itself, ${kind}`, () => {
    it.effect("fails at once where it would wait", () =>
      Effect.gen(function*() {
        const all = yield* make
        const calls = [
          Effect.asVoid(Lock.withLock(Effect.void, "key")),
          Effect.asVoid(Lock.withLock(Effect.void, "key", { timeout: 1 })),
          Effect.asVoid(Lock.withLock(Effect.void, "key", { timeout: "Infinity" })),
          Effect.asVoid(Lock.once(Effect.void, "key", { timeout: 1_000 })),
          Effect.asVoid(Effect.scoped(Lock.acquire("key")))
        ]
        for (const call of calls) {
          const reason = the(yield* all.run(Lock.withLock(reasonOf(call), "key")), "LockReentered")
          assert.deepStrictEqual([reason.key, reason.held, reason.wanted], ["key", "alone", "alone"])
          assert.include(reason.message, "reenter: true")
          yield* assertClean(all, "key")
        }
        assert.strictEqual(yield* now, 0)
      }))

    it.effect("fails at once through other locks and their work", () =>
      Effect.gen(function*() {
        const all = yield* make
        const inner = reasonOf(Lock.withLock(Effect.void, "a"))
        const middle = Lock.withLock(Effect.andThen(Effect.sleep(5), inner), "b")
        const fiber = yield* all.start(Lock.withLock((_lease) => Effect.andThen(Effect.sleep(5), middle), "a"))
        yield* TestClock.adjust(10)
        yield* flush
        the(yield* joined(fiber), "LockReentered")
        yield* assertClean(all, "a", "b")
      }))

    it.effect("answers as ever where it does not wait, and says who holds it", () =>
      Effect.gen(function*() {
        const all = yield* make
        yield* all.run(Lock.withLock(
          Effect.gen(function*() {
            assert.deepStrictEqual(yield* Lock.once(Effect.void, "key"), Option.none())
            assert.deepStrictEqual(yield* Effect.scoped(Lock.tryAcquire("key")), Option.none())
            const calls = [
              Lock.withLock(Effect.void, "key", { timeout: 0 }),
              Lock.once(Effect.void, "key", { failIfLocked: true }),
              Effect.asVoid(Effect.scoped(Lock.acquire("key", { timeout: 0 })))
            ]
            for (const call of calls) {
              const reason = the(yield* reasonOf(call), "LockTimeout")
              assert.isTrue(reason.byCaller)
              assert.match(
                reason.message,
                /^Lock "key" was not acquired: it is held by the work around the call, .* since /
              )
            }
          }),
          "key"
        ))
        yield* assertClean(all, "key")
      }))

    it.effect("fails at once in children of the work, which would end with it", () =>
      Effect.gen(function*() {
        const all = yield* make
        const child = Effect.orDie(reasonOf(Lock.withLock(Effect.void, "key")))
        const started = <A>(effect: Effect.Effect<A, never, LockBackend.LockBackend>) =>
          Effect.flatMap(Effect.forkChild(effect), Fiber.join)
        const works = [
          started(child),
          started(started(child)),
          started(Effect.orDie(Lock.withLock(child, "other"))),
          Effect.orDie(Lock.withLock(started(Effect.delay(child, 5)), "other"))
        ]
        for (const work of works) {
          const fiber = yield* all.start(Lock.withLock(work, "key"))
          yield* TestClock.adjust(5)
          yield* flush
          the(yield* joined(fiber), "LockReentered")
          yield* assertClean(all, "key", "other")
        }
      }))

    it.effect("waits where nobody knows whether the work waits for it, and says who holds the key", () =>
      Effect.gen(function*() {
        const all = yield* make
        const inner = reasonOf(Lock.withLock(Effect.void, "key", { timeout: 300 }))
        const works = [
          Effect.timeout(inner, "1 minute"),
          Effect.map(Effect.all([inner, Effect.void], { concurrency: 2 }), ([reason]) => reason)
        ]
        for (const work of works) {
          const fiber = yield* all.start(Lock.withLock(Effect.orDie(work), "key", { expires: "1 minute" }))
          yield* TestClock.adjust(299)
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust(1)
          yield* flush
          const reason = the(yield* joined(fiber), "LockTimeout")
          assert.isTrue(reason.byCaller)
          yield* assertClean(all, "key")
        }
      }))

    it.effect("fails at once under leases that are had, too", () =>
      Effect.gen(function*() {
        const all = yield* make
        const inner = (key: string) => reasonOf(Lock.withLock(Effect.void, key))
        const both = Effect.all([inner("key"), inner("other")])
        const ways = [
          Lock.withLocks(both, ["key", "other"]),
          Effect.scoped(Effect.flatMap(
            Effect.all([Lock.acquire("key"), Lock.acquire("other")]),
            ([one, other]) => Lock.guard(Lock.guard(both, one), other)
          ))
        ]
        for (const way of ways) {
          for (const reason of yield* all.run(way)) the(reason, "LockReentered")
          yield* assertClean(all, "key", "other")
        }
      }))

    it.effect("is the child's when the work has ended, so that it gets it", () =>
      Effect.gen(function*() {
        const all = yield* make
        const child = Lock.withLock(Effect.succeed("got it"), "key")
        const fiber = yield* all.start(
          Effect.flatMap(Lock.withLock(Effect.forkDetach(child, { startImmediately: true }), "key"), Fiber.join)
        )
        yield* flush
        assert.strictEqual(yield* joined(fiber), "got it")
        yield* assertClean(all, "key")
      }))

    it.effect("is not within itself once its lease was released early", () =>
      Effect.gen(function*() {
        const all = yield* make
        for (const reenter of [false, true]) {
          const keys: Array<number> = []
          yield* all.run(Lock.withLock(
            (lease) =>
              Effect.andThen(
                lease.release,
                Lock.withLock(
                  (inner) => Effect.sync(() => keys.push(lease.fencingToken, inner.fencingToken)),
                  "key",
                  { reenter }
                )
              ),
            "key"
          ))
          assert.isAbove(keys[1], keys[0])
          yield* assertClean(all, "key")
        }
      }))

    it.effect("is not told of a lease that is only in the scope around it", () =>
      Effect.gen(function*() {
        const all = yield* make
        // Nobody says which work is done under a lease that was acquired.
        const fiber = yield* all.start(Effect.scoped(Effect.andThen(
          Lock.acquire("key"),
          reasonOf(Lock.withLock(Effect.void, "key", { timeout: 100 }))
        )))
        yield* TestClock.adjust(100)
        yield* flush
        the(yield* joined(fiber), "LockTimeout")
      }))

    it.effect("is another's in another backend", () =>
      Effect.gen(function*() {
        const all = yield* make
        const other = yield* makeProcess(yield* InMemoryBackend.makeStore)
        assert.strictEqual(yield* all.run(Lock.withLock(other.run(Lock.withLock(Effect.succeed(1), "key")), "key")), 1)
        const reentering = Lock.withLock((lease) => Effect.succeed(lease.fencingToken), "key", { reenter: true })
        yield* all.run(Lock.withLock(Effect.void, "key"))
        const [outer, inner] = yield* all.run(Lock.withLock(
          (lease) => Effect.map(other.run(reentering), (token) => [lease.fencingToken, token]),
          "key"
        ))
        assert.notStrictEqual(outer, inner)
      }))
  })

  describe(`a lock that may be entered again, ${kind}`, () => {
    it.effect("runs the inner work under the lease that is there, and gives it back once", () =>
      Effect.gen(function*() {
        const all = yield* make
        const reenter = true
        const seen: Array<Lock.Lease> = []
        const note = (lease: Lock.Lease) => Effect.sync(() => seen.push(lease))
        yield* all.run(Lock.withLock(
          (lease) =>
            Effect.gen(function*() {
              yield* note(lease)
              yield* Lock.withLock(note, "key", { reenter })
              yield* Lock.once(note, "key", { reenter })
              yield* Lock.once(note, "key", { reenter, failIfLocked: true })
              yield* Lock.withLock(Lock.withLock(note, "key", { reenter }), "other")
              // After the inner ones have ended it is still held.
              assert.isTrue(Option.isSome(yield* all.inner.inspect("key")))
              assert.isAbove(Duration.toMillis(yield* lease.remaining), 0)
            }),
          "key"
        ))
        assert.strictEqual(seen.length, 5)
        assert.strictEqual(new Set(seen).size, 1)
        yield* assertClean(all, "key", "other")
      }))

    it.effect("does so in parts of the work that run beside each other, or against the clock", () =>
      Effect.gen(function*() {
        const all = yield* make
        const inner = Lock.withLock((lease) => Effect.succeed(lease.fencingToken), "key", { reenter: true })
        const parts = Effect.all([
          inner,
          Effect.timeout(inner, "1 minute"),
          Effect.flatMap(Effect.forkChild(inner), Fiber.join)
        ], {
          concurrency: "unbounded"
        })
        const seen = yield* all.run(
          Lock.withLock((lease) => Effect.map(parts, (all) => [lease.fencingToken, ...all]), "key")
        )
        assert.strictEqual(new Set(seen).size, 1)
        yield* assertClean(all, "key")
      }))

    it.effect("ends the inner work with the lease, where that outlives the outer", () =>
      Effect.gen(function*() {
        const all = yield* make
        const inner = Lock.withLock(Effect.never, "key", { reenter: true })
        const fiber = yield* all.run(Lock.withLock(Effect.forkDetach(inner, { startImmediately: true }), "key"))
        yield* flush
        assert.strictEqual(outcome(fiber), "LockLost")
        yield* assertClean(all, "key")
      }))

    it.effect("takes it like any other where it is not held", () =>
      Effect.gen(function*() {
        const all = yield* make
        const call = Lock.withLock(Effect.succeed(1), "key", { reenter: true })
        assert.strictEqual(yield* all.run(call), 1)
        yield* all.start(Lock.withLock(Effect.never, "key"))
        const reason = yield* reasonOf(all.run(Lock.withLock(Effect.void, "key", { reenter: true, timeout: 0 })))
        the(reason, "LockTimeout")
      }))

    it.effect("interrupts the inner work when its lease is lost, and the outer call fails", () =>
      Effect.gen(function*() {
        const all = yield* make
        let interrupted = false
        const inner = Lock.withLock(
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted = true)),
          "key",
          { reenter: true }
        )
        const fiber = yield* all.start(Lock.withLock(inner, "key"))
        yield* all.run(Lock.forceRelease("key"))
        yield* flush
        assert.isTrue(interrupted)
        assert.strictEqual(outcome(fiber), "LockLost")
        yield* assertClean(all, "key")
      }))

    it.effect("keeps the inner work's own result, failure and interruption", () =>
      Effect.gen(function*() {
        const all = yield* make
        const within = <A, E>(effect: Effect.Effect<A, E>) =>
          all.run(Lock.withLock(Effect.exit(Lock.withLock(effect, "key", { reenter: true })), "key"))
        assert.strictEqual(String(yield* within(Effect.succeed(1))), String(yield* Effect.exit(Effect.succeed(1))))
        assert.strictEqual(String(yield* within(Effect.fail("e"))), String(yield* Effect.exit(Effect.fail("e"))))
        yield* assertClean(all, "key")
      }))
  })
}

describe("a lock within itself", () => {
  it.effect("says so also to one whose backend is decorated", () =>
    Effect.gen(function*() {
      const { backend } = yield* overAStore
      const decorated: typeof backend = {
        ...backend,
        use: (request, work, refused) => Effect.andThen(Effect.yieldNow, backend.use(request, work, refused))
      }
      const reason = yield* reasonOf(Lock.withLock(Effect.void, "key")).pipe(
        Lock.withLock("key"),
        Effect.provideService(LockBackend.LockBackend, decorated)
      )
      the(reason, "LockReentered")
    }))

  it.effect("matters to nobody where locks do not matter", () =>
    Effect.gen(function*() {
      const nested = Lock.withLock(Lock.withLock(Effect.succeed(1), "key"), "key")
      assert.strictEqual(yield* Effect.provide(nested, OpenBackend.layer), 1)
    }))

  it.effect("is told before anything is sent", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.run(Lock.withLock(
        Effect.gen(function*() {
          const before = (yield* all.test.calls).length
          yield* Effect.ignore(Lock.withLock(Effect.void, "key"))
          assert.strictEqual((yield* all.test.calls).length, before)
        }),
        "key"
      ))
    }))

  it.effect("refuses what is no answer to whether it may be entered again", () =>
    Effect.gen(function*() {
      const { run } = yield* overAStore
      const reason = yield* reasonOf(run(Lock.withLock(Effect.void, "key", { reenter: "yes" as never })))
      assert.strictEqual(the(reason, "InvalidOptions").option, "reenter")
    }))
})
