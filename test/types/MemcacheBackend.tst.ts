import { Config, Effect, type Layer, Redacted, type Scope } from "effect"
import type { LockBackend, LockError, LockStore } from "effect-lock"
import * as MemcacheBackend from "effect-lock/MemcacheBackend"
import { Client } from "memjs"
import { typeOf } from "./same.ts"

type Store = Effect.Effect<LockStore.LockStore, LockError.LockError, Scope.Scope>

typeOf(MemcacheBackend.layer()).is<Layer.Layer<LockBackend.LockBackend, LockError.LockError>>()
typeOf(MemcacheBackend.layer({ url: "memcache://localhost", keyPrefix: "shop:", requestTimeout: "1 second" })).is<
  Layer.Layer<LockBackend.LockBackend, LockError.LockError>
>()
typeOf(MemcacheBackend.layerClient(Client.create("localhost"), { keyPrefix: "shop:" })).is<
  Layer.Layer<LockBackend.LockBackend, LockError.LockError>
>()
typeOf(MemcacheBackend.layerConfig({ url: Config.Redacted("MEMCACHED_URL") })).is<
  Layer.Layer<LockBackend.LockBackend, LockError.LockError | Config.ConfigError>
>()
typeOf(MemcacheBackend.makeStore({ servers: ["a:1", "b:2"], username: "me", password: Redacted.make("secret") })).is<
  Store
>()
typeOf(MemcacheBackend.makeStoreClient(Client.create("localhost"))).is<Store>()

// @ts-expect-error: a password is redacted
MemcacheBackend.layer({ password: "secret" })
// @ts-expect-error: not an option
MemcacheBackend.layer({ host: "localhost" })
// @ts-expect-error: not a client
MemcacheBackend.layerClient(Effect.void)
