/** The ways to reach a Redis server, as stores. */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import { Context, Effect, Layer, type Scope } from "effect"
import type { LockStore } from "effect-lock"
import type { LockError } from "effect-lock/LockError"
import * as RedisBackend from "effect-lock/RedisBackend"
import { Redis as RedisService } from "effect/persistence"
import { Redis } from "ioredis"
import { Redis as Redis5 } from "ioredis5"
import { Redis as Valkey } from "iovalkey"
import { closing } from "./redis.ts"

type Store = Effect.Effect<LockStore.LockStore, LockError, Scope.Scope>

const failed = (cause: unknown) => new RedisService.RedisError({ cause })

/** Effect's service over ioredis, as an application would write it. */
export const service = (port: number): Effect.Effect<RedisService.Redis["Service"], never, Scope.Scope> =>
  Effect.gen(function*() {
    const client = yield* closing(() => new Redis(port, "127.0.0.1"))
    const send = <A>(command: string, ...args: ReadonlyArray<string>) =>
      Effect.tryPromise({ try: () => client.call(command, [...args]) as Promise<A>, catch: failed })
    return yield* RedisService.make({
      send,
      connect: Effect.fail(failed(new Error("not needed"))),
      subscribe: Effect.fnUntraced(function*(channel, onMessage) {
        const subscriber = yield* closing(() => client.duplicate())
        subscriber.on("message", (from, message) => {
          if (from === channel) onMessage({ channel, message })
        })
        const subscribed = Effect.tryPromise({ try: () => subscriber.subscribe(channel), catch: failed })
        return yield* Effect.as(subscribed, Effect.never)
      })
    })
  })

interface Flavour {
  readonly name: string
  readonly make: (port: number, options?: RedisBackend.CommonOptions) => Store
}

export const flavours: ReadonlyArray<Flavour> = [
  { name: "own connection", make: (port, options) => RedisBackend.makeStore({ host: "127.0.0.1", port, ...options }) },
  {
    name: "ioredis 6, RESP3",
    make: (port, options) =>
      Effect.flatMap(
        closing(() => new Redis(port, "127.0.0.1", { protocol: 3 })),
        (client) => RedisBackend.makeStoreClient(client, options)
      )
  },
  {
    name: "ioredis 6, RESP2, stringNumbers and keyPrefix",
    make: (port, options) =>
      Effect.flatMap(
        closing(() => new Redis(port, "127.0.0.1", { protocol: 2, stringNumbers: true, keyPrefix: "app:" })),
        (client) => RedisBackend.makeStoreClient(client, options)
      )
  },
  {
    name: "ioredis 6, RESP3 replies, autopipelining",
    make: (port, options) =>
      Effect.flatMap(
        closing(() => new Redis(port, "127.0.0.1", { replyMapping: "resp3", enableAutoPipelining: true })),
        (client) => RedisBackend.makeStoreClient(client, options)
      )
  },
  {
    name: "ioredis 5",
    make: (port, options) =>
      Effect.flatMap(
        closing(() => new Redis5(port, "127.0.0.1")),
        (client) => RedisBackend.makeStoreClient(client, options)
      )
  },
  {
    name: "iovalkey",
    make: (port, options) =>
      Effect.flatMap(
        closing(() => new Valkey(port, "127.0.0.1")),
        (client) => RedisBackend.makeStoreClient(client, options)
      )
  },
  {
    name: "node-redis, through Effect's Redis service",
    make: (port, options) =>
      Effect.flatMap(
        Effect.orDie(Layer.build(Layer.fresh(NodeRedis.layer({ socket: { host: "127.0.0.1", port } })))),
        (context) =>
          Effect.provideService(
            RedisBackend.makeStoreRedis(options),
            RedisService.Redis,
            Context.get(context, RedisService.Redis)
          )
      )
  },
  {
    name: "Effect's Redis service",
    make: (port, options) =>
      Effect.flatMap(
        service(port),
        (redis) => Effect.provideService(RedisBackend.makeStoreRedis(options), RedisService.Redis, redis)
      )
  }
]
