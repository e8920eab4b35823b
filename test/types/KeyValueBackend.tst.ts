import { Effect, type Layer } from "effect"
import type { LockBackend, LockStore } from "effect-lock"
import * as KeyValueBackend from "effect-lock/KeyValueBackend"
import type { KeyValueStore } from "effect/persistence"
import { typeOf } from "./same.ts"

declare const cache: KeyValueBackend.Cache<"broken">
declare const map: Map<string, string>

typeOf(KeyValueBackend.layer).is<Layer.Layer<LockBackend.LockBackend, never, KeyValueStore.KeyValueStore>>()
typeOf(KeyValueBackend.fromCache(cache)).is<Layer.Layer<LockBackend.LockBackend>>()
typeOf(KeyValueBackend.makeStore(cache)).is<Effect.Effect<LockStore.LockStore>>()
typeOf(KeyValueBackend.fromPromises(map)).is<KeyValueBackend.Cache>()
typeOf(
  KeyValueBackend.fromPromises({
    get: (key) => Promise.resolve(map.get(key) ?? null),
    set: async (key, value, ttlMillis) => [map.set(key, value), ttlMillis],
    delete: (key) => map.delete(key)
  })
).is<KeyValueBackend.Cache>()
// @ts-expect-error: it has to delete, too
KeyValueBackend.fromPromises({ get: (key) => map.get(key), set: (key, value) => map.set(key, value) })
// @ts-expect-error: values are text
KeyValueBackend.fromCache({ ...cache, get: () => Effect.succeed(1) })
