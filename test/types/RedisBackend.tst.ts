import { Config, Effect, type Layer, Redacted, type Scope } from "effect"
import type { LockBackend, LockError, LockStore } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import type { Redis as RedisService } from "effect/persistence"
import { Cluster, Redis } from "ioredis"
import * as ioredis5 from "ioredis5"
import { typeOf } from "./same.ts"

type Locks = Layer.Layer<LockBackend.LockBackend, LockError.LockError>
type Store = Effect.Effect<LockStore.LockStore, LockError.LockError, Scope.Scope>

typeOf(RedisBackend.layer()).is<Locks>()
typeOf(RedisBackend.layer({ url: "redis://localhost", keyPrefix: "shop:", ioredis: { family: 6 } })).is<Locks>()
typeOf(RedisBackend.layer({ host: "redis", port: 6380, db: 1, password: Redacted.make("secret"), tls: true })).is<
  Locks
>()
typeOf(RedisBackend.layerConfig({ url: Config.Redacted("REDIS_URL"), port: Config.Port("REDIS_PORT") })).is<
  Layer.Layer<LockBackend.LockBackend, LockError.LockError | Config.ConfigError>
>()
typeOf(RedisBackend.layerRedis({ cluster: true })).is<
  Layer.Layer<LockBackend.LockBackend, LockError.LockError, RedisService.Redis>
>()
typeOf(RedisBackend.makeStore()).is<Store>()
typeOf(RedisBackend.makeStoreRedis()).is<
  Effect.Effect<LockStore.LockStore, LockError.LockError, Scope.Scope | RedisService.Redis>
>()

// Clients of both supported majors, alone or as a cluster.
typeOf(RedisBackend.layerClient(new Redis())).is<Locks>()
typeOf(RedisBackend.layerClient(new Cluster([{ port: 7000 }]), { keyPrefix: "shop:" })).is<Locks>()
typeOf(RedisBackend.layerClient(new ioredis5.Redis())).is<Locks>()
typeOf(RedisBackend.layerClient(new ioredis5.Cluster([{ port: 7000 }]))).is<Locks>()
typeOf(RedisBackend.makeStoreClient(new Redis())).is<Store>()

// @ts-expect-error: a password is redacted
RedisBackend.layer({ password: "secret" })
// @ts-expect-error: the layer's own business
RedisBackend.layer({ ioredis: { enableOfflineQueue: true } })
// @ts-expect-error: not a client
RedisBackend.layerClient(Effect.void)
