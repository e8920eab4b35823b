/** What comes from outside is believed only if it is exactly ours. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option } from "effect"
import { Lock } from "effect-lock"
import type { BackendFailure, LockError } from "effect-lock/LockError"
import * as RedisBackend from "effect-lock/RedisBackend"
import { Redis as RedisService } from "effect/persistence"
import { Cluster, Redis } from "ioredis"
import { Redis as Redis5 } from "ioredis5"
import { inspect } from "node:util"
import * as Failure from "../../src/internal/redis/failure.ts"
import * as Reply from "../../src/internal/redis/reply.ts"
import { claimMillis } from "../../src/internal/redis/scripts.ts"
import { client, closing, redis, until } from "../support/redis.ts"

const at = 1_795_803_602_394_779

const odd: ReadonlyArray<unknown> = [
  undefined,
  null,
  "OK",
  "QUEUED",
  "",
  {},
  [],
  NaN,
  Infinity,
  -1,
  0.5,
  1,
  "1",
  "1e3",
  true,
  [1],
  [[1]],
  [null, null],
  new Map(),
  2 ** 60,
  -(2n ** 70n)
]

describe("replies", () => {
  it("to an attempt", () => {
    const held = { token: "a", restMillis: 5, waiters: undefined }
    assert.deepStrictEqual(Reply.attempted(at, 2), { micros: at, refused: new Map() })
    assert.deepStrictEqual(Reply.attempted(String(at), 2), { micros: at, refused: new Map() })
    assert.deepStrictEqual(Reply.attempted([at, [2, 5, "a"], [1]], 2), {
      micros: at,
      refused: new Map([[1, held], [0, null]])
    })
    for (
      const reply of [...odd, 0, [at, [3, 5, "a"]], [at, [0, 5, "a"]], [at, [1, 5]], [at, [1, "x", "a"]], [at, [
        1,
        5,
        1
      ]], [
        7,
        1
      ]]
    ) {
      assert.isUndefined(Reply.attempted(reply, 2), inspect(reply))
    }
  })
  it("to a claim", () => {
    assert.deepStrictEqual(Reply.claimed([1, String(at)]), { micros: at, holder: undefined })
    assert.deepStrictEqual(Reply.claimed([0, at, 5, "a", 1])?.holder, { token: "a", restMillis: 5, waiters: 1 })
    assert.deepStrictEqual(Reply.claimed([0, at, 5, "", 1])?.holder, { token: undefined, restMillis: 5, waiters: 1 })
    for (const reply of [...odd, 0, 1, [1, 0], [1, at, 1], [0, at], [0, at, 5, "a"], [0, at, 5, null, 1], [2, at]]) {
      assert.isUndefined(Reply.claimed(reply), inspect(reply))
    }
  })
  it("to a release, an extension and a look", () => {
    assert.deepStrictEqual(Reply.among(0, 2), { others: new Set<number>(), handed: [] })
    assert.deepStrictEqual(Reply.among([2, -1], 2), { others: new Set([1]), handed: [0] })
    for (
      const reply of [...odd.filter((reply) => inspect(reply) !== "[ 1 ]"), 1, [3], [0], [
        "x"
      ]]
    ) {
      assert.isUndefined(Reply.among(reply, 2), inspect(reply))
    }
    assert.deepStrictEqual(Reply.looked([1, 5, -1], 2), { listeners: 1, rests: [5, -1] })
    for (const reply of [...odd, 0, [1, 5], [1, 5, null], [1, 5, 5, 5]]) {
      assert.isUndefined(Reply.looked(reply, 2), inspect(reply))
    }
  })
  it("to a look at the holder", () => {
    assert.isNull(Reply.inspected(null, -2, 0))
    assert.deepStrictEqual(Reply.inspected("a", 5, 1), { token: "a", restMillis: 5, waiters: 1 })
    assert.deepStrictEqual(Reply.inspected("a", -1, 0), { token: "a", restMillis: undefined, waiters: 0 })
    for (const [holder, rest] of [[{}, 5], ["a", "QUEUED"], [1, 1], ["a", undefined]]) {
      assert.isUndefined(Reply.inspected(holder, rest, 0))
    }
  })
})

describe("messages", () => {
  it("are four words", () => {
    const micros = at
    assert.deepStrictEqual(Reply.message(`1-a.b.c ${micros} 500 app:lock:{a b}`), {
      token: "1-a.b.c",
      micros,
      leaseMillis: 500,
      lock: "app:lock:{a b}"
    })
    assert.strictEqual(Reply.message(`a ${micros} 3000 lock:{k}`)?.leaseMillis, claimMillis, "no claim is longer")
    for (
      const text of [
        "",
        "hello",
        "hello you",
        `a ${micros} 500`,
        `a ${micros} 500 `,
        `a x 500 lock:{k}`,
        `a NaN NaN lock:{k}`,
        `a 0 500 lock:{k}`,
        `a ${micros} -1 lock:{k}`,
        `a ${micros} 1e3 lock:{k}`,
        `a 99999999999999999 500 lock:{k}`,
        `2 a ${micros} 500 lock:{k}`,
        "\n".repeat(4),
        "x".repeat(100_000),
        null,
        undefined,
        Buffer.from("a")
      ]
    ) assert.isUndefined(Reply.message(text), inspect(text))
  })

  it.live("that are none harm nobody who waits", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const layer = RedisBackend.layer({ host: "127.0.0.1", port })
      yield* Effect.promise(() => look.set("lock:{k}", "somebody", "PX", 600_000))
      let inside = 0
      const waiter = yield* Effect.forkChild(
        Lock.withLock(Effect.sync(() => ++inside), "k", { timeout: "Infinity" }).pipe(Effect.provide(layer))
      )
      const channels = Effect.promise(() => look.pubsub("CHANNELS", "lock:ch:*") as Promise<Array<string>>)
      yield* until(Effect.promise(async () => (await look.zcard("lock:{k}:q")) === 1))
      yield* until(Effect.map(channels, ({ length }) => length === 1))
      const [channel] = yield* channels
      const [entry] = yield* Effect.promise(() => look.zrange("lock:{k}:q", "0", "-1"))
      const [token] = entry.split(",")
      const now = `${Date.now()}000`
      for (
        const text of [
          "",
          "hello",
          "a b c",
          `${token} x y z`,
          `${token} NaN NaN lock:{k}`,
          `${token} ${now} 600 lock:{another}`,
          `${token} ${now} 0 lock:{k}`,
          `2 ${token} ${now} 600 lock:{k}`
        ]
      ) yield* Effect.promise(() => look.publish(channel, text))
      yield* Effect.promise(() => look.publish(channel, Buffer.from([0xff, 0, 0xfe])))
      yield* Effect.sleep("200 millis")
      assert.strictEqual(inside, 0)
      yield* Effect.promise(() => look.del("lock:{k}"))
      assert.strictEqual(yield* Fiber.join(waiter), 1)
    }))

  it.live("tell a waiter of the first release what it understands, and it tells us", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const store = yield* RedisBackend.makeStore({ host: "127.0.0.1", port })
      const heard: Array<string> = []
      const old = yield* client(port)
      old.on("message", (_channel, message) => heard.push(message))
      yield* Effect.promise(() => old.subscribe("lock:ch:old"))
      const claim = { key: "k", token: "p.1", expiresMillis: 5000, wait: false }
      yield* store.tryAcquire(claim)
      yield* Effect.promise(() => look.zadd("lock:{k}:q", 1, "old.1,5000,1"))
      yield* store.release("k", "p.1")
      yield* until(Effect.sync(() => heard.length > 0))
      assert.match(heard[0], /^old\.1 \d{16} 700 lock:\{k\}$/)
      // which has it from then on
      yield* Effect.promise(() => look.set("lock:{k}", "old.1", "PX", 600_000))
      let granted = false
      yield* store.listen!("k", "p.2", () => granted = true)
      yield* store.tryAcquire({ ...claim, token: "p.2", wait: true })
      yield* until(Effect.promise(async () => (await look.zrange("lock:{k}:q", "0", "-1")).join() === "p.2,5000,1"))
      // as its scripts do
      yield* Effect.promise(() => look.del("lock:{k}:q"))
      yield* Effect.promise(() => look.set("lock:{k}", "p.2", "PX", 3000))
      yield* Effect.promise(() => look.publish("lock:ch:p", `p.2 ${Date.now()}000 3000 lock:{k}`))
      yield* until(Effect.sync(() => granted))
      assert.strictEqual((yield* store.tryAcquire({ ...claim, token: "p.2", wait: true }))._tag, "Acquired")
    }).pipe(Effect.scoped))
})

const failureOf = (exit: Exit.Exit<unknown, LockError>): BackendFailure => {
  const reason = Option.getOrUndefined(Exit.findErrorOption(exit))?.reason
  return reason?._tag === "BackendFailure" ? reason : assert.fail(`no failure: ${inspect(exit)}`) as never
}

describe("clients that answer something else", () => {
  const clients = [
    { name: "ioredis 6", make: (port: number) => new Redis(port, "127.0.0.1") },
    { name: "ioredis 5", make: (port: number) => new Redis5(port, "127.0.0.1") }
  ]
  for (const { make, name } of clients) {
    it.live(`inside MULTI nobody holds (${name})`, () =>
      Effect.gen(function*() {
        const { port } = yield* redis()
        const own = yield* closing(() => make(port))
        yield* Effect.promise(() => own.ping())
        yield* Effect.promise(async () => own.multi({ pipeline: false }))
        const attempt = Lock.withLock(Effect.die("inside"), "k", { timeout: "1 second" })
        const exit = yield* Effect.exit(Effect.provide(attempt, RedisBackend.layerClient(own)))
        const failure = failureOf(exit)
        assert.deepStrictEqual([failure.kind, failure.retryable], ["Unknown", false])
        assert.include(failure.message, "MULTI")
      }))
  }

  for (const reply of odd) {
    it.live(`nobody holds by ${inspect(reply)}`, () =>
      Effect.gen(function*() {
        const service = yield* RedisService.make(
          {
            send: <A>() => Effect.succeed(reply as A),
            connect: Effect.never,
            subscribe: () => Effect.never
          } as unknown as Parameters<typeof RedisService.make>[0]
        )
        const store = yield* Effect.provideService(RedisBackend.makeStoreRedis(), RedisService.Redis, service)
        for (const wait of [false, true]) {
          const attempt = yield* Effect.exit(
            store.tryAcquire({ key: "k", token: "p.1", expiresMillis: 1000, wait })
          )
          assert.strictEqual(attempt._tag, "Failure", `${wait}`)
        }
        // which says that the first was not ours
        if (inspect(reply) === "[ 1 ]") return
        const holding = { key: "k", token: "p.1", expiresMillis: 1000 }
        assert.strictEqual((yield* Effect.exit(store.extend(holding)))._tag, "Failure")
        assert.strictEqual((yield* Effect.exit(store.release("k", "p.1")))._tag, "Failure")
      }).pipe(Effect.scoped))
  }

  it.effect("something that is no client is refused when the layer is built", () =>
    Effect.gen(function*() {
      const none = { on: () => {}, off: () => {}, get: () => {}, eval: () => {} }
      for (const client of [none, {}, undefined, null]) {
        const error = yield* Effect.flip(RedisBackend.makeStoreClient(client as unknown as RedisBackend.Client))
        assert.strictEqual(error.reason._tag, "InvalidOptions")
        assert.include(error.message, "TestBackend")
      }
    }).pipe(Effect.scoped))
})

describe("what is told of a failure", () => {
  const secret = "hunter2"
  it("is rebuilt from words, whatever hangs on it", () => {
    const node = Object.assign(new Error("WRONGPASS invalid username-password pair or user is disabled."), {
      name: "ReplyError",
      command: { name: "auth", args: [secret] }
    })
    const all = Object.assign(new Error("Failed to refresh slots cache."), {
      name: "ClusterAllFailedError",
      lastNodeError: node,
      options: { password: secret }
    })
    const failure = Failure.make("redis", "acquire", "k", all)
    assert.deepStrictEqual([failure.kind, failure.retryable], ["Unauthorized", false])
    assert.notInclude(inspect(failure, { depth: 20, showHidden: true }) + JSON.stringify(failure), secret)
    const nameless = new AggregateError([new Error("connect ECONNREFUSED ::1:6379"), new Error("y")], "")
    assert.include(Failure.make("redis", "acquire", "k", nameless).message, "ECONNREFUSED")
  })

  it.live("a wrong password of a cluster is told as one, and never shown", () =>
    Effect.gen(function*() {
      const { port } = yield* redis("--requirepass", "right")
      const nodes = [{ host: "127.0.0.1", port }]
      const own = yield* closing(() => new Cluster(nodes, { redisOptions: { password: secret } }))
      const attempt = Lock.withLock(Effect.void, "k", { timeout: "1 second" })
      const exit = yield* Effect.exit(Effect.provide(attempt, RedisBackend.layerClient(own)))
      assert.strictEqual(failureOf(exit).kind, "Unauthorized")
      assert.notInclude(inspect(exit, { depth: 20, showHidden: true }), secret)
    }))
})

describe("leases and values out of bounds", () => {
  it.live("no lease is longer than a store can keep", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* Effect.gen(function*() {
        const exit = yield* Effect.exit(Lock.withLock(Effect.void, "k", { expires: 1e19 }))
        assert.strictEqual(Option.getOrUndefined(Exit.findErrorOption(exit))?.reason._tag, "InvalidOptions")
        yield* Effect.scoped(Effect.gen(function*() {
          const lease = yield* Lock.acquire("k")
          const extended = yield* Effect.flip(lease.extend(1e19))
          assert.strictEqual(extended.reason._tag, "InvalidOptions")
          assert.strictEqual(yield* Effect.promise(() => look.exists("lock:{k}")), 1)
        }))
        assert.strictEqual(yield* Lock.withLock(Effect.succeed(1), "long", { expires: "36500 days" }), 1)
      }).pipe(Effect.provide(RedisBackend.layer({ host: "127.0.0.1", port })))
    }))

  it.live("a value that is no text is no holder that could be freed", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* Effect.promise(() => look.set("lock:{k}", Buffer.from([0xff, 0xfe, 0x80]), "PX", 60_000))
      yield* Effect.gen(function*() {
        const free = yield* Effect.exit(Lock.withLock(Effect.void, "k", { timeout: 0 }))
        assert.strictEqual(Option.getOrUndefined(Exit.findErrorOption(free))?.reason._tag, "LockTimeout")
        assert.strictEqual(failureOf(yield* Effect.exit(Lock.forceRelease("k"))).kind, "WrongType")
        assert.strictEqual(failureOf(yield* Effect.exit(Lock.inspect("k"))).kind, "WrongType")
      }).pipe(Effect.provide(RedisBackend.layer({ host: "127.0.0.1", port })))
    }))

  it.live("eleven backends on one client warn of nothing", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const own = yield* client(port)
      const warnings: Array<unknown> = []
      // Whatever else this process is warned of meanwhile.
      const warn = (warning: object) => {
        if ("emitter" in warning && warning.emitter === own) warnings.push(warning)
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => process.on("warning", warn)),
        () => Effect.sync(() => process.off("warning", warn))
      )
      const most = own.getMaxListeners()
      yield* Effect.scoped(
        Effect.forEach(Array.from({ length: 12 }), () => Layer.build(Layer.fresh(RedisBackend.layerClient(own))))
      )
      yield* Effect.sleep("20 millis")
      assert.deepStrictEqual(warnings, [])
      assert.strictEqual(own.getMaxListeners(), most)
    }))
})
