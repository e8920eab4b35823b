import { NodeFileSystem, NodePath } from "@effect/platform-node"
import { assert, describe, it, vi } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FileSystem, Layer, Option } from "effect"
import { Lock, LockBackend, type LockError, type LockStore } from "effect-lock"
import * as KeyValueBackend from "effect-lock/KeyValueBackend"
import { conformance } from "effect-lock/testing"
import { KeyValueStore } from "effect/persistence"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"

/** The store that {@link KeyValueBackend.layer} makes of a `KeyValueStore`. */
const overKeyValueStore = Effect.flatMap(KeyValueStore.KeyValueStore, (store) =>
  KeyValueBackend.makeStore({
    get: (key) => store.get(key),
    set: (key, value) => store.set(key, value),
    delete: (key) => store.remove(key)
  }))

const files = Layer.unwrap(
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return KeyValueStore.layerFileSystem(yield* fs.makeTempDirectoryScoped({ prefix: "effect-lock-" }))
  })
).pipe(Layer.provide([NodeFileSystem.layer, NodePath.layer]))

/** As a page has it. */
const makeStorage = (): Storage => {
  const items = new Map<string, string>()
  return {
    get length() {
      return items.size
    },
    key: (index) => Array.from(items.keys())[index] ?? null,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    clear: () => items.clear()
  }
}

/** Both sides of a case have the same store: this is about one process. */
const inOneProcess = <E>(layer: Layer.Layer<KeyValueStore.KeyValueStore, E>) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(Layer.fresh(layer))
    const store = yield* Effect.provide(overKeyValueStore, context)
    return { one: store, other: store }
  })

describe("KeyValueBackend conforms in one process", () => {
  describe("over KeyValueStore.layerMemory", () =>
    conformance.register(
      it,
      conformance.conformance({
        name: "memory",
        time: "test",
        smallest: "10 millis",
        make: inOneProcess(KeyValueStore.layerMemory)
      })
    ))

  describe("over KeyValueStore.layerStorage", () =>
    conformance.register(
      it,
      conformance.conformance({
        name: "storage",
        time: "test",
        smallest: "10 millis",
        make: inOneProcess(KeyValueStore.layerStorage(makeStorage))
      })
    ))

  describe("over KeyValueStore.layerFileSystem", { concurrent: true }, () =>
    conformance.register(
      it,
      conformance.conformance({ name: "files", make: inOneProcess(files) })
    ))
})

const claim = (token: string, expiresMillis = 10_000, key = "key") => ({ key, token, expiresMillis, wait: false })

/** Strings by key, as other processes see them too. */
const makeRecords = () => {
  const records = new Map<string, string>()
  const cache: KeyValueBackend.Cache<never> = {
    get: (key) => Effect.sync(() => records.get(key)),
    set: (key, value) => Effect.sync(() => records.set(key, value)),
    delete: (key) => Effect.sync(() => records.delete(key))
  }
  return { records, cache }
}

const reasonOf = (error: LockError.LockError) => error.reason._tag

