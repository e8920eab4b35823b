/** Stores of all sorts: what is not understood is a failure in doubt, and says what came back. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Tracer } from "effect"
import { InMemoryBackend, Lock, LockBackend, type LockError, type LockStore } from "effect-lock"
import { TestClock } from "effect/testing"
import { withShortcuts } from "../../src/internal/shortcuts.ts"
import { answering, logged, reasonOf, the } from "./scenery.ts"
import {
  assertClean,
  deaf,
  exchanging,
  flush,
  handingOver,
  horizon,
  joined,
  makeProcess,
  outcome,
  scene
} from "./support.ts"

/** What a store may answer that answers badly, by name. */
const nonsense: Record<string, unknown> = {
  undefined,
  "null": null,
  "a word": "OK",
  "a number": 1,
  "an empty object": {},
  "a list": []
}

const attempts: Record<string, unknown> = {
  ...nonsense,
  "true": true,
  "another tag": { _tag: "Busy" },
  "a fencing token of NaN": { _tag: "Acquired", fencingToken: NaN },
  "a fencing token of infinity": { _tag: "Acquired", fencingToken: Infinity },
  "a fencing token with a fraction": { _tag: "Acquired", fencingToken: 1.5 },
  "a fencing token that is a word": { _tag: "Acquired", fencingToken: "1" },
  "a fencing token beyond all safe integers": { _tag: "Acquired", fencingToken: 2 ** 53 },
  "no fencing token": { _tag: "Acquired" },
  "a remaining time of NaN": { _tag: "Held", remainingMillis: NaN },
  "an infinite remaining time": { _tag: "Held", remainingMillis: Infinity },
  "a remaining time that is a word": { _tag: "Held", remainingMillis: "5" },
  "a token that is a number": { _tag: "Held", token: 7 },
  "waiters of NaN": { _tag: "Held", waiters: NaN }
}

const assertNotUnderstood = (reason: LockError.LockErrorReason, operation: string, answer: string) => {
  const failure = the(reason, "BackendFailure")
  assert.deepStrictEqual([failure.kind, failure.backend, failure.operation], ["Unknown", "memory", operation])
  assert.include(failure.message, `it answered ${answer}`)
}

const shown = (answer: unknown): string => {
  const text = typeof answer === "object"
    ? JSON.stringify(answer, (_key, value) => typeof value === "number" && !Number.isFinite(value) ? `${value}` : value)
    : typeof answer === "string"
    ? JSON.stringify(answer)
    : String(answer)
  return text.slice(0, 100)
}

describe("an answer to a claim", () => {
  for (const [name, answer] of Object.entries(attempts)) {
    it.effect(`of ${name} is a failure, whose claim may have been executed`, () =>
      Effect.gen(function*() {
        const all = yield* scene((store) => answering(store, { tryAcquire: () => Effect.succeed(answer) }))
        let ran = false
        const fiber = yield* all.start(reasonOf(Lock.withLock(Effect.sync(() => ran = true), "key")))
        yield* TestClock.adjust(1_000)
        assertNotUnderstood(yield* joined(fiber), "acquire", shown(answer))
        assert.isFalse(ran)
        const releases = (yield* all.test.calls).filter(({ operation }) => operation === "release")
        assert.isAtLeast(releases.length, 1)
        yield* assertClean(all)
      }))
  }

  it.effect("of one key stops no timer of another", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => ({
        ...deaf(store),
        tryAcquire: (claim) =>
          claim.key === "odd" ? Effect.succeed({ _tag: "Held", remainingMillis: NaN }) : store.tryAcquire(claim)
      }))
      const healthy = yield* all.start(Lock.withLock(Effect.never, "healthy", { expires: 300 }))
      const odd = yield* all.start(Lock.withLock(Effect.void, "odd", { timeout: 500 }))
      const waiting = yield* all.start(Lock.withLock(Effect.void, "healthy", { timeout: 900 }))
      yield* TestClock.adjust(2_000)
      assert.deepStrictEqual([odd, waiting, healthy].map(outcome), ["BackendFailure", "LockTimeout", "Running"])
      yield* all.test.steal("healthy")
      yield* TestClock.adjust(300)
      assert.strictEqual(outcome(healthy), "LockLost")
    }))
})

describe("an answer to an exchange", () => {
  for (const [name, answer] of Object.entries(attempts)) {
    it.effect(`of ${name} is a failure of both`, () =>
      Effect.gen(function*() {
        const all = yield* scene((store) =>
          answering(exchanging(deaf(store)), { exchange: () => Effect.succeed(answer) })
        )
        const holder = yield* all.start(Lock.withLock(Effect.sleep(10), "key"))
        const next = yield* all.start(Lock.withLock(Effect.void, "key"))
        yield* TestClock.adjust(2_000)
        assert.strictEqual(outcome(holder), "Success")
        assert.strictEqual(outcome(next), "BackendFailure")
        yield* assertClean(all, "key")
      }))
  }
})

