/** Fencing tokens that rise from one server to another, whose clock is behind. */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, type Context, Duration, Effect, Fiber, Layer, type Scope } from "effect"
import { Lock, type LockBackend } from "effect-lock"
import type { LockError } from "effect-lock/LockError"
import * as RedisBackend from "effect-lock/RedisBackend"
import { conformance } from "effect-lock/testing"
import type { Redis } from "ioredis"
import { directory } from "../support/directory.ts"
import { proxy } from "../support/proxy.ts"
import { client, cluster, redis, shared, until } from "../support/redis.ts"
import { canSkew, skewedRedis } from "../support/skew.ts"

type Backend = Context.Context<LockBackend.LockBackend>

const backend = (options: RedisBackend.Options): Effect.Effect<Backend, LockError, Scope.Scope> =>
  Layer.build(Layer.fresh(RedisBackend.layer({ host: "127.0.0.1", ...options })))

const token = (context: Backend, key = "k") =>
  Effect.provide(
    Lock.withLock((lease) => Effect.succeed(lease.fencingToken), key, { timeout: "2 minutes" }),
    context
  )

const behindBy = (look: Redis, other: Redis) =>
  Effect.promise(async () => Number((await look.time())[0]) - Number((await other.time())[0]))

/** How far what was written has come. */
const offsetOf = async (look: Redis) => Number(/^master_repl_offset:(\d+)/m.exec(await look.info("replication"))?.[1])

describe.skipIf(!canSkew)("fencing tokens", () => {
  for (const strictFencing of [false, true]) {
    it.live(
      `${strictFencing ? "rise" : "fall"} when a server takes over whose clock is behind (strict: ${strictFencing})`,
      () =>
        Effect.gen(function*() {
          const one = yield* redis("--repl-diskless-sync-delay", "0")
          const other = yield* skewedRedis(-40, "--replicaof", "127.0.0.1", String(one.port))
          const [look, lookOther] = [yield* client(one.port), yield* client(other.port)]
          yield* until(
            Effect.promise(async () => (await lookOther.info("replication")).includes("master_link_status:up"))
          )
          assert.isAtLeast(yield* behindBy(look, lookOther), 20)
          const between = yield* proxy(one.port)
          const options = { port: between.port, strictFencing }
          const [first, second] = [yield* backend(options), yield* backend(options)]
          const before = [yield* token(first), yield* token(second)]
          // a hand-over within the process is a token more
          before.push(
            ...yield* Effect.all([token(first), token(first), token(first)], { concurrency: "unbounded" })
          )
          yield* until(Effect.promise(async () => (await look.keys("lock:{k}")).length === 0))
          // A replica that has heard of nothing yet has no key either.
          const written = yield* Effect.promise(() => offsetOf(look))
          yield* until(Effect.promise(async () => (await offsetOf(lookOther)) >= written))
          yield* Effect.promise(() => lookOther.replicaof("NO", "ONE"))
          between.target = other.port
          yield* Effect.promise(() => look.call("client", "kill", "type", "normal"))
          const after = [yield* token(second), yield* token(first)]
          // and from one that waits to the next
          const lease = yield* Effect.provide(Lock.acquire("k"), first)
          const waiter = yield* Effect.forkChild(token(second))
          yield* until(Effect.promise(async () => (await lookOther.zcard("lock:{k}:q")) === 1))
          after.push(lease.fencingToken)
          yield* lease.release
          after.push(yield* Fiber.join(waiter))
          const all = strictFencing ? [...before, ...after] : after
          for (let i = 1; i < all.length; i++) assert.isAbove(all[i], all[i - 1], all.join(" "))
          if (!strictFencing) assert.isBelow(after[0], before[0])
        }).pipe(Effect.scoped)
    )
  }

  it.live("rise when a slot of a cluster moves to a node whose clock is behind", () =>
    Effect.gen(function*() {
      const cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]
      const one = yield* redis(...cluster, "--dir", yield* directory)
      const other = yield* skewedRedis(-40, ...cluster, "--dir", yield* directory)
      const looks = [yield* client(one.port), yield* client(other.port)]
      yield* Effect.promise(() => looks[0].call("cluster", "addslotsrange", 0, 16_383))
      yield* Effect.promise(() => looks[1].call("cluster", "set-config-epoch", 2))
      yield* Effect.promise(() => looks[0].call("cluster", "meet", "127.0.0.1", other.port))
      yield* until(
        Effect.promise(async () => {
          const infos = await Promise.all(looks.map((look) => look.cluster("INFO") as Promise<string>))
          return infos.every((info) => info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:2"))
        })
      )
      const context = yield* Layer.build(
        RedisBackend.layer({ url: `redis+cluster://127.0.0.1:${one.port}`, strictFencing: true })
      )
      const before = [yield* token(context), yield* token(context)]
      const slot = yield* Effect.promise(() => looks[0].cluster("KEYSLOT", "lock:{k}"))
      const ids = yield* Effect.forEach(looks, (look) => Effect.promise(() => look.cluster("MYID")))
      const setSlot = (i: number, ...args: Array<string>) =>
        Effect.promise(() => looks[i].call("cluster", "setslot", slot, ...args))
      yield* setSlot(1, "importing", ids[0])
      yield* setSlot(0, "migrating", ids[1])
      const keys = yield* Effect.promise(() => looks[0].cluster("GETKEYSINSLOT", slot, 10) as Promise<Array<string>>)
      for (const key of keys) {
        yield* Effect.promise(() => looks[0].migrate("127.0.0.1", other.port, key, 0, 1000))
      }
      for (const i of [1, 0]) yield* setSlot(i, "node", ids[1])
      const all = [...before, yield* token(context), yield* token(context)]
      assert.strictEqual(yield* Effect.promise(() => looks[1].exists("lock:{k}:f")), 1)
      for (let i = 1; i < all.length; i++) assert.isAbove(all[i], all[i - 1], all.join(" "))
    }).pipe(Effect.scoped))
})

