import * as Effect from "effect/Effect";
import type * as Layer from "effect/Layer";
import * as KeyValueStore from "effect/persistence/KeyValueStore";
import * as LockBackend from "./LockBackend.ts";
import type { LockStore } from "./LockStore.ts";
/**
 * A cache of strings, as {@link fromCache} wants it.
 *
 * A failure counts as one of the backend: never as a lock, and tried again
 * until the `timeout` of the lock. So does a call that takes longer than a second.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cache<E = unknown> {
    /** The value that was written last, or `undefined` or `null` for what is not there. */
    readonly get: (key: string) => Effect.Effect<string | null | undefined, E>;
    /**
     * Writes a value, over one that is there. It is of use for `ttlMillis`, in whole
     * milliseconds: a cache that can forget by itself, no sooner, then cleans up after
     * crashed holders.
     */
    readonly set: (key: string, value: string, ttlMillis: number) => Effect.Effect<unknown, E>;
    /** Removes a value. One that is gone already is no failure. */
    readonly delete: (key: string) => Effect.Effect<unknown, E>;
}
/**
 * A {@link Cache} with Promises (or plain values) instead of effects.
 *
 * @category models
 * @since 0.1.0
 */
export interface PromiseCache {
    /** See {@link Cache.get}. What it throws or rejects with is a failure. */
    readonly get: (key: string) => PromiseLike<string | null | undefined> | string | null | undefined;
    /** See {@link Cache.set}. A Promise that it gives is awaited, and the result ignored. */
    readonly set: (key: string, value: string, ttlMillis: number) => unknown;
    /** See {@link Cache.delete}. A Promise that it gives is awaited, and the result ignored. */
    readonly delete: (key: string) => unknown;
}
/**
 * The store on a cache, to be used with `LockBackend.make` or on its own. See
 * {@link fromCache}.
 *
 * Stores made of the same cache are like processes: between them the lock is
 * best effort.
 *
 * **Example** (Two stores are two processes)
 *
 * ```ts
 * import { Effect } from "effect"
 * import * as KeyValueBackend from "effect-lock/KeyValueBackend"
 *
 * const records = new Map<string, string>()
 * const cache = KeyValueBackend.fromPromises({
 *   get: (key) => records.get(key),
 *   set: (key, value) => records.set(key, value),
 *   delete: (key) => records.delete(key)
 * })
 *
 * const program = Effect.gen(function*() {
 *   const one = yield* KeyValueBackend.makeStore(cache)
 *   const other = yield* KeyValueBackend.makeStore(cache)
 *   const claim = { key: "key", expiresMillis: 1000, wait: false }
 *   const first = yield* one.tryAcquire({ ...claim, token: "a" })
 *   const second = yield* other.tryAcquire({ ...claim, token: "b" })
 *   return [first._tag, second._tag]
 * })
 *
 * await Effect.runPromise(program) // => ["Acquired", "Held"]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export declare const makeStore: <E>(cache: Cache<E>) => Effect.Effect<LockStore>;
/**
 * Locks in a cache with `get`, `set` and `delete`: exact in one process, best
 * effort between processes.
 *
 * **Gotchas**
 *
 * Every call makes a layer with a queue of its own, so bind it to a constant: two
 * of them are like two processes.
 *
 * **Example** (A cache that the application has)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as KeyValueBackend from "effect-lock/KeyValueBackend"
 *
 * const values = new Map<string, string>()
 * const locks = KeyValueBackend.fromCache({
 *   get: (key) => Effect.sync(() => values.get(key)),
 *   set: (key, value) => Effect.sync(() => values.set(key, value)),
 *   delete: (key) => Effect.sync(() => values.delete(key))
 * })
 *
 * const program = Effect.sync(() => Array.from(values.keys())).pipe(Lock.withLock("report"), Effect.provide(locks))
 *
 * await Effect.runPromise(program) // => ["lock:report"]
 * values.size // => 0
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export declare const fromCache: <E>(cache: Cache<E>) => Layer.Layer<LockBackend.LockBackend>;
/**
 * A {@link Cache} from functions that give Promises, or plain values. What they
 * throw or reject with is a failure of the cache.
 *
 * **Example** (A client with Promises)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as KeyValueBackend from "effect-lock/KeyValueBackend"
 *
 * const client = {
 *   values: new Map<string, string>(),
 *   get: async (key: string) => client.values.get(key),
 *   put: async (key: string, value: string, _options: { readonly ttl: number }) => client.values.set(key, value),
 *   remove: async (key: string) => client.values.delete(key)
 * }
 *
 * const locks = KeyValueBackend.fromCache(KeyValueBackend.fromPromises({
 *   get: (key) => client.get(key),
 *   set: (key, value, ttlMillis) => client.put(key, value, { ttl: Math.ceil(ttlMillis / 1000) }),
 *   delete: (key) => client.remove(key)
 * }))
 *
 * const program = Effect.succeed("done").pipe(Lock.withLock("report"), Effect.provide(locks))
 *
 * await Effect.runPromise(program) // => "done"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export declare const fromPromises: (cache: PromiseCache) => Cache;
/**
 * Locks in the `KeyValueStore` of the program: exact in one process, best effort
 * between processes.
 *
 * **Details**
 *
 * `KeyValueStore.prefix` keeps the records apart from other data. Files are
 * shared by the processes of a host, a SQL database or Redis by those of many.
 *
 * **Example** (The program's own store)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as KeyValueBackend from "effect-lock/KeyValueBackend"
 * import { KeyValueStore } from "effect/persistence"
 *
 * const program = Effect.flatMap(KeyValueStore.KeyValueStore, (store) => store.has("lock:report")).pipe(
 *   Lock.withLock("report"),
 *   Effect.provide(KeyValueBackend.layer),
 *   Effect.provide(KeyValueStore.layerMemory)
 * )
 *
 * await Effect.runPromise(program) // => true
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export declare const layer: Layer.Layer<LockBackend.LockBackend, never, KeyValueStore.KeyValueStore>;