describe("a record", () => {
  it.effect("says who, until when and with which fencing token, and is gone after the release", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      yield* TestClock.setTime(1_000_000)
      const fence = yield* Lock.withLock(
        (lease) =>
          Effect.sync(() => {
            const { token, ...rest } = JSON.parse(records.get("lock:order:7") ?? "{}")
            assert.match(token, /^\d+-/)
            assert.deepStrictEqual(rest, { expiresAt: 1_010_000, lease: 10_000, fence: lease.fencingToken })
            return lease.fencingToken
          }),
        "order:7",
        { expires: "10 seconds" }
      ).pipe(Effect.provide(KeyValueBackend.fromCache(cache)))
      assert.strictEqual(fence, 1_000_000_000)
      assert.strictEqual(records.size, 0)
    }))

  it.effect("is free when its time has passed, by Effect's clock", () =>
    Effect.gen(function*() {
      const { cache } = makeRecords()
      const store = yield* KeyValueBackend.makeStore(cache)
      const first = yield* store.tryAcquire(claim("a", 5_000))
      yield* TestClock.adjust(4_999)
      assert.deepStrictEqual(yield* store.tryAcquire(claim("b")), { _tag: "Held", token: "a", remainingMillis: 1 })
      yield* TestClock.adjust(1)
      assert.isTrue(Option.isNone(yield* store.inspect("key")))
      assert.isFalse(yield* store.extend(claim("a")))
      assert.isFalse(yield* store.release("key", "a"))
      const second = yield* store.tryAcquire(claim("b"))
      assert(first._tag === "Acquired" && second._tag === "Acquired")
      assert.isAbove(second.fencingToken, first.fencingToken)
    }))

  it.effect("of a holder whose clock was ahead counts for one lease from when it is seen, and longer if renewed", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      const hour = 3_600_000
      const write = (millisAhead: number) =>
        Effect.sync(() =>
          records.set("lock:key", JSON.stringify({ token: "a", expiresAt: hour + millisAhead, lease: 2_000, fence: 1 }))
        )
      const store = yield* KeyValueBackend.makeStore(cache)
      // less than a lease ahead
      yield* write(2_500 - hour)
      assert.deepStrictEqual(yield* store.inspect("key"), Option.some({ token: "a", remainingMillis: 2_000 }))
      yield* write(0)
      assert.deepStrictEqual(yield* store.tryAcquire(claim("b")), { _tag: "Held", token: "a", remainingMillis: 2_000 })
      yield* TestClock.adjust(1_500)
      assert.deepStrictEqual(yield* store.inspect("key"), Option.some({ token: "a", remainingMillis: 500 }))
      yield* write(700)
      assert.deepStrictEqual(yield* store.tryAcquire(claim("b")), { _tag: "Held", token: "a", remainingMillis: 2_000 })
      yield* TestClock.adjust(1_999)
      assert.strictEqual((yield* store.tryAcquire(claim("b")))._tag, "Held")
      yield* TestClock.adjust(1)
      assert.isTrue(Option.isNone(yield* store.inspect("key")))
      assert.strictEqual((yield* store.tryAcquire(claim("b")))._tag, "Acquired")
    }))

  it.effect("of an older version, which does not say how long its lease is, is believed", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      records.set("lock:key", JSON.stringify({ token: "a", expiresAt: 60_000, fence: 1 }))
      const store = yield* KeyValueBackend.makeStore(cache)
      yield* store.tryAcquire(claim("b"))
      yield* TestClock.adjust(59_999)
      assert.deepStrictEqual(yield* store.tryAcquire(claim("b")), { _tag: "Held", token: "a", remainingMillis: 1 })
    }))

  it.effect("carries the fencing token of a process whose clock is ahead", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      records.set("lock:key", JSON.stringify({ token: "gone", expiresAt: -1, fence: 5_000_000_000_000_000 }))
      const store = yield* KeyValueBackend.makeStore(cache)
      assert.deepStrictEqual(yield* store.tryAcquire(claim("a")), {
        _tag: "Acquired",
        fencingToken: 5_000_000_000_000_001
      })
    }))

  it.effect("survives a clock that is centuries ahead, and its fencing tokens go on from there", () =>
    Effect.gen(function*() {
      const { cache } = makeRecords()
      const store = yield* KeyValueBackend.makeStore(cache)
      let last = 0
      for (const year of [2300, 9999, 2026]) {
        yield* TestClock.setTime(Date.UTC(year, 0))
        const attempt = yield* store.tryAcquire(claim("a"))
        assert(attempt._tag === "Acquired")
        assert.isTrue(Number.isSafeInteger(attempt.fencingToken))
        assert.isAbove(attempt.fencingToken, last)
        last = attempt.fencingToken
        assert.isTrue(yield* store.release("key", "a"))
      }
    }))

  it.effect("has a name of its own also where case does not count and length is limited", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      const store = yield* KeyValueBackend.makeStore(cache)
      for (const key of ["Order-7", "order-7", "=order-7", "x y", "X y", "x".repeat(1000), "dot.", "ключ"]) {
        yield* store.tryAcquire(claim("a", 10_000, key))
      }
      const names = Array.from(records.keys())
      assert.deepStrictEqual(names.slice(0, 3), ["lock:=order-7", "lock:order-7", "lock:==order-7"])
      assert.strictEqual(new Set(names.map((name) => name.toLowerCase())).size, 8)
      for (const name of names.slice(3)) assert.match(name, /^lock:[a-z0-9_.:/-]{1,32}~[0-9a-f]{40}$/)
    }))

  it.effect("of a key that needs a digest is refused where there is none", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      const store = yield* KeyValueBackend.makeStore(cache)
      vi.stubGlobal("crypto", { getRandomValues: globalThis.crypto.getRandomValues.bind(globalThis.crypto) })
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllGlobals()))
      const failure = yield* Effect.flip(store.tryAcquire(claim("a", 10_000, "x y")))
      assert.strictEqual(failure.kind, "Unsupported")
      assert.isFalse(failure.retryable)
      assert.include(failure.message, "https")
      yield* store.tryAcquire(claim("a", 10_000, "Order-7"))
      assert.deepStrictEqual(Array.from(records.keys()), ["lock:=order-7"])
    }))

  for (
    const value of [
      "{",
      "null",
      "42",
      "some text",
      "{}",
      `{"token":1,"expiresAt":0,"fence":0}`,
      `{"token":"a","expiresAt":"soon","fence":0}`,
      `{"token":"a","expiresAt":0,"fence":0.5}`
    ]
  ) {
    it.effect(`that is none is refused and left alone: ${value}`, () =>
      Effect.gen(function*() {
        const { cache, records } = makeRecords()
        records.set("lock:key", value)
        const store = yield* KeyValueBackend.makeStore(cache)
        const operations: ReadonlyArray<Effect.Effect<unknown, LockError.BackendFailure>> = [
          store.tryAcquire(claim("a")),
          store.extend(claim("a")),
          store.release("key", "a"),
          store.inspect("key")
        ]
        for (const operation of operations) {
          const failure = yield* Effect.flip(operation)
          assert.strictEqual(failure.kind, "WrongType")
          assert.isFalse(failure.retryable)
          assert.match(
            failure.message,
            /^best-effort-key-value could not (acquire|extend|release|inspect)( of)? lock "key" \(WrongType\): .* "lock:key"; remove it$/
          )
        }
        assert.strictEqual(records.get("lock:key"), value)
      }))
  }

  it.effect("that is half written is waited for", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      records.set("lock:key", "")
      const work = yield* Effect.forkChild(
        Lock.withLock(Effect.succeed("done"), "key", { timeout: "1 second" }).pipe(
          Effect.provide(KeyValueBackend.fromCache(cache))
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust("100 millis")
      assert.isUndefined(work.pollUnsafe())
      records.delete("lock:key")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(work), "done")
    }))
})

