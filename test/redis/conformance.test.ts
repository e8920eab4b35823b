import { describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, type Scope } from "effect"
import type { LockStore } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import { conformance } from "effect-lock/testing"
import { Cluster } from "ioredis"
import { conforms } from "../support/conforms.ts"
import { program } from "../support/program.ts"
import { client, closing, cluster, redis, shared } from "../support/redis.ts"
import { flavours } from "../support/redisStores.ts"

const server = shared(redis())
const nodes = shared(cluster)

// The cases run at the same time, and some use keys of the same name.
let cases = 0
const ownKeys: Effect.Effect<RedisBackend.CommonOptions> = Effect.sync(() => ({ keyPrefix: `case-${++cases}:` }))

/** Two processes that are connected already, to all nodes: some cases count on an answer within few milliseconds. */
const pair = <E>(make: Effect.Effect<LockStore.LockStore, E, Scope.Scope>) =>
  Effect.gen(function*() {
    const [one, other] = [yield* make, yield* make]
    const keys = Array.from({ length: 12 }, (_, i) => `key-${i}`)
    yield* Effect.forEach([one, other], ({ inspect }) => Effect.forEach(keys, inspect))
    return { one: { ...one, patience: Duration.millis(200) }, other }
  })

for (const flavour of flavours) {
  const all = conformance.conformance({
    name: flavour.name,
    lease: "2 seconds",
    make: Effect.gen(function*() {
      const { port } = yield* server
      const options = yield* ownKeys
      // One is enough: what the processes say to the server is the same for all.
      const own = flavour === flavours[0]
      return {
        ...yield* pair(flavour.make(port, options)),
        program: own ? yield* program("redis", JSON.stringify({ host: "127.0.0.1", port, ...options })) : undefined
      }
    })
  })
  if (flavour === flavours[0]) conforms(`Redis conforms (${flavour.name})`, all)
  else describe(`Redis conforms (${flavour.name})`, { concurrent: true }, () => conformance.register(it, all))
}

/** What `docs/redis.md` names as enough. */
const leastRights =
  "+eval +evalsha +get +mget +set +del +exists +pexpire +pttl +type +zadd +zrem +zcard +zrange +zrangebyscore +zscore +zcount +zincrby +time +publish +pubsub|numsub +subscribe +ping +client|id +client|tracking +info +scan"

describe("Redis conforms (a user with no more rights than it needs)", { concurrent: true }, () => {
  const restricted = shared(Effect.gen(function*() {
    const { port } = yield* redis()
    const look = yield* client(port)
    const rules = ["on", ">p", "~case-*", "&case-*", "&__redis__:invalidate", "-@all", ...leastRights.split(" ")]
    yield* Effect.promise(() => look.call("acl", "setuser", "u", "resetchannels", ...rules))
    return port
  }))
  conformance.register(
    it,
    conformance.conformance({
      name: "least rights",
      lease: "2 seconds",
      make: Effect.gen(function*() {
        const port = yield* restricted
        const options = yield* ownKeys
        return yield* pair(
          RedisBackend.makeStore({ host: "127.0.0.1", port, username: "u", password: Redacted.make("p"), ...options })
        )
      })
    })
  )
})

describe("a Redis cluster conforms", { concurrent: true }, () =>
  conformance.register(
    it,
    conformance.conformance({
      name: "cluster",
      lease: "2 seconds",
      make: Effect.gen(function*() {
        const ports = (yield* nodes).map(({ port }) => ({ host: "127.0.0.1", port }))
        const options = yield* ownKeys
        const make = Effect.flatMap(
          closing(() => new Cluster(ports)),
          (client) => RedisBackend.makeStoreClient(client, options)
        )
        return yield* pair(make)
      })
    })
  ))
