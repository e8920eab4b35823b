/**
 * Locks in a store that the application already has: Effect's `KeyValueStore` (memory, files, SQL,
 * Redis, the browser's storage), or any cache with `get`, `set` and `delete`.
 *
 * **In one process the lock is exact. Between processes it is best effort**, which is why the
 * backend is named `best-effort-key-value` in errors, spans and metrics. Such a store can read and
 * write, but it has no conditional write, which a lock needs.
 *
 * **When to use**
 *
 * Use when this store is all there is, and two holders at once, rarely and for a short time, only
 * waste work: a report written twice, a cache filled twice. Use `RedisBackend` when processes must
 * exclude each other.
 *
 * **Details**
 *
 * What is guaranteed:
 *
 * - The fibers of one built layer exclude each other. Operations on a key run one after the other.
 * - A lock that another process has held for longer than a write takes is respected by all.
 * - Processes that ask at the same moment each write their claim and read it back. If all writes
 *   come before all reads, the last writer has the lock and the others wait.
 * - A holder whose record was overwritten learns of it by its next renewal (a
 *   third of `expires`), is interrupted, and fails with `LockLost`.
 *
 * What is not:
 *
 * - If one process writes and reads back after another has read that the key is free, and before
 *   that one writes, both hold the lock until the first renews. Likewise, a release or renewal at
 *   the very end of a lease, or one that the store executes after more than a second, may remove or
 *   replace the record of the next holder.
 * - The end of a lease is written by the wall clock of the writer and judged by that of the reader.
 *   If the reader's clock is ahead of the writer's by more than a hundredth of `expires`, a lease
 *   may overlap with the next. If it is behind, no harm is done: an end further off than the length
 *   of the lease is not believed, and the record counts for one lease from when it was first seen.
 *   The holder's own deadline uses its monotonic clock.
 * - A store whose reads may be stale (a cache at the edge, DNS, a replica, Cloudflare KV) lets in
 *   one process for each of its views, for as long as they differ. **Reads have to be consistent**,
 *   or it is no lock.
 * - Fencing tokens are the writer's wall clock in microseconds, or one more than the last one seen.
 *   Between processes they increase only if the clocks agree.
 *
 * Every write and removal is read back: if the store dropped or forgot it, that is a
 * `BackendFailure`, and so is a call that takes longer than a second. Such a call cannot be
 * cancelled, but its effect is undone when it completes: the record of a holder in this process is
 * restored, and any other record is removed. If it never completes, that record stays for at most
 * one lease.
 *
 * A record is JSON, `{"token":…,"expiresAt":…,"lease":…,"fence":…}`, under `lock:` and the key; it
 * is deleted on release. The record of a crashed holder stays until somebody acquires the lock. So
 * that different keys stay different on stores that ignore case or limit the length, `Order` is
 * written as `=order`, and a key that is long, or has other characters than letters, digits and
 * `-_.:/=`, is replaced by its readable part and a digest. Without `crypto.subtle`, as in pages
 * loaded by plain http, such a key is a `BackendFailure` of kind `Unsupported`.
 *
 * **Gotchas**
 *
 * Any other value at the key never counts as a free lock: every operation fails with
 * `BackendFailure` of kind `WrongType` until it is removed.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Store from "./internal/keyValue/store.ts"
import * as LockBackend from "./LockBackend.ts"
import type { LockStore } from "./LockStore.ts"

/**
 * A cache of strings, for {@link fromCache}.
 *
 * A failure, or a call that takes longer than a second, is a `BackendFailure`: it never counts as a
 * lock, and is retried until the `timeout` of the lock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cache<E = unknown> {
  /** The value that was written last, or `undefined` or `null` if there is none. */
  readonly get: (key: string) => Effect.Effect<string | null | undefined, E>
  /**
   * Writes a value, or replaces it. It is needed for `ttlMillis`, in whole milliseconds: a cache
   * that can expire values, no sooner than that, cleans up after crashed holders.
   */
  readonly set: (key: string, value: string, ttlMillis: number) => Effect.Effect<unknown, E>
  /** Removes a value. It is not a failure if there is none. */
  readonly delete: (key: string) => Effect.Effect<unknown, E>
}

/**
 * A {@link Cache} with Promises (or plain values) instead of effects.
 *
 * @category models
 * @since 0.1.0
 */
export interface PromiseCache {
  /** See {@link Cache.get}. It fails if it throws or rejects. */
  readonly get: (key: string) => PromiseLike<string | null | undefined> | string | null | undefined
  /** See {@link Cache.set}. A Promise is awaited, and its result ignored. */
  readonly set: (key: string, value: string, ttlMillis: number) => unknown
  /** See {@link Cache.delete}. A Promise is awaited, and its result ignored. */
  readonly delete: (key: string) => unknown
}

/**
 * The store on a cache, to be used with `LockBackend.make` or on its own. See
 * {@link fromCache}.
 *
 * Several stores on one cache are like several processes: between them the lock is best effort.
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
export const makeStore = <E>(cache: Cache<E>): Effect.Effect<LockStore> => Store.make(cache)

/**
 * Locks in a cache with `get`, `set` and `delete`: exact in one process, best
 * effort between processes.
 *
 * **Gotchas**
 *
 * Every call makes a new layer with its own queue, so keep it in a constant: two such layers are
 * like two processes.
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
export const fromCache = <E>(cache: Cache<E>): Layer.Layer<LockBackend.LockBackend> =>
  LockBackend.layer(makeStore(cache))

/**
 * A {@link Cache} from functions that return Promises or plain values. It fails if they throw or
 * reject.
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
export const fromPromises = (cache: PromiseCache): Cache => {
  // A function may also throw before it returns a Promise.
  const attempt = <A>(f: () => PromiseLike<A> | A) => Effect.tryPromise(async () => f())
  return {
    get: (key) => attempt(() => cache.get(key)),
    set: (key, value, ttlMillis) => attempt(() => cache.set(key, value, ttlMillis)),
    delete: (key) => attempt(() => cache.delete(key))
  }
}

/**
 * Locks in the `KeyValueStore` of the program: exact in one process, best effort
 * between processes.
 *
 * **Details**
 *
 * Use `KeyValueStore.prefix` to keep the records apart from other data. Files are shared by the
 * processes of one host, a SQL database or Redis by those of many.
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
export const layer: Layer.Layer<LockBackend.LockBackend, never, KeyValueStore.KeyValueStore> = LockBackend.layer(
  Effect.flatMap(KeyValueStore.KeyValueStore, (store) =>
    makeStore({
      get: (key) => store.get(key),
      set: (key, value) => store.set(key, value),
      delete: (key) => store.remove(key)
    }))
)