describe("a cache", () => {
  it.effect("that fails is a failure of the backend, tried again until the timeout", () =>
    Effect.gen(function*() {
      const { cache } = makeRecords()
      let failures = 3
      const broken: KeyValueBackend.Cache<Error> = {
        ...cache,
        get: (key) => failures-- > 0 ? Effect.fail(new Error("connection reset")) : cache.get(key)
      }
      const layer = KeyValueBackend.fromCache(broken)
      const work = yield* Effect.forkChild(
        Lock.withLock(Effect.succeed("done"), "key", { timeout: "1 second" }).pipe(Effect.provide(layer))
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(work), "done")

      failures = Infinity
      const error = yield* Lock.withLock(Effect.void, "key", { timeout: 0 }).pipe(Effect.provide(layer), Effect.flip)
      assert(error.reason._tag === "BackendFailure")
      assert.strictEqual(error.reason.kind, "Unknown")
      assert.match(
        error.message,
        /^best-effort-key-value could not acquire( of)? lock "key" \(Unknown\): connection reset$/
      )
    }))

  it.effect("that hangs what it was told on its errors does not get it shown", () =>
    Effect.gen(function*() {
      const store = yield* KeyValueBackend.makeStore(KeyValueBackend.fromPromises({
        get: () => null,
        set: (...args) => Promise.reject(Object.assign(new Error("refused"), { command: { name: "set", args } })),
        delete: () => {}
      }))
      const failure = yield* Effect.flip(store.tryAcquire(claim("hunter2")))
      assert.strictEqual(failure.description, "refused")
      assert.notInclude(inspect(failure, { depth: 9, showHidden: true }), "hunter2")
    }))

  it.effect("of Promises may throw, reject, and give null", () =>
    Effect.gen(function*() {
      const rejecting = KeyValueBackend.fromPromises({
        get: () => null,
        set: () => Promise.reject(new Error("rejected")),
        delete: () => {
          throw new Error("thrown")
        }
      })
      assert.isNull(yield* rejecting.get("key"))
      const failure = yield* Effect.flip((yield* KeyValueBackend.makeStore(rejecting)).tryAcquire(claim("a")))
      assert.match(failure.message, /\(Unknown\): rejected$/)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(rejecting.delete("key"))))
    }))

  it.effect("that drops what is written is a failure of the backend, not a holder", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      let dropping = true
      const leaky: KeyValueBackend.Cache<never> = {
        ...cache,
        set: (key, value) => dropping ? Effect.void : cache.set(key, value, 0)
      }
      const layer = KeyValueBackend.fromCache(leaky)
      for (const old of [undefined, JSON.stringify({ token: "gone", expiresAt: -1, fence: 1 })]) {
        records.clear()
        if (old !== undefined) records.set("lock:key", old)
        const error = yield* Lock.once(Effect.void, "key").pipe(Effect.provide(layer), Effect.flip)
        assert.match(
          error.message,
          /^best-effort-key-value could not acquire.* \(Unknown\): what was written to "lock:key" is not there; locks need/
        )
        assert(error.reason._tag === "BackendFailure" && error.reason.retryable)
      }
      const store = yield* KeyValueBackend.makeStore(leaky)
      dropping = false
      assert.strictEqual((yield* store.tryAcquire(claim("a", 5_000)))._tag, "Acquired")
      dropping = true
      yield* TestClock.adjust(1)
      assert.include((yield* Effect.flip(store.extend(claim("a", 5_000)))).message, "is not there")
    }))

  it.effect("that drops a removal is a failure of the backend, and is told to remove it once more", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      let dropped = 0
      const leaky: KeyValueBackend.Cache<never> = {
        ...cache,
        delete: (key) => dropped++ < 2 ? Effect.void : cache.delete(key)
      }
      const store = yield* KeyValueBackend.makeStore(leaky)
      yield* store.tryAcquire(claim("a"))
      const failure = yield* Effect.flip(store.release("key", "a"))
      assert.include(failure.message, "what was removed from \"lock:key\" is still there")
      assert.isTrue(failure.retryable)

      records.clear()
      dropped = 0
      const work = yield* Effect.forkChild(
        Lock.withLock(Effect.succeed("done"), "key").pipe(Effect.provide(KeyValueBackend.fromCache(leaky)))
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(work), "done")
      assert.deepStrictEqual([records.size, dropped], [0, 3])
    }))

  it.effect("that cannot be read after a removal has removed it", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      let removed = false
      const store = yield* KeyValueBackend.makeStore<string>({
        ...cache,
        get: (key) => removed ? Effect.fail("unreadable") : cache.get(key),
        delete: (key) => Effect.andThen(Effect.sync(() => removed = true), cache.delete(key))
      })
      yield* store.tryAcquire(claim("a"))
      assert.isTrue(yield* store.release("key", "a"))
      assert.strictEqual(records.size, 0)
    }))

  it.effect("is told for how long a record is of use", () =>
    Effect.gen(function*() {
      const { cache } = makeRecords()
      const times: Array<number> = []
      const store = yield* KeyValueBackend.makeStore({
        ...cache,
        set: (key, value, ttlMillis) =>
          Effect.andThen(Effect.sync(() => times.push(ttlMillis)), cache.set(key, value, 0))
      })
      yield* store.tryAcquire(claim("a", 5_000))
      yield* TestClock.adjust("2 seconds")
      yield* store.extend(claim("a", 7_000))
      assert.deepStrictEqual(times, [5_000, 7_000])
    }))
})

