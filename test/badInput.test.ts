/** What makes no sense is told as `InvalidOptions`, whoever is asked; nothing of it throws, dies, or becomes something else. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Layer, Schedule, type Scope, Stream } from "effect"
import { InMemoryBackend, Leader, Lock, type LockBackend, LockConfig, LockKey } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import * as BrowserBackend from "effect-lock/BrowserBackend"
import * as FileBackend from "effect-lock/FileBackend"
import * as MemcacheBackend from "effect-lock/MemcacheBackend"
import * as RedisBackend from "effect-lock/RedisBackend"
import * as SqlBackend from "effect-lock/SqlBackend"
import { Redis } from "effect/persistence"
import { SqlClient } from "effect/sql"
import { directory } from "./support/directory.ts"

type Program = Effect.Effect<unknown, unknown, LockBackend.LockBackend | Scope.Scope>

/** Whatever a program that is not type-checked passes. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Anything = any

const thrower = (name: string): object => ({
  get [name]() {
    throw new Error(`no ${name} for you`)
  }
})

const hostile = new Proxy({}, {
  get() {
    throw new Error("not yours")
  },
  has() {
    throw new Error("not yours")
  },
  ownKeys() {
    throw new Error("not yours")
  }
})

const circle: { self?: unknown } = {}
circle.self = circle

const values: Readonly<Record<string, unknown>> = {
  null: null,
  "an empty text": "",
  "a text": "nonsense",
  "a text of odd characters": "\u0000 \ud800 {} * ?",
  "a huge text": "x".repeat(100_000),
  "a number": 20,
  zero: 0,
  NaN,
  "a negative number": -1,
  "a small negative number": -0.4,
  infinity: Infinity,
  "negative infinity": -Infinity,
  "a huge number": 1e300,
  "a bigint": 20_000_000n,
  "a negative bigint": -5n,
  "a symbol": Symbol("s"),
  "a function": () => 1,
  "an empty list": [],
  "a long list": [1, 2, 3],
  "a list with NaN": [NaN, 1],
  "an empty object": {},
  "an object without a prototype": Object.create(null),
  "a circle": circle,
  "a date": new Date(0),
  true: true,
  "an infinite duration": Duration.infinity,
  "a negative duration": Duration.millis(-5),
  "a duration of an unknown unit": { secs: 1 },
  "a duration of NaN": { seconds: NaN },
  "a duration of text": { seconds: "a" },
  "a duration that throws": thrower("seconds"),
  "an object that throws": hostile,
  "an object whose text throws": {
    toString() {
      throw new Error("no text")
    }
  },
  "an object whose JSON throws": {
    toJSON() {
      throw new Error("no JSON")
    }
  },
  "an effect": Effect.void,
  "a schedule": Schedule.spaced("1 second")
}

const work = Effect.succeed("done")

const ticket = { key: "key", token: "t", fencingToken: 1, expires: Duration.seconds(1), goodFor: Duration.seconds(1) }

/** Options by their functions, and what they are given to. */
const functions: Readonly<Record<string, readonly [options: ReadonlyArray<string>, (options: Anything) => Program]>> = {
  withLock: [
    ["expires", "timeout", "retry", "renew", "awaitRelease", "reenter", "atLeast"],
    (options) => Lock.withLock(work, "key", options)
  ],
  "withLock, the key first": [["expires"], (options) => work.pipe(Lock.withLock("key", options))],
  once: [["failIfLocked", "share", "expires", "timeout"], (options) => Lock.once(work, "key", options)],
  withSharedLock: [["expires", "timeout", "renew"], (options) => Lock.withSharedLock(work, "key", options)],
  withPermits: [["limit", "permits", "expires"], (options) => Lock.withPermits(work, "key", options)],
  withLocks: [
    ["expires", "timeout", "retry", "renew", "awaitRelease"],
    (options) => Lock.withLocks(work, ["a", "b"], options)
  ],
  acquire: [["share", "expires", "timeout"], (options) => Lock.acquire("key", options)],
  tryAcquire: [["share", "expires"], (options) => Lock.tryAcquire("key", options)],
  detach: [["for"], (options) => Lock.withLock((lease) => Lock.detach(lease, options), "key")],
  adopt: [["expires", "timeout", "renew", "awaitRelease"], (options) =>
    Effect.flatMap(
      Lock.withLock((lease) => Lock.detach(lease), "key"),
      (ticket) => Lock.adopt(ticket, options)
    )],
  changes: [["look"], (options) => Stream.runHead(Lock.changes("key", options))],
  awaitFree: [["look", "timeout"], (options) => Lock.awaitFree("key", options)],
  list: [["prefix"], (options) => Stream.runCollect(Lock.list(options))],
  forceRelease: [["token"], (options) => Lock.forceRelease("key", options)],
  "Leader.lead": [["rest", "restart", "expires", "retry", "renew"], (options) => Leader.lead(work, "key", options)],
  "Leader.layer": [
    ["rest", "restart", "expires"],
    (options) => Layer.build(Leader.layer(Layer.effectDiscard(Effect.void), "key", options))
  ],
  "LockConfig.make": [
    ["expires", "timeout", "retry", "renew", "awaitRelease", "keyPrefix", "owner"],
    (options) => LockConfig.make(options)
  ],
  "LockConfig.provide": [["expires", "keyPrefix"], (options) => LockConfig.provide(work, options)],
  "LockConfig.layer": [["expires", "owner"], (options) => Layer.build(LockConfig.layer(options))]
}

