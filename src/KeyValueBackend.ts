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
import * as EffectCause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Cause from "./internal/cause.ts"
import { type Ending, EndingMap } from "./internal/endingMap.ts"
import { monotonicMillis } from "./internal/time.ts"
import * as LockBackend from "./LockBackend.ts"
import { BackendFailure } from "./LockError.ts"
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

const backend = "best-effort-key-value"

/** `lease` says how long before `expiresAt` the record was written, in milliseconds; records of 0.1 do not have it. */
interface Entry {
  readonly token: string
  readonly expiresAt: number
  readonly lease?: number | undefined
  readonly fence: number
}

const decodeEntry = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({
    token: Schema.String,
    expiresAt: Schema.Finite,
    lease: Schema.optional(Schema.Finite),
    fence: Schema.Int
  }))
)

const isSame = (one: Entry | undefined, other: Entry | undefined): boolean =>
  one?.token === other?.token && one?.expiresAt === other?.expiresAt

/** A call to the cache that takes longer is a failure. It cannot be called back, so it goes on. */
const patience = Duration.seconds(1)

/** Of an operation: reading, writing and reading back. */
const longest = Duration.times(patience, 3)

const plain = /^[a-z0-9_.:/=-]{0,79}[a-z0-9_:/-]$/

/** The digest is over UTF-16 code units, as UTF-8 would merge lone surrogates. */
const digestOf = (subtle: SubtleCrypto, key: string): Effect.Effect<string> => {
  const units = Uint16Array.from({ length: key.length }, (_, i) => key.charCodeAt(i))
  return Effect.map(
    Effect.promise(() => subtle.digest("SHA-256", units)),
    (digest) => Hex.encode(new Uint8Array(digest)).slice(0, 40)
  )
}

/** Where the record of a lock is: never two at a name, also where `a` and `A` are one, or 200 characters the limit. */
const nameOf = (operation: string, key: string): Effect.Effect<string, BackendFailure> => {
  const name = key.replace(/[=A-Z]/g, (char) => `=${char.toLowerCase()}`)
  if (plain.test(name)) return Effect.succeed(`lock:${name}`)
  const readable = key.slice(0, 32).toLowerCase().replace(/[^a-z0-9_.:/-]/g, "_")
  // Pages that came by plain http have none.
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle
  if (subtle === undefined) {
    const description = "a key that is long, or has other characters than letters, digits and -_.:/=, needs " +
      "crypto.subtle, which browsers have where a page came by https"
    return Effect.fail(
      new BackendFailure({ backend, operation, key, kind: "Unsupported", retryable: false, description })
    )
  }
  return Effect.map(digestOf(subtle, key), (digest) => `lock:${readable}~${digest}`)
}

/**
 * One operation on a key after the other; a key that nobody uses is forgotten.
 *
 * A write on its way cannot be called back, so whoever is interrupted leaves,
 * but its operation goes on and the next one waits for it.
 */