/** A cache whose calls wait to be let through, one by one, each named after its process. */
const makeGated = () => {
  const { cache, records } = makeRecords()
  const waiting = new Map<string, Deferred.Deferred<void>>()
  const gate = <A>(name: string, effect: Effect.Effect<A>) =>
    Effect.suspend(() => {
      const deferred = Deferred.makeUnsafe<void>()
      waiting.set(name, deferred)
      return Effect.andThen(Deferred.await(deferred), effect)
    })
  const cacheOf = (process: string): KeyValueBackend.Cache<never> => ({
    get: (key) => gate(`${process} reads`, cache.get(key)),
    set: (key, value) => gate(`${process} writes`, cache.set(key, value, 0)),
    delete: (key) => gate(`${process} deletes`, cache.delete(key))
  })
  const letThrough = Effect.fnUntraced(function*(...names: ReadonlyArray<string>) {
    for (const name of names) {
      const deferred = waiting.get(name)
      assert.isDefined(deferred, `${name} is not next`)
      waiting.delete(name)
      yield* Deferred.succeed(deferred!, undefined)
      yield* TestClock.adjust(0)
      yield* Effect.yieldNow
    }
  })
  return { records, cacheOf, letThrough, waiting }
}

const twoProcesses = Effect.gen(function*() {
  const gated = makeGated()
  const a = yield* KeyValueBackend.makeStore(gated.cacheOf("A"))
  const b = yield* KeyValueBackend.makeStore(gated.cacheOf("B"))
  const start = (store: LockStore.LockStore, token: string) =>
    Effect.forkChild(store.tryAcquire(claim(token)), { startImmediately: true })
  return { ...gated, a, b, start }
})