/** What is no option, and is given to a function. */
const others: Readonly<Record<string, (value: Anything) => Program>> = {
  "key of withLock": (key) => Lock.withLock(work, key),
  "key of once": (key) => Lock.once(work, key),
  "key of withSharedLock": (key) => Lock.withSharedLock(work, key),
  "key of withPermits": (key) => Lock.withPermits(work, key, { limit: 2 }),
  "keys of withLocks": (keys) => Lock.withLocks(work, keys),
  "a key of withLocks": (key) => Lock.withLocks(work, ["a", key]),
  "key of acquire": (key) => Lock.acquire(key),
  "key of tryAcquire": (key) => Lock.tryAcquire(key),
  "key of inspect": (key) => Lock.inspect(key),
  "key of holders": (key) => Lock.holders(key),
  "key of changes": (key) => Stream.runHead(Lock.changes(key)),
  "key of awaitFree": (key) => Lock.awaitFree(key),
  "key of forceRelease": (key) => Lock.forceRelease(key),
  "key of Leader.lead": (key) => Leader.lead(work, key),
  "key of a ticket": (key) => Lock.adopt({ ...ticket, key }),
  "token of a ticket": (token) => Lock.adopt({ ...ticket, token }),
  "duration of a ticket": (expires) => Lock.adopt({ ...ticket, expires }),
  "duration of extend": (duration) => Lock.withLock((lease) => lease.extend(duration), "key")
}

const objects: Readonly<Record<string, (value: Anything) => Program>> = {
  "lease of detach": (lease) => Lock.detach(lease),
  "lease of guard": (lease) => Lock.guard(work, lease),
  ticket: (ticket) => Lock.adopt(ticket)
}

type AnyLayer = (options: Anything) => Layer.Layer<never, unknown>

/** Those of their options that are looked at before anything is reached. */
const layers: Readonly<Record<string, readonly [options: ReadonlyArray<string>, layer: AnyLayer]>> = {
  RedisBackend: [
    ["keyPrefix", "strictFencing", "url", "host", "port", "db", "username", "password", "tls", "ioredis"],
    RedisBackend.layer
  ],
  MemcacheBackend: [
    ["keyPrefix", "connectTimeout", "requestTimeout", "url", "servers", "username", "password"],
    MemcacheBackend.layer
  ],
  SqlBackend: [
    ["table", "url", "host", "port", "database", "username", "password", "ssl", "maxConnections", "pg"],
    (options) => SqlBackend.layer({ username: "app", ...options })
  ],
  FileBackend: [["directory", "poll", "keepIdle", "detectDead"], FileBackend.layer],
  BackendUrl: [["url"], ({ url }) => BackendUrl.layer(url)]
}

/** How it ends: as if it made sense, with what is wrong, or with what must not be. */
const ending = (make: () => Program) =>
  Effect.suspend(make).pipe(
    Effect.scoped,
    Effect.timeoutOption("2 seconds"),
    Effect.provide(InMemoryBackend.layerFresh),
    Effect.exit,
    Effect.map((exit) => {
      if (Exit.isSuccess(exit)) {
        return "fine"
      }
      const [reason] = exit.cause.reasons
      if (Cause.isFailReason(reason)) {
        const { reason: why } = reason.error as { readonly reason: { readonly _tag: string } }
        return why._tag === "LockLost" ? "fine" : why._tag
      }
      return Cause.pretty(exit.cause)
    })
  )

const isHarmless = (end: string) => end === "fine" || end === "InvalidOptions"

