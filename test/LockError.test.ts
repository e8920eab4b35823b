import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Formatter, Schema } from "effect"
import { InMemoryBackend, Lock, LockBackend, LockError } from "effect-lock"
import { inspect } from "node:util"

const { BackendFailure, Holder, InvalidOptions, LockLost, LockReentered, LockTimeout } = LockError

const holder = new Holder({
  token: "123-abc.def.ghi",
  owner: "123-abc",
  since: DateTime.makeUnsafe(1_700_000_000_000),
  remaining: Duration.seconds(5),
  waiters: 3
})

const reasons: Record<string, readonly [LockError.LockErrorReason, message: string]> = {
  "a timeout that names the holder": [
    new LockTimeout({ key: "k", timeout: Duration.seconds(10), waited: Duration.millis(10_002), holder }),
    `Lock "k" was not acquired after waiting 10s 2ms: it is held by 123-abc since 2023-11-14T22:13:20.000Z` +
    ` (lease ends in 5s)`
  ],
  "a timeout that names a holder with an odd time left": [
    new LockTimeout({
      key: "k",
      timeout: Duration.zero,
      waited: Duration.zero,
      holder: new Holder({ token: "a", owner: "b", remaining: Duration.millis(61_001) })
    }),
    `Lock "k" was not acquired: it is held by b (lease ends in 1m 2s)`
  ],
  "a timeout that names a holder whose lease is nearly over": [
    new LockTimeout({
      key: "k",
      timeout: Duration.zero,
      waited: Duration.zero,
      holder: new Holder({ token: "a", owner: "b", remaining: Duration.millis(999) })
    }),
    `Lock "k" was not acquired: it is held by b (lease ends in 999ms)`
  ],
  "a timeout of zero without a holder": [
    new LockTimeout({ key: "k", timeout: Duration.zero, waited: Duration.zero }),
    `Lock "k" was not acquired: it is held by another`
  ],
  "a timeout whose holder has a foreign token": [
    new LockTimeout({
      key: "k",
      timeout: Duration.zero,
      waited: Duration.zero,
      holder: new Holder({ token: "foreign" })
    }),
    `Lock "k" was not acquired: it is held by foreign…`
  ],
  "an infinite timeout": [
    new LockTimeout({ key: "k", timeout: Duration.infinity, waited: Duration.millis(3) }),
    `Lock "k" was not acquired after waiting 3ms: it is held by another`
  ],
  "a lease that expired": [
    new LockLost({ key: "k", why: "Expired", held: Duration.seconds(10) }),
    `Lock "k" was lost after 10s: its lease ended and no renewal got through`
  ],
  "a lease that was taken": [
    new LockLost({ key: "k", why: "Taken", held: Duration.zero }),
    `Lock "k" was lost after 0ms: the backend no longer knows us as its holder`
  ],
  "a lease whose backend was closed": [
    new LockLost({ key: "k", why: "Closed", held: Duration.zero }),
    `Lock "k" was lost after 0ms: its backend was closed`
  ],
  "a lease that was released": [
    new LockLost({ key: "k", why: "Released", held: Duration.zero }),
    `Lock "k" was lost after 0ms: it had been released`
  ],
  "a lease whose renewals failed": [
    new LockLost({
      key: "k",
      why: "Expired",
      held: Duration.seconds(10),
      failure: new BackendFailure({
        backend: "redis",
        operation: "extend",
        kind: "ReadOnly",
        retryable: true,
        key: "k",
        description: "a replica"
      })
    }),
    `Lock "k" was lost after 10s: its lease ended and no renewal got through` +
    ` (the last one failed: redis could not extend lock "k" (ReadOnly): a replica)`
  ],
  "a timeout of one who holds the lock": [
    new LockTimeout({ key: "k", timeout: Duration.zero, waited: Duration.zero, holder, byCaller: true }),
    `Lock "k" was not acquired: it is held by the work around the call, ` +
    "123-abc since 2023-11-14T22:13:20.000Z (lease ends in 5s)"
  ],
  "a lock within itself": [
    new LockReentered({ key: "k", held: "alone", wanted: "alone" }),
    `Lock "k" is held (alone) by the work that asks for it (alone), which would wait for itself; ` +
    "`Lock.withLock` with `reenter: true` would run under the lease that is there"
  ],
  "a lock that is shared, to be had alone": [
    new LockReentered({ key: "k", held: "shared", wanted: "alone" }),
    `Lock "k" is held (shared) by the work that asks for it (alone), which would wait for itself; ` +
    "who shares a lock gives it back before having it alone"
  ],
  "a failure with everything": [
    new BackendFailure({
      backend: "redis",
      operation: "acquire",
      kind: "Loading",
      retryable: true,
      key: "k",
      description: "busy",
      cause: new Error("LOADING")
    }),
    `redis could not acquire lock "k" (Loading): busy`
  ],
  "a failure with its cause": [
    new BackendFailure({
      backend: "redis",
      operation: "inspect",
      kind: "Unknown",
      retryable: false,
      cause: new Error("x")
    }),
    "redis could not inspect (Unknown): x"
  ],
  "a failure without a cause": [
    new BackendFailure({ backend: "redis", operation: "inspect", kind: "Unknown", retryable: false }),
    "redis could not inspect (Unknown)"
  ],
  "an invalid option": [
    new InvalidOptions({ option: "expires", value: "0", expected: "more" }),
    `Invalid lock option "expires": got 0, expected more`
  ]
}