describe("an answer to a renewal", () => {
  for (const [name, answer] of Object.entries({ ...nonsense, "zero": 0, "the word true": "true" })) {
    it.effect(`of ${name} is tried again, and the lease ends at its deadline, by that`, () =>
      Effect.gen(function*() {
        const all = yield* scene((store) => answering(store, { extend: () => Effect.succeed(answer) }))
        const fiber = yield* all.start(reasonOf(Lock.withLock(Effect.never, "key", { expires: 3_000 })))
        yield* TestClock.adjust(2_999)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        const { failure, why } = the(yield* joined(fiber), "LockLost")
        assert.strictEqual(why, "Expired")
        assertNotUnderstood(failure!, "extend", shown(answer))
        yield* assertClean(all, "key")
      }))
  }

  const lists: Record<string, unknown> = {
    ...nonsense,
    "too few": [true],
    "too many": [true, true, true],
    "numbers": [1, 1],
    "true": true,
    "a list with a hole": [true, undefined],
    "what only has a length": { length: 2 }
  }
  for (const [name, answer] of Object.entries(lists)) {
    it.effect(`of many, of ${name}, counts for none of them`, () =>
      Effect.gen(function*() {
        const all = yield* scene((store) => answering(store, { extendAll: () => Effect.succeed(answer) }))
        const fibers = yield* Effect.forEach(["a", "b"], (key) =>
          all.start(reasonOf(Lock.withLock(Effect.never, key, { expires: 3_000 }))))
        yield* TestClock.adjust(3_000)
        for (const fiber of fibers) {
          const { failure } = the(yield* joined(fiber), "LockLost")
          assertNotUnderstood(failure!, "extend", shown(answer))
        }
        yield* assertClean(all, "a", "b")
      }))
  }

  it.effect("that is asked for by the holder is its failure", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => answering(store, { extend: () => Effect.succeed("OK") }))
      const reason = yield* all.run(Lock.withLock((lease) => reasonOf(lease.extend("1 minute")), "key"))
      assertNotUnderstood(reason, "extend", `"OK"`)
    }))
})

describe("an answer to a release", () => {
  for (const [name, answer] of Object.entries({ ...nonsense, "zero": 0 })) {
    it.effect(`of ${name} replaces no result, is said, and is tried again`, () =>
      logged((lines) =>
        Effect.gen(function*() {
          let released = 0
          const all = yield* scene((store) => ({
            ...store,
            release: (key, token) => released++ < 3 ? Effect.succeed(answer as never) : store.release(key, token)
          }))
          assert.strictEqual(yield* all.run(Lock.withLock(Effect.succeed("result"), "key")), "result")
          yield* TestClock.adjust(1_000)
          assert.isAbove(released, 3)
          assert.deepStrictEqual(lines.length, 1)
          assert.match(lines[0], /could not be released/)
          yield* assertClean(all, "key")
        })
      ))
  }

  it.effect("by force is a failure of that call", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => answering(store, { release: () => Effect.succeed(1) }))
      yield* all.test.hold("key")
      assertNotUnderstood(yield* reasonOf(all.run(Lock.forceRelease("key"))), "release", "1")
    }))
})

describe("an answer to a look", () => {
  const looks: Record<string, unknown> = {
    ...nonsense,
    "a holder that is not in an Option": { token: "t" },
    "a holder without a token": Option.some({}),
    "a holder that is a word": Option.some("t"),
    "a remaining time of NaN": Option.some({ token: "t", remainingMillis: NaN }),
    "waiters of infinity": Option.some({ token: "t", waiters: Infinity })
  }
  for (const [name, answer] of Object.entries(looks)) {
    it.effect(`of ${name} is a failure of the look, and of no more`, () =>
      Effect.gen(function*() {
        const all = yield* scene((store) => ({
          ...answering(store, { inspect: () => Effect.succeed(answer) }),
          tryAcquire: (claim) => Effect.as(store.tryAcquire(claim), { _tag: "Held" })
        }))
        const failure = the(yield* reasonOf(all.run(Lock.inspect("key"))), "BackendFailure")
        assert.deepStrictEqual([failure.kind, failure.operation], ["Unknown", "inspect"])
        const reason = yield* reasonOf(all.run(Lock.withLock(Effect.void, "key", { timeout: 0 })))
        assert.isUndefined(the(reason, "LockTimeout").holder)
      }))
  }
})