const invalid = (make: () => Program) =>
  Effect.map(Effect.flip(Effect.provide(Effect.scoped(Effect.suspend(make)), InMemoryBackend.layerFresh)), String)

describe("what makes no sense", () => {
  for (const [name, [options, make]] of Object.entries(functions)) {
    it.live(`${name}: options`, () =>
      Effect.gen(function*() {
        for (const [what, value] of Object.entries(values)) {
          const whole = yield* ending(() => make(value))
          assert(isHarmless(whole), `${what}: ${whole}`)
          if (typeof value !== "object" || value === null) assert.strictEqual(whole, "InvalidOptions", what)
          for (const option of options) {
            const usual = name === "withPermits" ? { limit: 2 } : {}
            const end = yield* ending(() => make({ ...usual, [option]: value }))
            assert(isHarmless(end), `${option} as ${what}: ${end}`)
          }
        }
        for (const option of options) {
          for (const options of [thrower(option), Object.create(thrower(option))]) {
            assert.strictEqual(yield* ending(() => make(options)), "InvalidOptions", option)
          }
        }
      }))
  }

  for (const [name, make] of Object.entries(others)) {
    it.live(name, () =>
      Effect.gen(function*() {
        for (const [what, value] of Object.entries(values)) {
          const end = yield* ending(() => make(value))
          assert(isHarmless(end), `${what}: ${end}`)
        }
      }))
  }

  for (const [name, make] of Object.entries(objects)) {
    it.live(name, () =>
      Effect.gen(function*() {
        for (const [what, value] of Object.entries(values)) {
          if (value === hostile) continue
          assert.strictEqual(yield* ending(() => make(value)), "InvalidOptions", what)
        }
      }))
  }

  for (const [name, [options, layer]] of Object.entries(layers)) {
    it.live(`${name}: options of the layer`, () =>
      Effect.gen(function*() {
        const root = yield* directory
        for (const [what, value] of Object.entries(values)) {
          // A text is connected to, and so is this host with TLS.
          if (typeof value === "string" || value === true || what.endsWith("throws")) continue
          for (const option of options) {
            const build = Layer.build(layer({ ...(name === "FileBackend" && { directory: root }), [option]: value }))
            const end = yield* ending(() => build as Program)
            assert(isHarmless(end), `${option} as ${what}: ${end}`)
            assert(typeof value !== "symbol" || end === "InvalidOptions", `${option} as ${what}: ${end}`)
          }
        }
      }))
  }

  it.effect("is no duration if it only looks like one", () =>
    Effect.gen(function*() {
      for (const timeout of [{}, { secs: 1 }, { seconds: "5" }, new Date(0), Duration.nanos(-5n), -5n, -0.4]) {
        const message = yield* invalid(() => Lock.withLock(work, "key", { timeout: timeout as Anything }))
        assert.include(message, `Invalid lock option "timeout"`)
      }
      for (const timeout of [{ seconds: 1, millis: undefined }, [1, 5], 5n, 0.4, { minutes: 1, seconds: 2 }]) {
        assert.strictEqual(yield* ending(() => Lock.withLock(work, "key", { timeout: timeout as Anything })), "fine")
      }
    }))

  it.effect("is said together with what would be right", () =>
    Effect.gen(function*() {
      const says = (make: (nonsense: Anything) => Program, nonsense: unknown, message: string) =>
        Effect.map(invalid(() => make(nonsense)), (said) => assert.include(said, message))

      yield* says((it) => Lock.withLock(work, "key", it), "5 seconds", `"options": got "5 seconds", expected an object`)
      yield* says(
        (it) => Lock.withLock(work, "key", it),
        thrower("retry"),
        `"options": got Error: no retry for you, expected an object that can be read`
      )
      yield* says(
        (it) => Lock.once(work, "key", { failIfLocked: it }),
        "yes",
        `"failIfLocked": got "yes", expected true or false`
      )
      yield* says((it) => Stream.runDrain(Lock.list({ prefix: it })), 5, `"prefix": got 5, expected a string`)
      yield* says((it) => Lock.forceRelease("key", { token: it }), null, `"token": got null, expected a string`)
      yield* says((it) => Lock.guard(work, it), {}, `"lease": got "object", expected a lease, as Lock.acquire gives it`)
      yield* says((it) => Lock.withLock(work, it), hostile, `"key": got an object that has no text, expected a string`)
    }))

  it.effect("is shown without the tokens that it may have", () =>
    Effect.gen(function*() {
      const { key, ...rest } = ticket
      const withSecret = { ...rest, tok: "s3cret", token: 7 as Anything, key }
      assert.notInclude(yield* invalid(() => Lock.adopt(withSecret)), "s3cret")
      assert.notInclude(yield* invalid(() => Lock.detach(withSecret as Anything)), "s3cret")
      assert.notInclude(yield* invalid(() => Lock.guard(work, withSecret as Anything)), "s3cret")
    }))

  it.effect("is no URL where options go, which would be looked for on this host", () =>
    Effect.gen(function*() {
      const layers: ReadonlyArray<(options: Anything) => Layer.Layer<never, unknown>> = [
        RedisBackend.layer,
        SqlBackend.layer,
        MemcacheBackend.layer,
        FileBackend.layer,
        BrowserBackend.layer
      ]
      for (const layer of layers) {
        for (const [given, shown] of [["redis://:s3cret@host", "a string"], [null, "null"], [7, "a number"]]) {
          const error = yield* Effect.flip(Effect.scoped(Layer.build(layer(given))))
          assert.match(String(error), new RegExp(`"options": got ${shown}, expected an object, such as \\{ \\w+: "`))
          assert.notInclude(JSON.stringify(error), "s3cret")
        }
      }
      const error = yield* Effect.flip(Effect.scoped(Layer.build(FileBackend.layer(undefined as Anything))))
      assert.match(String(error), /"directory": got undefined, expected the path of a directory/)
    }))

  it.effect("is none of the options beside a client of the program's, whose default would be used", () =>
    Effect.gen(function*() {
      const sql = Effect.provideService(SqlClient.SqlClient, {} as SqlClient.SqlClient)
      const redis = Effect.provideService(Redis.Redis, {} as Redis.Redis["Service"])
      const makes: Readonly<Record<string, (options: Anything) => Effect.Effect<unknown, unknown, Scope.Scope>>> = {
        createTable: SqlBackend.createTable,
        migrations: (options) => sql(SqlBackend.migrations(options)),
        makeStoreSqlClient: (options) => sql(SqlBackend.makeStoreSqlClient(options)),
        makeStoreRedis: (options) => redis(RedisBackend.makeStoreRedis(options))
      }
      for (const [name, make] of Object.entries(makes)) {
        for (const [given, shown] of [["locks", "a string"], [null, "null"], [7, "a number"]]) {
          const error = yield* Effect.flip(Effect.scoped(make(given)))
          assert.include(String(error), `"options": got ${shown}, expected an object, such as {`, name)
        }
      }
      const error = yield* Effect.flip(Effect.scoped(makes.makeStoreRedis({ cluster: "yes" })))
      assert.include(String(error), `"cluster": got a string, expected true or false`)
    }))

  it.effect("is no client of another package", () =>
    Effect.gen(function*() {
      const others = [undefined, null, "localhost", {}, { servers: ["localhost:11211"] }, {
        servers: ["a"],
        options: {}
      }]
      for (const other of others) {
        const error = yield* Effect.flip(
          Effect.scoped(Effect.suspend(() => MemcacheBackend.makeStoreClient(other as Anything)))
        )
        assert.include(String(error), `"client": got something else, expected a Client of memjs`)
        const again = yield* Effect.flip(
          Effect.scoped(Effect.suspend(() => RedisBackend.makeStoreClient(other as Anything)))
        )
        assert.include(String(again), "expected a Redis or Cluster of ioredis")
      }
    }))

  it.effect("is looked at once, when the call is made", () =>
    Effect.gen(function*() {
      let reads = 0
      const options = {
        get renew() {
          if (++reads > 1) throw new Error("once is enough")
          return true
        }
      }
      const call = Lock.withLock(work, "key", options)
      assert.strictEqual(yield* call, "done")
      assert.strictEqual(yield* call, "done")
    }).pipe(Effect.provide(InMemoryBackend.layerFresh)))

  it("is no part of a key", () => {
    const template: (args: Anything) => string = LockKey.template("report-{of}")
    for (const  of of[{ id: 1 }, [1], () => 1, Symbol("s"), hostile]) {
      assert.throws(() => template({ of }), /argument "of" is of type (object|function|symbol), and has to be one of/)
    }
    for (const args of [null, undefined, "of", 5]) assert.throws(() => template(args), `argument "of" is missing`)
    for (const text of [null, 5, {}, hostile]) {
      assert.throws(() => LockKey.template(text as Anything), "A lock key template has to be a string, and not")
    }
  })
})