describe("between two processes", () => {
  it.effect("a lock that is written is respected", () =>
    Effect.gen(function*() {
      const { a, b, letThrough, start } = yield* twoProcesses
      const first = yield* start(a, "a")
      yield* letThrough("A reads", "A writes", "A reads")
      const second = yield* start(b, "b")
      yield* letThrough("B reads")
      assert.strictEqual((yield* Fiber.join(first))._tag, "Acquired")
      assert.strictEqual((yield* Fiber.join(second))._tag, "Held")
    }))

  it.effect("of two that write before either reads back, the last has the lock", () =>
    Effect.gen(function*() {
      const { a, b, letThrough, start } = yield* twoProcesses
      const [first, second] = [yield* start(a, "a"), yield* start(b, "b")]
      yield* letThrough("A reads", "B reads", "A writes", "B writes", "A reads", "B reads")
      assert.deepStrictEqual(yield* Fiber.join(first), { _tag: "Held", token: "b" })
      assert.strictEqual((yield* Fiber.join(second))._tag, "Acquired")
    }))

  it.effect("the limit: one that writes after the other has read back takes the lock as well, until the renewal", () =>
    Effect.gen(function*() {
      const { a, b, letThrough, start } = yield* twoProcesses
      const [first, second] = [yield* start(a, "a"), yield* start(b, "b")]
      yield* letThrough("A reads", "B reads", "A writes", "A reads", "B writes", "B reads")
      assert.strictEqual((yield* Fiber.join(first))._tag, "Acquired")
      assert.strictEqual((yield* Fiber.join(second))._tag, "Acquired")

      const renewal = yield* Effect.forkChild(a.extend(claim("a")), { startImmediately: true })
      yield* letThrough("A reads")
      assert.isFalse(yield* Fiber.join(renewal))
      const release = yield* Effect.forkChild(a.release("key", "a"), { startImmediately: true })
      yield* letThrough("A reads")
      assert.isFalse(yield* Fiber.join(release))
    }))

  it.effect("whoever was overwritten is told within a third of the lease", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      const work = yield* Effect.forkChild(
        Lock.withLock(Effect.never, "key", { expires: "9 seconds" }).pipe(
          Effect.provide(KeyValueBackend.fromCache(cache)),
          Effect.flip
        ),
        { startImmediately: true }
      )
      records.set("lock:key", JSON.stringify({ token: "other", expiresAt: 60_000, fence: 1 }))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(reasonOf(yield* Fiber.join(work)), "LockLost")
      assert.include(records.get("lock:key"), "other")
    }))
})