describe("a store that breaks", () => {
  const ways: Record<string, (cause: Error) => Effect.Effect<never>> = {
    "dies": (cause) => Effect.die(cause),
    "throws": (cause) => {
      throw cause
    },
    "fails with something else": (cause) => Effect.fail(cause) as never
  }
  for (const [way, broken] of Object.entries(ways)) {
    it.effect(`and ${way} in a release replaces no result, and frees the key in the end`, () =>
      Effect.gen(function*() {
        let releases = 0
        const all = yield* scene((store) => ({
          ...store,
          release: (key, token) => ++releases < 4 ? broken(new TypeError("socket is null")) : store.release(key, token)
        }))
        assert.strictEqual(yield* all.run(Lock.withLock(Effect.succeed("result"), "key")), "result")
        yield* TestClock.adjust(1_000)
        releases = 0
        const failed = yield* Effect.flip(all.run(Lock.withLock(Effect.fail("of its own"), "key")))
        assert.strictEqual(failed, "of its own")
        yield* TestClock.adjust(1_000)
        assert.strictEqual(releases, 4)
        yield* assertClean(all, "key")
      }))

    it.effect(`and ${way} says what it was, once`, () =>
      Effect.gen(function*() {
        const cause = new TypeError("socket is null")
        const operations = {
          tryAcquire: () => broken(cause),
          extend: () => broken(cause),
          inspect: () => broken(cause)
        }
        const all = yield* scene((store) => ({ ...store, ...operations, tryAcquire: store.tryAcquire }))
        const failures = [
          yield* reasonOf(all.run(Lock.inspect("key"))),
          yield* all.run(Lock.withLock((lease) => reasonOf(lease.extend()), "key"))
        ]
        for (const reason of failures) {
          const failure = the(reason, "BackendFailure")
          assert.deepStrictEqual([failure.kind, failure.retryable, failure.cause], ["Unknown", false, cause])
          assert.strictEqual(failure.message.split("socket is null").length, 2)
        }
        const other = yield* makeProcess({ ...all.inner, ...operations })
        const failure = the(yield* reasonOf(other.run(Lock.withLock(Effect.void, "key"))), "BackendFailure")
        assert.strictEqual(failure.cause, cause)
      }))
  }

  it.effect("and interrupts itself has not been closed", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => answering(store, { tryAcquire: () => Effect.interrupt }))
      const failure = the(yield* reasonOf(all.run(Lock.withLock(Effect.void, "key"))), "BackendFailure")
      assert.strictEqual(failure.kind, "Unknown")
      assert.include(failure.message, "interrupted from within")
      yield* assertClean(all)
    }))

  it.effect("and throws where it calls back leaves no turn behind", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const fork = Effect.runForkWith(yield* Effect.context<never>())
      let connected = false
      const { engine, run } = yield* makeProcess(withShortcuts({ ...inner }, {
        callbacks: {
          tryAcquire: (claim, call) => {
            if (!connected) throw new Error("not connected")
            fork(inner.tryAcquire(claim)).addObserver((exit) => call.settle(exit))
          },
          release: (key, token, call) => {
            if (!connected) throw new Error("not connected")
            fork(inner.release(key, token)).addObserver((exit) => call.settle(exit))
          }
        }
      }))
      const failure = the(yield* reasonOf(run(Lock.withLock(Effect.void, "key"))), "BackendFailure")
      assert.include(failure.message, "not connected")
      connected = true
      assert.strictEqual(yield* run(Lock.withLock(Effect.succeed(1), "key", { timeout: 1_000 })), 1)
      yield* TestClock.adjust(horizon)
      yield* assertClean({ engine, inner }, "key")
    }))
})

describe("a store that somebody has decorated", () => {
  for (const kind of ["spread", "changed in one operation"] as const) {
    it.effect(`and ${kind} is asked by its operations alone`, () =>
      Effect.gen(function*() {
        const inner = yield* InMemoryBackend.makeStore
        const seen: Array<string> = []
        const { run } = yield* makeProcess({
          ...inner,
          tryAcquire: (claim) => Effect.suspend(() => (seen.push("tryAcquire"), inner.tryAcquire(claim))),
          ...(kind === "spread" && {
            release: (key: string, token: string) =>
              Effect.suspend(() => (seen.push("release"), inner.release(key, token)))
          })
        })
        yield* run(Lock.withLock(Effect.void, "key"))
        assert.deepStrictEqual(seen, kind === "spread" ? ["tryAcquire", "release"] : ["tryAcquire"])
      }))
  }

  it.effect("excludes those who use it as it was", () =>
    Effect.gen(function*() {
      const inner = yield* InMemoryBackend.makeStore
      const [plain, decorated] = [yield* makeProcess(inner), yield* makeProcess(handingOver(inner))]
      for (const [one, other] of [[plain, decorated], [decorated, plain]]) {
        const nested = one.run(Lock.withLock(other.run(Lock.once(Effect.void, "key")), "key"))
        assert.deepStrictEqual(yield* nested, Option.none())
      }
    }))
})