describe("strict fencing tokens", () => {
  it.live("rise although the clock was set back, and the last is kept for a minute", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const context = yield* backend({ port, strictFencing: true })
      const first = yield* token(context)
      // as if the server's clock had been three seconds ahead
      yield* Effect.promise(() => look.set("lock:{k}:f", first + 3_000_000, "PX", 63_000))
      const second = yield* token(context)
      const third = yield* token(context)
      assert.isAtLeast(second, first + 3_000_512)
      assert.isAtLeast(third, second + 512)
      const shared = Lock.withPermits((lease) => Effect.succeed(lease.fencingToken), "k", { limit: 2 })
      assert.isAtLeast(yield* Effect.provide(shared, context), third + 512)
      assert.deepStrictEqual(yield* Effect.promise(() => look.keys("*")), ["lock:{k}:f"])
      const kept = yield* Effect.promise(() => look.pttl("lock:{k}:f"))
      assert.isAbove(kept, 60_000)
      assert.isAtMost(kept, 64_000)
    }).pipe(Effect.scoped))
})

describe("strict fencing tokens by configuration", () => {
  for (const STRICT of ["true", "false"]) {
    it.live(`are given out if it says so (${STRICT})`, () =>
      Effect.gen(function*() {
        const { port } = yield* redis()
        const look = yield* client(port)
        const context = yield* Layer.build(RedisBackend.layerConfig({
          url: Config.Redacted("REDIS_URL"),
          strictFencing: Config.Boolean("STRICT")
        })).pipe(Effect.provide(
          ConfigProvider.layer(ConfigProvider.fromEnvRecord({ REDIS_URL: `redis://127.0.0.1:${port}`, STRICT }))
        ))
        yield* token(context)
        assert.strictEqual(yield* Effect.promise(() => look.exists("lock:{k}:f")), STRICT === "true" ? 1 : 0)
      }).pipe(Effect.scoped))
  }
})

const server = shared(redis())
const nodes = shared(cluster)
let cases = 0

for (const form of ["one server", "a cluster"] as const) {
  describe(`Redis conforms (strict fencing tokens, ${form})`, { concurrent: true }, () =>
    conformance.register(
      it,
      conformance.conformance({
        name: `strict fencing, ${form}`,
        lease: "2 seconds",
        make: Effect.gen(function*() {
          const url = form === "one server"
            ? `redis://127.0.0.1:${(yield* server).port}`
            : `redis+cluster://${(yield* nodes).map(({ port }) => `127.0.0.1:${port}`).join()}`
          const make = RedisBackend.makeStore({ url, keyPrefix: `case-${++cases}:`, strictFencing: true })
          const [one, other] = [yield* make, yield* make]
          const keys = Array.from({ length: 12 }, (_, i) => `key-${i}`)
          yield* Effect.forEach([one, other], ({ inspect }) => Effect.forEach(keys, inspect))
          return { one: { ...one, patience: Duration.millis(200) }, other }
        })
      })
    ))
}
