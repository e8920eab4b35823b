/**
 * Locks in a store that the application has already: Effect's `KeyValueStore`
 * (memory, files, SQL, Redis, the browser's storage), or any cache with `get`,
 * `set` and `delete`.
 *
 * **In one process the lock is exact. Between processes it is best effort**, and
 * that is why its backend is named `best-effort-key-value` in errors, spans and
 * metrics. Such a store can read and it can write, but not "write if nobody
 * else has", which is what a lock needs.
 *
 * **When to use**
 *
 * Use when the store is all there is, and two holders at once, rarely and for a
 * short time, are a waste and not a harm: a report written twice, a cache
 * filled twice. Take `RedisBackend` when processes must exclude each other.
 *
 * **Details**
 *
 * What holds:
 *
 * - Among the fibers of one built layer nobody overlaps. Reads and writes of a
 *   key are done one operation after the other.
 * - A lock that another process has held for longer than a write takes is seen
 *   by all, and respected.
 * - Of processes that ask at the same moment, each writes its claim and reads it
 *   back. When all writes come before all reads, the last writer has the lock
 *   and the others wait.
 * - A holder whose record was overwritten learns of it by its next renewal (a
 *   third of `expires`), is interrupted, and fails with `LockLost`.
 *
 * What does not:
 *
 * - When one process writes and reads back after another has read that the key
 *   is free, and before that one writes, both have the lock until the next
 *   renewal of the first. Likewise a release or a renewal at the very end of a
 *   lease, or one that the store executes after more than a second, may remove or
 *   replace the record of the next holder.
 * - The end of a lease is written by the wall clock of the writer and judged by
 *   the wall clock of the reader. A reader's clock that is ahead of the writer's by
 *   more than a hundredth of `expires` lets a lease overlap with the next. One that
 *   is behind does no harm: an end further off than the lease is long is not
 *   believed, and the record counts for one lease from when it was first seen. The
 *   holder's own deadline is by its monotonic clock.
 * - A store whose reads are not of what was written last (a cache at the edge,
 *   DNS, a replica, Cloudflare KV) lets in one process for each of its views, for
 *   as long as they differ. **Reads have to be consistent**, or it is no lock.
 * - Fencing tokens are the writer's wall clock in microseconds, or one more than
 *   the last seen. Between processes they rise as far as the clocks agree.
 *
 * Every write and every removal is read back: a store that dropped it, or has
 * forgotten it already, is a `BackendFailure`. A call that takes longer than a second
 * is one as well. It cannot be called back, but once it is answered its doings are
 * undone: a holder in this process has its record again, and what is nobody's is
 * removed. Where no answer ever comes, that stays for one lease at most.
 *
 * A record is JSON, `{"token":…,"expiresAt":…,"lease":…,"fence":…}`, under `lock:`
 * and the key; it is deleted on release. One whose holder crashed stays until somebody
 * takes the lock. So that different keys stay different on stores that ignore
 * case or limit length, `Order` is written `=order`, and a key that is long, or
 * has other characters than letters, digits and `-_.:/=`, is replaced by what is
 * readable of it and a digest; where there is no `crypto.subtle`, as in pages that
 * came by plain http, such a key is a `BackendFailure` of kind `Unsupported`.
 *
 * **Gotchas**
 *
 * Something else at the key is never taken for a free lock: every operation then
 * fails with `BackendFailure` of kind `WrongType`, until it is removed.
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
  readonly get: (key: string) => Effect.Effect<string | null | undefined, E>
  /**
   * Writes a value, over one that is there. It is of use for `ttlMillis`, in whole
   * milliseconds: a cache that can forget by itself, no sooner, then cleans up after
   * crashed holders.
   */
  readonly set: (key: string, value: string, ttlMillis: number) => Effect.Effect<unknown, E>
  /** Removes a value. One that is gone already is no failure. */
  readonly delete: (key: string) => Effect.Effect<unknown, E>
}

/**
 * A {@link Cache} with Promises (or plain values) instead of effects.
 *
 * @category models
 * @since 0.1.0
 */
export interface PromiseCache {
  /** See {@link Cache.get}. What it throws or rejects with is a failure. */
  readonly get: (key: string) => PromiseLike<string | null | undefined> | string | null | undefined
  /** See {@link Cache.set}. A Promise that it gives is awaited, and the result ignored. */
  readonly set: (key: string, value: string, ttlMillis: number) => unknown
  /** See {@link Cache.delete}. A Promise that it gives is awaited, and the result ignored. */
  readonly delete: (key: string) => unknown
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
export const makeStore = <E>(cache: Cache<E>): Effect.Effect<LockStore> => Store.make(cache)

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
export const fromCache = <E>(cache: Cache<E>): Layer.Layer<LockBackend.LockBackend> =>
  LockBackend.layer(makeStore(cache))

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
export const fromPromises = (cache: PromiseCache): Cache => {
  // What throws before it gives a Promise has failed, too.
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
export const layer: Layer.Layer<LockBackend.LockBackend, never, KeyValueStore.KeyValueStore> = LockBackend.layer(
  Effect.flatMap(KeyValueStore.KeyValueStore, (store) =>
    makeStore({
      get: (key) => store.get(key),
      set: (key, value) => store.set(key, value),
      delete: (key) => store.remove(key)
    }))
)
