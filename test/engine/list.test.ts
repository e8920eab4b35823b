/** Which keys are held. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Stream } from "effect"
import { InMemoryBackend, Lock, LockBackend, LockConfig, type LockStore, OpenBackend } from "effect-lock"
import { TestClock } from "effect/testing"
import { immediately, joined, makeProcess, scene } from "./support.ts"

const keys = (prefix?: string) => Stream.runCollect(Stream.map(Lock.list({ prefix }), ({ key }) => key))

describe("Lock.list", () => {
  it.effect("gives the keys that are held and start so, and who holds them", () =>
    Effect.gen(function*() {
      for (const key of ["order-1", "order-2", "report"]) {
        yield* Effect.forkChild(Lock.withLock(Effect.sleep("1 minute"), key), immediately)
      }
      yield* Lock.withLock(Effect.void, "order-3")
      assert.sameMembers(Array.from(yield* keys("order-")), ["order-1", "order-2"])
      assert.sameMembers(Array.from(yield* keys()), ["order-1", "order-2", "report"])
      assert.deepStrictEqual(yield* keys("x"), [])
      const [{ holder }] = yield* Stream.runCollect(Lock.list({ prefix: "order-2" }))
      assert.strictEqual(holder.owner, (yield* LockConfig.LockConfig).owner)
      assert.strictEqual(holder.remaining && Duration.toMillis(holder.remaining), 10_000)
      assert.strictEqual(holder.waiters, 0)
    }).pipe(Effect.provide(InMemoryBackend.layerFresh)))

  it.effect("leaves out what is over, though nobody has swept it", () =>
    Effect.gen(function*() {
      const { run, test } = yield* scene()
      yield* test.hold("key", { for: 400 })
      assert.deepStrictEqual(yield* run(keys()), ["key"])
      yield* TestClock.adjust(400)
      assert.deepStrictEqual(yield* run(keys()), [])
    }))

  it.effect("heeds the prefix of all keys, and gives keys as other calls want them", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* keys().pipe(Lock.withLock("a-1")), ["a-1"])
      assert.deepStrictEqual(yield* keys("b").pipe(Lock.withLock("a-1")), [])
      assert.deepStrictEqual(yield* keys("a").pipe(Lock.withLock("a-1")), ["a-1"])
    }).pipe(
      LockConfig.provide({ keyPrefix: "shop:" }),
      Lock.withLock("a-other"),
      Effect.provide(InMemoryBackend.layerFresh)
    ))

  const paged = (pages: ReadonlyArray<unknown>) => {
    const asked: Array<string | undefined> = []
    return Effect.map(InMemoryBackend.makeStore, (store): LockStore.LockStore & { readonly asked: typeof asked } => ({
      ...store,
      asked,
      list: (_, from) =>
        Effect.sync(() => {
          asked.push(from)
          return pages[Number(from ?? 0)] as LockStore.Page
        })
    }))
  }

  it.effect("asks for pages as they are wanted, empty ones too", () =>
    Effect.gen(function*() {
      const listed = (key: string) => ({ key, token: "t" })
      const store = yield* paged([
        { locks: [listed("a")], next: "1" },
        { locks: [], next: "2" },
        { locks: [listed("b"), listed("c")] }
      ])
      const backend = yield* LockBackend.make(store)
      const all = Effect.provideService(keys(), LockBackend.LockBackend, backend)
      assert.deepStrictEqual(yield* all, ["a", "b", "c"])
      assert.deepStrictEqual(store.asked.splice(0), [undefined, "1", "2"])
      const one = Effect.provideService(Stream.runHead(Lock.list()), LockBackend.LockBackend, backend)
      yield* one
      assert.deepStrictEqual(store.asked, [undefined])
    }).pipe(Effect.scoped))

  it.effect("fails where a store cannot, does not answer, or answers what nobody understands", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      const kindOn = (list: LockStore.LockStore["list"]) =>
        Effect.gen(function*() {
          const { start } = yield* makeProcess({ ...store, list })
          const fiber = yield* start(Effect.flip(keys()))
          yield* TestClock.adjust("2 seconds")
          const { reason } = yield* joined(fiber)
          return reason._tag === "BackendFailure" ? [reason.operation, reason.kind] : reason._tag
        })
      assert.deepStrictEqual(yield* kindOn(undefined), ["list", "Unsupported"])
      assert.deepStrictEqual(yield* kindOn(() => Effect.never), ["list", "NoReply"])
      for (const page of [undefined, [], { locks: 1 }, { locks: [{ key: "a" }] }, { locks: [], next: 1 }]) {
        assert.deepStrictEqual(yield* kindOn(() => Effect.succeed(page as never)), ["list", "Unknown"])
      }
    }))

  it.effect("is empty where nobody ever holds", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* keys().pipe(Lock.withLock("key")), [])
    }).pipe(Effect.provide(OpenBackend.layer)))
})
