import { describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option } from "effect"
import { InMemoryBackend, Lock, LockBackend, type LockStore } from "effect-lock"
import { conformance, TestNetwork } from "effect-lock/testing"
import { TestClock } from "effect/testing"
import { assert, it as test } from "vitest"

const claim: LockStore.Claim = { key: "key", token: "a", expiresMillis: 60_000, wait: false }

const withMessages = Effect.fnUntraced(function*(options?: TestNetwork.Options) {
  const store = yield* InMemoryBackend.makeStore
  const messages: Array<TestNetwork.Message> = []
  const network = yield* TestNetwork.make(store, { ...options, onMessage: (message) => messages.push(message) })
  return { store, network, messages, said: () => messages.map(({ fate, kind }) => `${kind} ${fate}`) }
})

describe("TestNetwork", () => {
  describe("without trouble is as good as the store", () => {
    const cases = conformance.conformance({
      name: "network",
      time: "test",
      make: Effect.gen(function*() {
        const store = yield* InMemoryBackend.makeStore
        return { one: (yield* TestNetwork.make(store)).store, other: (yield* TestNetwork.make(store)).store }
      })
    })
    conformance.register(test, cases.filter(({ processes }) => processes === 0))
  })

  it.effect("takes its time in both directions", () =>
    Effect.gen(function*() {
      const { messages, network, store } = yield* withMessages({ latency: "20 millis" })
      const call = yield* Effect.forkChild(network.store.tryAcquire(claim))
      yield* TestClock.adjust("19 millis")
      assert.isTrue(Option.isNone(yield* store.inspect("key")))
      yield* TestClock.adjust("1 millis")
      assert.isTrue(Option.isSome(yield* store.inspect("key")))
      assert.isUndefined(call.pollUnsafe())
      yield* TestClock.adjust("20 millis")
      assert.strictEqual((yield* Fiber.join(call))._tag, "Acquired")
      assert.deepStrictEqual(
        messages.map(({ at, fate, fencingToken, kind, outcome }) => [kind, fate, at, outcome, fencingToken]),
        [
          ["request", "sent", 0, undefined, undefined],
          ["request", "arrived", 20, undefined, undefined],
          ["reply", "sent", 20, "Acquired", 1],
          ["reply", "arrived", 40, "Acquired", 1]
        ]
      )
    }))

  it.effect("changes its latency, but not for what is under way", () =>
    Effect.gen(function*() {
      const { network } = yield* withMessages({ latency: "1 second" })
      const slow = yield* Effect.forkChild(network.store.inspect("key"))
      yield* TestClock.adjust("1 second")
      yield* network.latency("10 millis")
      const quick = yield* Effect.forkChild(network.store.inspect("key"))
      yield* TestClock.adjust("20 millis")
      assert.isDefined(quick.pollUnsafe())
      assert.isUndefined(slow.pollUnsafe())
      yield* TestClock.adjust("980 millis")
      assert.isDefined(slow.pollUnsafe())
    }))

  it.effect("loses the reply of what was done before the line was cut, and all after it", () =>
    Effect.gen(function*() {
      const { network, said, store } = yield* withMessages({ latency: "20 millis" })
      const call = yield* Effect.forkChild(network.store.tryAcquire(claim))
      yield* TestClock.adjust("30 millis")
      yield* network.cut
      // Mended before it would have arrived: it is lost all the same.
      yield* network.mend
      yield* TestClock.adjust("30 seconds")
      assert.isUndefined(call.pollUnsafe())
      assert.isTrue(Option.isSome(yield* store.inspect("key")))
      assert.deepStrictEqual(said(), ["request sent", "request arrived", "reply sent", "reply lost"])
      yield* network.cut
      yield* Effect.forkChild(network.store.release("key", "a"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(said().slice(4), ["request sent", "request lost"])
      yield* network.mend
      const after = yield* Effect.forkChild(network.store.inspect("key"))
      yield* TestClock.adjust("40 millis")
      assert.isDefined(after.pollUnsafe())
    }))

  it.effect("loses as many requests, replies and news as it is told to", () =>
    Effect.gen(function*() {
      const { network, store } = yield* withMessages()
      yield* network.loseRequest({ times: 2, operation: "tryAcquire" })
      assert.isTrue(Option.isSome(Option.some(yield* network.store.inspect("key"))), "another operation is not lost")
      for (let i = 0; i < 2; i++) yield* Effect.forkChild(network.store.tryAcquire(claim), { startImmediately: true })
      assert.isTrue(Option.isNone(yield* store.inspect("key")), "never executed")
      yield* network.loseReply()
      const lost = yield* Effect.forkChild(network.store.tryAcquire(claim), { startImmediately: true })
      assert.isUndefined(lost.pollUnsafe())
      assert.isTrue(Option.isSome(yield* store.inspect("key")), "executed")
      assert.strictEqual((yield* network.store.tryAcquire(claim))._tag, "Acquired")
    }))

  it.effect("delays the news that wake a waiter, or loses them", () =>
    Effect.gen(function*() {
      const { network, said, store } = yield* withMessages({ latency: "50 millis" })
      const heard: Array<number> = []
      const listening = network.store.listen!("key", "b", () => heard.push(heard.length))
      yield* store.tryAcquire(claim)
      yield* Effect.forkChild(Effect.andThen(listening, Effect.never).pipe(Effect.scoped))
      yield* TestClock.adjust("100 millis")
      yield* store.release("key", "a")
      yield* TestClock.adjust("49 millis")
      assert.deepStrictEqual(heard, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(heard, [0])
      yield* network.loseNews()
      yield* store.tryAcquire(claim)
      yield* store.release("key", "a")
      yield* TestClock.adjust("50 millis")
      assert.deepStrictEqual(heard, [0])
      assert.strictEqual(said().at(-1), "news lost")
    }))

  it.effect("is between the store and who watches, lists, or takes a lease on", () =>
    Effect.gen(function*() {
      const { network, store } = yield* withMessages({ latency: "50 millis" })
      yield* store.tryAcquire(claim)
      const seen: Array<string> = []
      const watching = network.store.watch!("key", () => seen.push("changed"))
      yield* Effect.forkChild(Effect.andThen(watching, Effect.never).pipe(Effect.scoped))
      const listing = yield* Effect.forkChild(network.store.list!("", undefined))
      const taking = yield* Effect.forkChild(network.store.transfer!("a", { ...claim, token: "b" }))
      yield* TestClock.adjust("99 millis")
      assert.deepStrictEqual([listing.pollUnsafe(), taking.pollUnsafe()], [undefined, undefined])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual((yield* Fiber.join(listing)).locks.map(({ key }) => key), ["key"])
      assert.strictEqual((yield* Fiber.join(taking))._tag, "Acquired")
      seen.length = 0
      yield* store.release("key", "b")
      yield* TestClock.adjust("49 millis")
      assert.deepStrictEqual(seen, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(seen, ["changed"])
    }))

  it.effect("lets a request arrive whose caller is gone", () =>
    Effect.gen(function*() {
      const { network, store } = yield* withMessages({ latency: "20 millis" })
      const call = yield* Effect.forkChild(network.store.tryAcquire(claim))
      yield* TestClock.adjust("10 millis")
      yield* Fiber.interrupt(call)
      yield* TestClock.adjust("10 millis")
      assert.isTrue(Option.isSome(yield* store.inspect("key")))
    }))

  it.effect("holds up no backend that closes, and leaves nothing in the store", () =>
    Effect.gen(function*() {
      const { network, store } = yield* withMessages({ latency: "20 millis" })
      const holding = Effect.gen(function*() {
        const backend = yield* LockBackend.make(network.store)
        yield* Effect.forkChild(
          Lock.withLock(Effect.never, "key").pipe(Effect.provideService(LockBackend.LockBackend, backend))
        )
        yield* TestClock.adjust("1 second")
        assert.isTrue(Option.isSome(yield* store.inspect("key")))
        yield* network.loseReply({ times: Infinity })
        yield* Effect.forkChild(backend.inspect("key"))
        yield* TestClock.adjust("100 millis")
      })
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(Effect.scoped(holding))))
      assert.isTrue(Option.isNone(yield* store.inspect("key")))
    }))
})