const makeSerial = () => {
  const gates = new Map<string, { readonly semaphore: Semaphore.Semaphore; users: number }>()
  return <A, E>(key: string, operation: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const gate = gates.get(key) ?? { semaphore: Semaphore.makeUnsafe(1), users: 0 }
      gates.set(key, gate)
      gate.users++
      const leave = Effect.sync(() => {
        if (--gate.users === 0) gates.delete(key)
      })
      return Effect.flatMap(
        Effect.forkDetach(Effect.ensuring(gate.semaphore.withPermit(operation), leave), { startImmediately: true }),
        Fiber.join
      )
    })
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
export const makeStore = <E>(cache: Cache<E>): Effect.Effect<LockStore> =>
  Effect.map(Effect.context<never>(), (context): LockStore => {
    const clock = Context.get(context, Clock.Clock)
    const fork = Effect.runForkWith(context)
    const serial = makeSerial()
    /** What is held here, by key: to be put back where a call that is executed late has replaced it. */
    const held = new EndingMap<Ending & { readonly entry: Entry }>()
    /** Records from the future, by name: until when they count. */
    const doubted = new EndingMap<Ending & { readonly expiresAt: number; readonly token: string }>()
    let lastFence = 0

    const now = () => clock.currentTimeMillisUnsafe()

    /**
     * For how long a record counts. An end further off than the lease is long comes from a clock ahead of
     * ours: such a record counts for one lease from when we saw it first, which is no earlier than its end.
     */
    const remainingOf = (name: string, { expiresAt, lease, token }: Entry): number => {
      const remaining = expiresAt - now()
      if (lease === undefined || remaining <= lease) {
        doubted.delete(name)
        return remaining
      }
      const at = monotonicMillis(clock)
      let doubt = doubted.get(name)
      if (doubt?.token !== token || doubt.expiresAt !== expiresAt) {
        doubt = { token, expiresAt, endsAt: at + lease }
        doubted.set(name, doubt, at)
      }
      return doubt.endsAt - at
    }

    /** What an operation can do to the record of its key. */
    const recordAt = (operation: string, key: string, name: string, token?: string) => {
      const failure = (
        details: Omit<ConstructorParameters<typeof BackendFailure>[0], "backend" | "operation" | "key">
      ) => Effect.fail(new BackendFailure({ backend, operation, key, ...details }))

      const unknown = (error: E) => {
        const cause = EffectCause.isUnknownError(error) ? error.cause : error
        const description = cause instanceof Error ? Cause.messageOf(cause) : undefined
        return failure({ kind: "Unknown", retryable: true, description, cause: Cause.rebuild(cause) })
      }

      /** A write or a removal was done, says the cache. */
      const unchanged = (what: string) => {
        const description = `${what}; locks need a store that keeps a value for as long as it is told to, and reads ` +
          "what was written last"
        return failure({ kind: "Unknown", retryable: true, description })
      }

      const silent = (method: keyof Cache) =>
        failure({ kind: "NoReply", retryable: true, description: `no reply to "${method}" within 1 second` })

      /** A call to the cache. What it does after we have given up on it is put right again. */
      const call = <A>(method: keyof Cache, f: () => Effect.Effect<A, E>): Effect.Effect<A, BackendFailure> =>
        Effect.flatMap(
          Effect.forkDetach(Effect.suspend(f), { startImmediately: true }),
          (running) =>
            Effect.timeoutOrElse(Effect.catch(running.pollUnsafe() ?? Fiber.join(running), unknown), {
              duration: patience,
              orElse: () =>
                Effect.suspend(() => {
                  if (method !== "get") running.addObserver(() => fork(mend(key, token)))
                  return silent(method)
                })
            })
        )

      const read = Effect.flatMap(
        call("get", () => cache.get(name)),
        (value): Effect.Effect<Entry | undefined, BackendFailure> => {
          if (value === undefined || value === null) return Effect.undefined
          const entry = decodeEntry(value)
          if (Option.isSome(entry)) return Effect.succeed(entry.value)
          // A file is empty for a moment while it is written.
          const torn = value === ""
          const description = `${torn ? "an empty value" : "something that is no lock"} is stored as "${name}"; ` +
            `remove it${torn ? " if it stays" : ""}`
          return failure({ kind: "WrongType", retryable: torn, description })
        }
      )

      /** For how long it counts, or undefined if it is over. */
      const remaining = (entry: Entry | undefined): number | undefined => {
        const millis = entry === undefined ? 0 : remainingOf(name, entry)
        return millis > 0 ? millis : undefined
      }

      const live = Effect.map(read, (entry) => remaining(entry) === undefined ? undefined : entry)

      const put = (entry: Entry) => {
        const ttl = Math.max(1, Math.ceil(entry.expiresAt - now()))
        return call("set", () => cache.set(name, JSON.stringify(entry), ttl))
      }

      const remove = call("delete", () => cache.delete(name))

      /** Writes the record of a lease from `at` on, and gives what is there then: the last of several writers has it. */
      const write = (token: string, fence: number, at: number, lease: number) => {
        const entry: Entry = { token, expiresAt: at + lease, lease, fence }
        return Effect.flatMap(Effect.andThen(put(entry), read), (after) => {
          if (isSame(after, entry)) {
            const at = monotonicMillis(clock)
            held.set(key, { entry, endsAt: at + lease }, at)
            return Effect.succeed(entry)
          }
          if (after?.token !== token && remaining(after) !== undefined) return Effect.succeed(after)
          return unchanged(`what was written to "${name}" is not there`)
        })
      }

      const undeleted = unchanged(`what was removed from "${name}" is still there`)

      return { read, live, remaining, put, write, remove, undeleted }
    }

    const withRecord = <A>(
      operation: string,
      key: string,
      token: string | undefined,
      f: (record: ReturnType<typeof recordAt>) => Effect.Effect<A, BackendFailure>
    ): Effect.Effect<A, BackendFailure> =>
      serial(key, Effect.flatMap(nameOf(operation, key), (name) => f(recordAt(operation, key, name, token))))

    const forget = (key: string, token: string): void => {
      if (held.get(key)?.entry.token === token) held.delete(key)
    }

    /** A write of the token's record, or its removal, has been executed late, in the place of whoever is the holder by now. */
    const mend = (key: string, token: string | undefined): Effect.Effect<void> =>
      withRecord(
        "release",
        key,
        token,
        Effect.fnUntraced(function*(record) {
          const entry = yield* record.read
          const own = held.get(key)?.entry
          const isOurs = entry === undefined || entry.token === token || entry.token === own?.token
          if (!isOurs || isSame(entry, own)) return
          yield* own !== undefined && own.expiresAt > now() ? record.put(own) : record.remove
        })
      ).pipe(Effect.retry({ times: 5, schedule: Schedule.exponential("100 millis") }), Effect.ignore)

    return {
      name: backend,
      patience: longest,
      tryAcquire: ({ expiresMillis, key, token }) =>
        withRecord(
          "acquire",
          key,
          token,
          Effect.fnUntraced(function*(record) {
            const before = yield* record.read
            const at = now()
            const remaining = record.remaining(before)
            if (before !== undefined && remaining !== undefined && before.token !== token) {
              return { _tag: "Held", token: before.token, remainingMillis: remaining }
            }
            const fence = before !== undefined && remaining !== undefined
              ? before.fence
              : Math.max(lastFence, before?.fence ?? 0, at * 1000 - 1) + 1
            lastFence = Math.max(lastFence, fence)
            const after = yield* record.write(token, fence, at, expiresMillis)
            return after?.token === token
              ? { _tag: "Acquired", fencingToken: fence }
              : { _tag: "Held", token: after?.token }
          })
        ),
      transfer: (from, { expiresMillis, key, token }) =>
        withRecord(
          "acquire",
          key,
          token,
          Effect.fnUntraced(function*(record) {
            const entry = yield* record.live
            if (entry === undefined || (entry.token !== from && entry.token !== token)) {
              return { _tag: "Held", token: entry?.token }
            }
            const fence = lastFence = Math.max(lastFence, entry.fence) + 1
            const after = yield* record.write(token, fence, now(), expiresMillis)
            return after?.token === token
              ? { _tag: "Acquired", fencingToken: fence }
              : { _tag: "Held", token: after?.token }
          })
        ),
      extend: ({ expiresMillis, key, token }) =>
        withRecord(
          "extend",
          key,
          token,
          Effect.fnUntraced(function*(record) {
            const entry = yield* record.live
            if (entry?.token !== token) {
              forget(key, token)
              return false
            }
            return (yield* record.write(token, entry.fence, now(), expiresMillis))?.token === token
          })
        ),
      release: (key, token) =>
        withRecord(
          "release",
          key,
          token,
          Effect.fnUntraced(function*(record) {
            forget(key, token)
            if ((yield* record.live)?.token !== token) return false
            yield* record.remove
            // Not being able to look is no reason to say that it failed.
            const after = yield* Effect.orElseSucceed(record.read, () => undefined)
            return after?.token === token ? yield* record.undeleted : true
          })
        ),
      forget,
      inspect: (key) =>
        withRecord("inspect", key, undefined, (record) =>
          Effect.map(record.read, (entry) => {
            const remainingMillis = record.remaining(entry)
            return entry === undefined || remainingMillis === undefined
              ? Option.none()
              : Option.some({ token: entry.token, remainingMillis })
          }))
    }
  })

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
