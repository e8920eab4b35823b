import { describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { InMemoryBackend, Lock, LockConfig } from "effect-lock"
import { TestNetwork, TestProcess } from "effect-lock/testing"
import { TestClock } from "effect/testing"
import { assert } from "vitest"

const makeLog = () => {
  const log: Array<string> = []
  return { log, note: (line: string) => Effect.sync(() => void log.push(line)) }
}

describe("TestProcess", () => {
  it.effect("stands still while it is paused, and does then what was due, in its order", () =>
    Effect.gen(function*() {
      const { log, note } = makeLog()
      const ada = yield* TestProcess.make(yield* InMemoryBackend.makeStore)
      for (const seconds of [2, 1, 3]) yield* ada.fork(Effect.delay(note(`after ${seconds}`), `${seconds} seconds`))
      yield* ada.pause
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(log, [])
      assert.strictEqual(yield* ada.state, "paused")
      yield* ada.resume
      yield* TestClock.adjust("0 millis")
      assert.deepStrictEqual(log, ["after 1", "after 2"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log, ["after 1", "after 2", "after 3"])
    }))

  it.effect("starts nothing while it is paused", () =>
    Effect.gen(function*() {
      const { log, note } = makeLog()
      const ada = yield* TestProcess.make(yield* InMemoryBackend.makeStore)
      yield* ada.pause
      const fiber = yield* ada.fork(note("started"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(log, [])
      yield* ada.resume
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(log, ["started"])
    }))

  it.effect("holds what is left when it is paused again before it has gone on", () =>
    Effect.gen(function*() {
      const { log, note } = makeLog()
      const ada = yield* TestProcess.make(yield* InMemoryBackend.makeStore)
      yield* ada.fork(Effect.delay(note("done"), "1 second"))
      yield* ada.pause
      yield* TestClock.adjust("2 seconds")
      yield* ada.resume
      yield* ada.pause
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(log, [])
      yield* ada.resume
      yield* TestClock.adjust("0 millis")
      assert.deepStrictEqual(log, ["done"])
    }))

  it.effect("holds a fiber that only yields", () =>
    Effect.gen(function*() {
      let turns = 0
      const ada = yield* TestProcess.make(yield* InMemoryBackend.makeStore)
      yield* ada.fork(Effect.forever(Effect.andThen(Effect.sync(() => turns++), Effect.sleep("1 millis"))))
      yield* TestClock.adjust("10 millis")
      assert.isAbove(turns, 5)
      yield* ada.pause
      const before = turns
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(turns, before)
    }))

  it.effect("is told nothing by its store while it is paused", () =>
    Effect.gen(function*() {
      const { log, note } = makeLog()
      const store = yield* InMemoryBackend.makeStore
      const { store: distant } = yield* TestNetwork.make(store, { latency: "100 millis" })
      const ada = yield* TestProcess.make(distant)
      yield* ada.fork(Effect.andThen(Lock.inspect("key"), note("answered")))
      yield* TestClock.adjust("150 millis")
      yield* ada.pause
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log, [])
      yield* ada.resume
      yield* TestClock.adjust("0 millis")
      assert.deepStrictEqual(log, ["answered"])
    }))

  it.effect("hears of a release only when it goes on", () =>
    Effect.gen(function*() {
      const { log, note } = makeLog()
      const store = yield* InMemoryBackend.makeStore
      const ada = yield* TestProcess.make(store)
      const bob = yield* TestProcess.make(store)
      yield* ada.fork(Effect.sleep("5 seconds").pipe(Lock.withLock("key")))
      yield* TestClock.adjust("1 second")
      yield* bob.fork(note("bob holds").pipe(Lock.withLock("key", { timeout: "Infinity" })))
      yield* TestClock.adjust("1 second")
      yield* bob.pause
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(log, [])
      assert.isTrue(Option.isNone(yield* store.inspect("key")))
      yield* bob.resume
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log, ["bob holds"])
    }))

  it.effect("writes late after a pause past its lease, with a lower fencing token, and is then told", () =>
    Effect.gen(function*() {
      const { log, note } = makeLog()
      let fence = 0
      const write = (name: string, token: number) =>
        Effect.suspend(() => note(`${name} ${token < fence ? "refused" : `writes ${fence = token}`}`))
      const work = (name: string) =>
        Lock.withLock(
          ({ fencingToken }) => Effect.forever(Effect.delay(write(name, fencingToken), "700 millis")),
          "key",
          { expires: "3 seconds", timeout: "1 minute" }
        ).pipe(Effect.catchReason("LockError", "LockLost", ({ why }) => note(`${name} ${why}`)))
      const store = yield* InMemoryBackend.makeStore
      // It asks the store how its lease is, and writes before it has an answer.
      const network = yield* TestNetwork.make(store, { latency: "20 millis" })
      const ada = yield* TestProcess.make(network.store)
      const bob = yield* TestProcess.make(store)
      yield* ada.fork(work("ada"))
      yield* TestClock.adjust("1100 millis")
      yield* bob.fork(work("bob"))
      yield* ada.pause
      yield* TestClock.adjust("4 seconds")
      yield* ada.resume
      yield* TestClock.adjust("40 millis")
      assert.strictEqual(log[0], "ada writes 1")
      assert.include(log, "bob writes 2")
      assert.deepStrictEqual(log.filter((line) => line.startsWith("ada")), [
        "ada writes 1",
        "ada refused",
        "ada Expired"
      ])
    }))

  it.effect("is killed without a word: no finalizer runs, and its lock lasts as long as the lease", () =>
    Effect.gen(function*() {
      const { log, note } = makeLog()
      const store = yield* InMemoryBackend.makeStore
      const ada = yield* TestProcess.make(store)
      const fiber = yield* ada.fork(
        Effect.never.pipe(Effect.ensuring(note("finalizer")), Lock.withLock("key", { expires: "9 seconds" }))
      )
      yield* TestClock.adjust("1 second")
      yield* ada.kill
      yield* ada.resume
      assert.strictEqual(yield* ada.state, "killed")
      yield* TestClock.adjust("7 seconds")
      assert.isTrue(Option.isSome(yield* store.inspect("key")))
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(Option.isNone(yield* store.inspect("key")))
      assert.deepStrictEqual(log, [])
      assert.isUndefined(fiber.pollUnsafe())
    }))

  it.effect("is known by its name, over the defaults around the call", () =>
    Effect.gen(function*() {
      const ada = yield* TestProcess.make(yield* InMemoryBackend.makeStore, { name: "ada" })
      const fiber = yield* ada.fork(
        Lock.withLock(
          (lease) => Effect.map(Lock.inspect("key"), (holder) => [lease.key, Option.getOrThrow(holder).owner]),
          "key"
        )
      ).pipe(LockConfig.provide({ keyPrefix: "shop:" }))
      const [key, owner] = yield* Fiber.join(fiber)
      assert.deepStrictEqual([key, owner], ["shop:key", "ada"])
    }))

  it.effect("is killed when its scope ends, and leaves no sleeper behind", () =>
    Effect.gen(function*() {
      const { log, note } = makeLog()
      yield* Effect.scoped(Effect.gen(function*() {
        const ada = yield* TestProcess.make(yield* InMemoryBackend.makeStore)
        yield* ada.fork(Effect.delay(note("late"), "1 second"))
      }))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(log, [])
    }))
})