describe("operations on one key", () => {
  it.effect("come one after the other, also behind one that was interrupted half way", () =>
    Effect.gen(function*() {
      const { a, letThrough, records, start, waiting } = yield* twoProcesses
      const taking = yield* start(a, "a")
      yield* letThrough("A reads")
      yield* Fiber.interrupt(taking)
      const releasing = yield* Effect.forkChild(a.release("key", "a"), { startImmediately: true })
      assert.deepStrictEqual(Array.from(waiting.keys()), ["A writes"])
      yield* letThrough("A writes", "A reads", "A reads", "A deletes", "A reads")
      assert.isTrue(yield* Fiber.join(releasing))
      assert.strictEqual(records.size, 0)
    }))

  it.effect("do not wait for those on others", () =>
    Effect.gen(function*() {
      const { cache } = makeRecords()
      const store = yield* KeyValueBackend.makeStore({
        ...cache,
        get: (key) => key === "lock:slow" ? Effect.never : cache.get(key)
      })
      yield* Effect.forkChild(store.tryAcquire(claim("a", 10_000, "slow")), { startImmediately: true })
      assert.strictEqual((yield* store.tryAcquire(claim("a")))._tag, "Acquired")
    }))

  for (const method of ["get", "set", "delete"] as const) {
    it.effect(`that never end in "${method}" are a failure, and do not block the key for ever`, () =>
      Effect.gen(function*() {
        const values = new Map<string, string>()
        let hanging = false
        const cache = KeyValueBackend.fromPromises({
          get: (key) => hanging && method === "get" ? new Promise(() => {}) : values.get(key),
          set: (key, value) => hanging && method === "set" ? new Promise(() => {}) : values.set(key, value),
          delete: (key) => hanging && method === "delete" ? new Promise(() => {}) : values.delete(key)
        })
        const store = yield* KeyValueBackend.makeStore(cache)
        if (method === "delete") yield* store.tryAcquire(claim("a"))
        hanging = true
        const operation: Effect.Effect<unknown, LockError.BackendFailure> = method === "delete"
          ? store.release("key", "a")
          : store.tryAcquire(claim("a"))
        const hung = yield* Effect.forkChild(Effect.flip(operation), { startImmediately: true })
        const behind = yield* Effect.forkChild(store.inspect("key"), { startImmediately: true })
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        hanging = false
        yield* TestClock.adjust("1 second")
        const failure = yield* Fiber.join(hung)
        assert.deepStrictEqual([failure.kind, failure.retryable], ["NoReply", true])
        assert.match(failure.message, new RegExp(`no reply to "${method}" within 1 second$`))
        yield* Fiber.join(behind)
        assert.strictEqual((yield* store.tryAcquire(claim("a")))._tag, "Acquired")
        assert.isTrue(yield* store.release("key", "a"))
      }))
  }

  it.effect("that write after we have given up on them leave no lock behind", () =>
    Effect.gen(function*() {
      const { a, letThrough, records, start } = yield* twoProcesses
      const taking = yield* start(a, "a")
      yield* letThrough("A reads")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Effect.flip(Fiber.join(taking))).kind, "NoReply")
      const releasing = yield* Effect.forkChild(a.release("key", "a"), { startImmediately: true })
      yield* letThrough("A reads")
      assert.isFalse(yield* Fiber.join(releasing))
      assert.strictEqual(records.size, 0)
      yield* letThrough("A writes")
      assert.strictEqual(records.size, 1)
      yield* letThrough("A reads", "A deletes")
      assert.strictEqual(records.size, 0)
    }))

  it.effect("that write when we have given up on them are undone also by a cache that fails at first", () =>
    Effect.gen(function*() {
      const { cache, records } = makeRecords()
      let failures = 0
      let isLate = true
      const store = yield* KeyValueBackend.makeStore<Error>({
        ...cache,
        get: (key) => failures-- > 0 ? Effect.fail(new Error("reset")) : cache.get(key),
        set: (key, value) => isLate ? Effect.delay(cache.set(key, value, 0), 2_000) : cache.set(key, value, 0)
      })
      yield* Effect.forkChild(Effect.exit(store.tryAcquire(claim("a"))), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      isLate = false
      // Whoever has the key by then has it again.
      assert.strictEqual((yield* store.tryAcquire(claim("b")))._tag, "Acquired")
      const held = records.get("lock:key")
      failures = 3
      yield* TestClock.adjust("1 second")
      assert.include(records.get("lock:key"), `"token":"a"`)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(records.get("lock:key"), held)
      assert.isTrue(yield* store.release("key", "b"))
      assert.strictEqual(records.size, 0)
    }))

  it.effect("that hang do not keep the backend from closing", () =>
    Effect.gen(function*() {
      const { cache } = makeRecords()
      const hanging = KeyValueBackend.fromCache({ ...cache, get: () => Effect.never })
      const work = yield* Effect.forkChild(
        Lock.withLock(Effect.void, "key", { timeout: "10 seconds" }).pipe(Effect.provide(hanging), Effect.exit)
      )
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Exit.isFailure(yield* Fiber.join(work)))
    }))
})

it.effect("the layer is made of the program's KeyValueStore, and its name says what it is", () =>
  Effect.gen(function*() {
    const backend = yield* LockBackend.LockBackend
    assert.strictEqual(backend.name, "best-effort-key-value")
    const store = yield* KeyValueStore.KeyValueStore
    const during = yield* Lock.withLock(store.has("lock:key"), "key")
    assert.deepStrictEqual([during, yield* store.has("lock:key")], [true, false])
  }).pipe(Effect.provide(Layer.provideMerge(KeyValueBackend.layer, KeyValueStore.layerMemory))))