describe("a store runs", () => {
  class Transaction extends Context.Service<Transaction, string>()("test/Transaction") {}

  const seeing = Effect.gen(function*() {
    const inner = yield* InMemoryBackend.makeStore
    const seen: Array<readonly [operation: string, transaction: string | undefined, span: string | undefined]> = []
    const see = <A, E, R>(operation: string, effect: Effect.Effect<A, E, R>) =>
      Effect.withFiber<A, E, R>((fiber) => {
        const transaction = Option.getOrUndefined(Context.getOption(fiber.context, Transaction))
        const span = Option.getOrUndefined(Context.getOption(fiber.context, Tracer.ParentSpan))
        seen.push([operation, transaction, span?._tag === "Span" ? span.name : undefined])
        return effect
      })
    const store: LockStore.LockStore = {
      ...inner,
      tryAcquire: (claim) => see("tryAcquire", inner.tryAcquire(claim)),
      extend: (holding) => see("extend", inner.extend(holding)),
      release: (key, token) => see("release", inner.release(key, token)),
      inspect: (key) => see("inspect", inner.inspect(key)),
      listen: (key, token, notify) => see("listen", inner.listen!(key, token, notify))
    }
    return { inner, seen, store }
  })

  it.effect("in the services that its backend was built in, never in a transaction of the caller", () =>
    Effect.gen(function*() {
      const { inner, seen, store } = yield* seeing
      const process = yield* makeProcess(store)
      yield* inner.tryAcquire({ key: "key", token: "other", expiresMillis: 100, wait: false })
      const fiber = yield* process.start(
        Lock.withLock(
          (lease) => Effect.andThen(lease.extend(), Effect.andThen(Lock.inspect("key"), Effect.sleep(5_000))),
          "key"
        ).pipe(
          Effect.provideService(Transaction, "of the caller")
        )
      )
      yield* TestClock.adjust(6_000)
      assert.strictEqual(outcome(fiber), "Success")
      assert.deepStrictEqual(
        new Set(seen.map(([operation]) => operation)),
        new Set(["tryAcquire", "listen", "extend", "inspect", "release"])
      )
      assert.deepStrictEqual(seen.filter(([, transaction]) => transaction !== undefined), [])
    }))

  it.effect("in those of its layer, whoever provides what else later", () =>
    Effect.gen(function*() {
      const { seen, store } = yield* seeing
      const layer = LockBackend.layer(Effect.succeed(store)).pipe(
        Layer.provide(Layer.succeed(Transaction, "of the layer"))
      )
      yield* Lock.withLock(Effect.void, "key").pipe(
        Effect.provideService(Transaction, "of the caller"),
        Effect.provide(layer)
      )
      assert.deepStrictEqual(seen.map(([, transaction]) => transaction), ["of the layer", "of the layer"])
    }))

  it.effect("under the caller's span where it is asked for the caller", () =>
    Effect.gen(function*() {
      const { seen, store } = yield* seeing
      const tracer = Tracer.make({ span: (options) => new Tracer.NativeSpan(options) })
      const { run } = yield* makeProcess(store)
      yield* run(Lock.withLock(Effect.void, "key")).pipe(Effect.withSpan("caller"), Effect.withTracer(tracer))
      const [[operation, , span]] = seen
      assert.deepStrictEqual([operation, span], ["tryAcquire", "Lock.wait"])
    }))
})

describe("a lease that is too short to be renewed", () => {
  it.effect("is refused, not taken and lost", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      for (const expires of [1, 5, 9]) {
        const reason = the(yield* reasonOf(all.run(Lock.withLock(Effect.void, "key", { expires }))), "InvalidOptions")
        assert.strictEqual(reason.option, "expires")
        assert.include(reason.message, "10ms")
        yield* all.run(Lock.withLock(Effect.void, "key", { expires, renew: false }))
      }
      for (const expires of [10, 11, 15]) {
        const fiber = yield* all.start(Lock.withLock(Effect.sleep(300), "key", { expires }))
        for (let i = 0; i < 300; i++) yield* TestClock.adjust(1)
        yield* flush
        assert.strictEqual(outcome(fiber), "Success")
      }
      yield* assertClean(all, "key")
    }))
})
