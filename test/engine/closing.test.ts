/** Closing a backend: a holder's end, too. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { InMemoryBackend, Lock, LockBackend, type LockStore } from "effect-lock"
import { TestClock } from "effect/testing"
import { reasonOf, the } from "./scenery.ts"
import {
  exchanging,
  flush,
  granting,
  handingOver,
  immediately,
  joined,
  makeProcess,
  now,
  outcome,
  scene
} from "./support.ts"

const isHeld = (store: LockStore.LockStore, key = "key") => Effect.map(store.inspect(key), Option.isSome)

const kinds: Record<string, (store: LockStore.LockStore) => LockStore.LockStore> = {
  "in memory": (store) => store,
  "over a store": (store) => ({ ...store }),
  "that hands over": handingOver,
  "that exchanges": exchanging
}

describe("a backend that closes", () => {
  for (const [kind, change] of Object.entries(kinds)) {
    it.effect(`frees a key when the work under it has ended, not before, ${kind}`, () =>
      Effect.gen(function*() {
        const inner = yield* InMemoryBackend.makeStore
        const store = change(inner)
        const other = yield* makeProcess(change(inner))
        const events: Array<string> = []
        const worker = (name: string) =>
          Effect.acquireUseRelease(
            Effect.map(now, (at) => events.push(`${name} in at ${at}`)),
            () => Effect.never,
            () => Effect.andThen(Effect.sleep(300), Effect.map(now, (at) => events.push(`${name} out at ${at}`)))
          ).pipe(Lock.withLock("key", { expires: "1 minute" }))
        // As a program that ends while its background work goes on.
        yield* Effect.forkDetach(
          Effect.andThen(Effect.forkDetach(worker("a"), immediately), Effect.sleep(100)).pipe(
            Effect.provide(LockBackend.layer(Effect.succeed(store)), { local: true })
          ),
          immediately
        )
        yield* other.start(worker("b"))
        yield* TestClock.adjust(1_000)
        assert.deepStrictEqual(events, ["a in at 0", "a out at 400", "b in at 400"])
      }))

    it.effect(`frees a key at the end of its lease, if the work under it does not end, ${kind}`, () =>
      Effect.gen(function*() {
        const inner = yield* InMemoryBackend.makeStore
        const { engine, start } = yield* makeProcess(change(inner))
        const worker = yield* start(
          Lock.withLock(Effect.uninterruptible(Effect.sleep("1 hour")), "key", { expires: 3_000 })
        )
        yield* TestClock.adjust(500)
        const closing = yield* Effect.forkDetach(engine.close, immediately)
        yield* TestClock.adjust(2_499)
        assert.isUndefined(closing.pollUnsafe())
        assert.isTrue(yield* isHeld(inner))
        yield* TestClock.adjust(1)
        yield* flush
        assert.isDefined(closing.pollUnsafe())
        assert.isFalse(yield* isHeld(inner))
        assert.strictEqual(outcome(worker), "Running")
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(outcome(worker), "LockLost")
        assert.deepStrictEqual(engine.residue, { lines: 0, kept: 0, alarms: 0, calls: 0 })
      }))

    it.effect(`tells its holders and its waiters at once, ${kind}`, () =>
      Effect.gen(function*() {
        const inner = yield* InMemoryBackend.makeStore
        const [here, there] = [yield* makeProcess(change(inner)), yield* makeProcess(change(inner))]
        yield* there.start(Lock.withLock(Effect.never, "other"))
        const fibers = yield* Effect.forEach(
          [
            Lock.withLock(Effect.never, "key"),
            Lock.withLock(Effect.never, "key"),
            Lock.withLock(Effect.never, "key", { timeout: "Infinity" }),
            Lock.withLock(Effect.never, "other"),
            Effect.scoped(Effect.flatMap(Lock.acquire("third"), (lease) => lease.lost)),
            Lock.withLock(Effect.never, "other", { timeout: "Infinity" })
          ],
          (call) => here.start(reasonOf(call))
        )
        yield* TestClock.adjust(100)
        const closing = yield* Effect.forkDetach(here.engine.close, immediately)
        yield* flush
        assert.isDefined(closing.pollUnsafe())
        const reasons = yield* Effect.forEach(fibers, joined)
        assert.deepStrictEqual(
          reasons.map((reason) =>
            reason._tag === "LockLost" ? reason.why : reason._tag === "BackendFailure" ? reason.kind : reason._tag
          ),
          ["Closed", "Closed", "Closed", "Closed", "Closed", "Closed"]
        )
        assert.deepStrictEqual(
          reasons.map(({ _tag }) => _tag),
          ["LockLost", "BackendFailure", "BackendFailure", "BackendFailure", "LockLost", "BackendFailure"]
        )
        assert.isFalse((yield* isHeld(inner)) || (yield* isHeld(inner, "third")))
        assert.deepStrictEqual(here.engine.residue, { lines: 0, kept: 0, alarms: 0, calls: 0 })
      }))
  }

  it.effect("frees a key of a scoped lease when its scope ends, or at the end of its lease", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const { engine, start } = yield* makeProcess({ ...inner })
      const scoped = (key: string, time: number) =>
        start(Effect.scoped(Effect.andThen(Lock.acquire(key, { expires: 3_000 }), Effect.sleep(time))))
      yield* scoped("short", 1_000)
      yield* scoped("long", 60_000)
      const closing = yield* Effect.forkDetach(engine.close, immediately)
      yield* TestClock.adjust(999)
      assert.isTrue(yield* isHeld(inner, "short"))
      yield* TestClock.adjust(1)
      assert.isFalse(yield* isHeld(inner, "short"))
      yield* TestClock.adjust(1_999)
      assert.isTrue(yield* isHeld(inner, "long"))
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* flush
      assert.isFalse(yield* isHeld(inner, "long"))
      assert.isDefined(closing.pollUnsafe())
    }))

  it.effect("waits for a store that says nothing no longer than its patience, once and once more", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const { engine, start } = yield* makeProcess({ ...inner, release: () => Effect.never })
      const fiber = yield* start(Lock.withLock(Effect.never, "key"))
      const closing = yield* Effect.forkDetach(engine.close, immediately)
      yield* flush
      yield* TestClock.adjust(2_000)
      yield* flush
      assert.isDefined(closing.pollUnsafe())
      assert.strictEqual(outcome(fiber), "LockLost")
      assert.deepStrictEqual(engine.residue, { lines: 0, kept: 0, alarms: 0, calls: 0 })
    }))

  it.effect("asks once more for what is owed", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      let releases = 0
      const { engine, run } = yield* makeProcess({
        ...inner,
        release: (key, token) => ++releases < 3 ? Effect.die("not yet") : inner.release(key, token)
      })
      yield* run(Lock.withLock(Effect.void, "key"))
      assert.isTrue(yield* isHeld(inner))
      yield* engine.close
      assert.isFalse(yield* isHeld(inner))
    }))

  it.effect("takes back what a queue gives it meanwhile", () =>
    Effect.gen(function*() {
      const inner = yield* granting
      const [here, there] = [yield* makeProcess(inner), yield* makeProcess(inner)]
      const holder = yield* there.start(Lock.withLock(Effect.never, "key"))
      yield* here.start(Lock.withLock(Effect.never, "key"))
      yield* flush
      const closing = yield* Effect.forkDetach(here.engine.close, immediately)
      holder.interruptUnsafe()
      yield* flush
      assert.isDefined(closing.pollUnsafe())
      assert.isFalse(yield* isHeld(inner))
    }))

  it.effect("closes once, and says so to whoever comes later", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.engine.close
      yield* all.engine.close
      const calls = [
        Lock.withLock(Effect.void, "key"),
        Effect.asVoid(Lock.once(Effect.void, "key")),
        Effect.asVoid(Effect.scoped(Lock.acquire("key"))),
        Effect.asVoid(Lock.inspect("key")),
        Effect.asVoid(Lock.forceRelease("key"))
      ]
      for (const call of calls) {
        assert.strictEqual(the(yield* reasonOf(all.run(call)), "BackendFailure").kind, "Closed")
      }
      assert.deepStrictEqual(yield* all.test.calls, [])
    }))

  it.effect("does not hang over a scripted store whose answers never come", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.loseReply("any")
      const fiber = yield* all.start(Lock.withLock(Effect.void, "key"))
      fiber.interruptUnsafe()
      const closing = yield* Effect.forkDetach(all.engine.close, immediately)
      yield* flush
      yield* flush
      assert.isDefined(closing.pollUnsafe())
    }))

  it.effect("is the same when it is a layer of a program", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const layer = Layer.fresh(LockBackend.layer(Effect.succeed<LockStore.LockStore>({ ...inner })))
      const program = Effect.provide(Lock.withLock(Effect.succeed(1), "key", { awaitRelease: false }), layer)
      assert.strictEqual(yield* program, 1)
      assert.isFalse(yield* isHeld(inner))
    }))
})
