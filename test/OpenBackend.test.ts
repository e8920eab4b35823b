import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Option } from "effect"
import { Lock, OpenBackend } from "effect-lock"
import { TestClock } from "effect/testing"

describe("OpenBackend", () => {
  it.effect("grants every request at once, to everybody", () =>
    Effect.gen(function*() {
      let inside = 0
      let most = 0
      const work = Effect.acquireUseRelease(
        Effect.sync(() => most = Math.max(most, ++inside)),
        () => Effect.sleep(10),
        () => Effect.sync(() => inside--)
      )
      const fiber = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3], () => Lock.withLock(work, "key", { timeout: 0 }), { concurrency: "unbounded" }),
        { startImmediately: true }
      )
      yield* TestClock.adjust(10)
      yield* Fiber.join(fiber)
      assert.strictEqual(most, 3)
    }).pipe(Effect.provide(OpenBackend.layer)))

  it.effect("gives fencing tokens that increase, in every build from one", () =>
    Effect.gen(function*() {
      const tokens = Effect.map(
        Effect.forEach([1, 2, 3], () => Lock.withLock((lease) => Effect.succeed(lease.fencingToken), "key")),
        (tokens) => tokens.join()
      )
      assert.strictEqual(yield* Effect.provide(tokens, OpenBackend.layer, { local: true }), "1,2,3")
      assert.strictEqual(yield* Effect.provide(tokens, OpenBackend.layer, { local: true }), "1,2,3")
    }))

  it.effect("never loses a lease, not even without renewal", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        Lock.withLock(Effect.as(Effect.sleep("1 hour"), 1), "key", { expires: 1, renew: false }),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* Fiber.join(fiber), 1)
    }).pipe(Effect.provide(OpenBackend.layer)))

  it.effect("holds nothing to see or to free", () =>
    Effect.gen(function*() {
      const seen = yield* Lock.withLock(Effect.all([Lock.inspect("key"), Lock.forceRelease("key")]), "key")
      assert.deepStrictEqual(seen, [Option.none(), false])
    }).pipe(Effect.provide(OpenBackend.layer)))

  it.effect("shows a lease as any other", () =>
    Effect.gen(function*() {
      const shown = yield* Lock.withLock((lease) => Effect.succeed(String(lease)), "key", { expires: "5 seconds" })
      assert.deepStrictEqual(JSON.parse(shown), {
        _id: "Lease",
        key: "key",
        fencingToken: 1,
        expiresMillis: 5_000,
        state: "Held"
      })
    }).pipe(Effect.provide(OpenBackend.layer)))

  it.effect("checks options all the same", () =>
    Effect.gen(function*() {
      const calls = [
        Lock.withLock(Effect.void, ""),
        Lock.withLock(Effect.void, "key", { expires: 0 }),
        Lock.withLock((lease) => lease.extend(-1), "key")
      ]
      for (const call of calls) assert.strictEqual((yield* Effect.flip(call)).reason._tag, "InvalidOptions")
    }).pipe(Effect.provide(OpenBackend.layer)))

  it.effect("passes every exit through, and says when a lease was given back", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Effect.exit(Lock.withLock(Effect.fail("no"), "key")), Exit.fail("no"))
      const [before, after] = yield* Effect.scoped(Effect.gen(function*() {
        const lease = yield* Lock.acquire("key", { expires: 5_000 })
        yield* lease.extend("1 minute")
        const before = yield* lease.remaining
        yield* lease.release
        return [before, yield* lease.remaining]
      }))
      assert.isAbove(Duration.toMillis(before), 0)
      assert.strictEqual(Duration.toMillis(after), 0)
    }).pipe(Effect.provide(OpenBackend.layer)))

  it.effect("runs work under a lease that was released, which interrupted whoever asked for it", () =>
    Effect.gen(function*() {
      const lease = yield* Lock.acquire("key")
      yield* lease.release
      assert.strictEqual(yield* Lock.guard(Effect.succeed("ran"), lease), "ran")
    }).pipe(Effect.scoped, Effect.provide(OpenBackend.layer)))
})