describe("LockError", () => {
  const codec = Schema.toCodecJson(LockError.LockError)

  for (const [name, [reason, message]] of Object.entries(reasons)) {
    it.effect(`${name} travels as JSON and comes back the same`, () =>
      Effect.gen(function*() {
        const error = new LockError.LockError({ reason })
        const json = JSON.stringify(yield* Schema.encodeEffect(codec)(error))
        const back = yield* Schema.decodeUnknownEffect(codec)(JSON.parse(json))
        assert.instanceOf(back, LockError.LockError)
        assert.strictEqual(back.reason._tag, reason._tag)
        assert.strictEqual(back.message, error.message)
        assert.deepStrictEqual(
          yield* Schema.encodeEffect(codec)(back),
          JSON.parse(json)
        )
      }))

    it(`${name} arrives elsewhere with its message`, () => {
      const error = new LockError.LockError({ reason })
      for (const one of [error, reason]) {
        const cloned: Error = structuredClone(one)
        assert.strictEqual(cloned.message, message)
        assert.strictEqual(JSON.parse(JSON.stringify(one)).message, message)
        assert.strictEqual({ ...one }.message, message)
      }
    })

    it(`${name} says: ${message}`, () => {
      const error = new LockError.LockError({ reason })
      assert.strictEqual(error.message, message)
      assert.include(String(error), message)
      assert.instanceOf(error, Error)
    })
  }

  it.effect("keeps an infinite timeout and an infinite lease through JSON", () =>
    Effect.gen(function*() {
      const error = new LockError.LockError({
        reason: new LockTimeout({
          key: "k",
          timeout: Duration.infinity,
          waited: Duration.zero,
          holder: new Holder({ token: "t", remaining: Duration.infinity })
        })
      })
      const json = JSON.stringify(yield* Schema.encodeEffect(codec)(error))
      const { reason } = yield* Schema.decodeUnknownEffect(codec)(JSON.parse(json))
      if (reason._tag !== "LockTimeout") return assert.fail(reason._tag)
      assert.strictEqual(Duration.toMillis(reason.timeout), Infinity)
      assert.strictEqual(Duration.toMillis(reason.holder!.remaining!), Infinity)
    }))

  it("shows a holder in JSON with plain times, and not its token", () => {
    const token = "4711-Ab12Cd34-_56.loyw3v28.Xy12345678.web-3-4711"
    const seen = new Holder({
      token,
      owner: "web-3-4711",
      since: DateTime.makeUnsafe(1_700_000_000_000),
      remaining: Duration.seconds(5),
      waiters: 3
    })
    const plain = {
      owner: "web-3-4711",
      since: "2023-11-14T22:13:20.000Z",
      remainingMillis: 5_000,
      waiters: 3,
      token: "4711-Ab12Cd34-_56…"
    }
    assert.deepStrictEqual(JSON.parse(JSON.stringify(seen)), plain)
    const timeout = new LockTimeout({ key: "k", timeout: Duration.zero, waited: Duration.zero, holder: seen })
    assert.deepStrictEqual(JSON.parse(JSON.stringify(timeout)).holder, plain)
    const error = new LockError.LockError({ reason: timeout })
    for (
      const shown of [timeout.message, ...[seen, timeout, error].flatMap((u) => [Formatter.format(u), inspect(u)])]
    ) {
      assert.notInclude(shown, "Xy12345678")
      assert.include(shown, "web-3-4711")
    }
    assert.deepStrictEqual(JSON.parse(JSON.stringify({ ...seen.toJSON(), token: seen.token })), { ...plain, token })
    assert.deepStrictEqual(
      JSON.parse(JSON.stringify(new Holder({ token: "a-foreign-token", remaining: Duration.infinity }))),
      { token: "a-foreig…" }
    )
  })

  it("passes on the cause of a failure, and of nothing else", () => {
    const cause = new Error("x")
    const failure = new BackendFailure({ backend: "b", operation: "o", kind: "Unknown", retryable: false, cause })
    assert.strictEqual(new LockError.LockError({ reason: failure }).cause, cause)
    assert.isUndefined(new LockError.LockError({ reason: reasons["an invalid option"][0] }).cause)
  })

  it("knows its own", () => {
    const [reason] = reasons["an invalid option"]
    assert.isTrue(LockError.isLockError(new LockError.LockError({ reason })))
    for (const other of [reason, new Error("x"), undefined, { _tag: "LockError" }]) {
      assert.isFalse(LockError.isLockError(other))
    }
  })

  it.effect("is handled reason by reason", () =>
    Effect.gen(function*() {
      for (const [reason] of Object.values(reasons)) {
        const tag = yield* Effect.fail(new LockError.LockError({ reason })).pipe(
          Effect.catchReasons("LockError", {
            LockTimeout: () => Effect.succeed("LockTimeout"),
            LockLost: () => Effect.succeed("LockLost"),
            LockReentered: () => Effect.succeed("LockReentered"),
            BackendFailure: () => Effect.succeed("BackendFailure"),
            InvalidOptions: () => Effect.succeed("InvalidOptions")
          })
        )
        assert.strictEqual(tag, reason._tag)
      }
    }))

  it.effect("encodes an infinite timeout as a word, also where the schema is used as it is", () =>
    Effect.gen(function*() {
      const error = new LockError.LockError({ reason: reasons["an infinite timeout"][0] })
      for (const schema of [LockError.LockError, codec]) {
        const json = JSON.stringify(yield* Schema.encodeUnknownEffect(schema)(error))
        assert.include(json, `"timeout":"Infinity"`)
        const back = yield* Schema.decodeUnknownEffect(schema)(JSON.parse(json))
        assert.isTrue(back.reason._tag === "LockTimeout" && Duration.toMillis(back.reason.timeout) === Infinity)
      }
    }))

  describe("points to the program", () => {
    const stackOf = (error: LockError.LockError) => (error.stack ?? "").split("\n").slice(1)

    const failing: Record<string, Effect.Effect<unknown, LockError.LockError, LockBackend.LockBackend>> = {
      "a timeout": Lock.withLock(Effect.void, "held", { timeout: 0 }),
      "a timeout of once": Lock.once(Effect.void, "held", { failIfLocked: true }),
      "a timeout after waiting": Lock.withLock(Effect.void, "held", { timeout: 5 }),
      "a loss": Lock.withLock(Effect.andThen(Lock.forceRelease("key"), Effect.never), "key"),
      "a lock within itself": Lock.withLock(Lock.withLock(Effect.void, "key"), "key"),
      "a timeout of several": Lock.withLocks(Effect.void, ["free", "held"], { timeout: 5 }),
      "a key that is not seen free": Lock.awaitFree("held", { timeout: 5 }),
      "a ticket that is no longer good": Effect.scoped(Lock.adopt(
        new Lock.Ticket({
          key: "held",
          token: "old",
          fencingToken: 1,
          expires: Duration.seconds(1),
          goodFor: Duration.seconds(1)
        })
      ))
    }
    for (const [name, call] of Object.entries(failing)) {
      it.live(`of ${name}, to where it was called, and to nothing of ours`, () =>
        Effect.gen(function*() {
          const inner = Effect.fn("chargeCard")(function*() {
            return yield* call
          })
          const outer = Effect.fn("handleOrder")(function*() {
            return yield* inner()
          })
          const store = yield* InMemoryBackend.makeStore
          yield* store.tryAcquire({ key: "held", token: "other", expiresMillis: 60_000, wait: false })
          const backend = yield* LockBackend.make(store)
          const error = yield* Effect.flip(Effect.provideService(outer(), LockBackend.LockBackend, backend))
          const stack = stackOf(error)
          assert.match(stack[0], /^ {4}at chargeCard \(.*LockError\.test\.ts/)
          assert.isTrue(
            stack.some((line) => /^ {4}at handleOrder \(.*LockError\.test\.ts/.test(line)),
            stack.join("\n")
          )
          assert.notInclude(stack.join("\n"), "internal")
          assert.notInclude(error.reason.stack ?? "", "internal")
        }).pipe(Effect.scoped))
    }
  })
})
