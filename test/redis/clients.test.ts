/** Redis through every client, with few rights, and as a cluster. What processes say to the server is the same for all. */
import { describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as RedisBackend from "effect-lock/RedisBackend"
import { conformance } from "effect-lock/testing"
import { Cluster } from "ioredis"
import { client, closing, cluster, redis, shared } from "../support/redis.ts"
import { ownKeys, pair } from "../support/redisPair.ts"
import { flavours } from "../support/redisStores.ts"

const server = shared(redis())
const nodes = shared(cluster)

for (const { make, name } of flavours.slice(1)) {
  const all = conformance.conformance({
    name,
    lease: "2 seconds",
    make: Effect.gen(function*() {
      const { port } = yield* server
      return yield* pair(make(port, yield* ownKeys))
    })
  })
  describe(`Redis conforms (${name})`, { concurrent: true }, () => conformance.register(it, all))
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
