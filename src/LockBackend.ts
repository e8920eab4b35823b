/**
 * The service that lock calls run on, and the engine behind it.
 *
 * Programs get a `LockBackend` from a layer (`InMemoryBackend.layer`,
 * `RedisBackend.layer`, …) and use it through `Lock`. Backend authors write a
 * `LockStore` and turn it into a backend with {@link make}.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Engine from "./internal/engine/engine.ts"
import type { Lease } from "./Lease.ts"
import type { LockRequest } from "./LockConfig.ts"
import type { Holder, LockError } from "./LockError.ts"
import type { LockEvent } from "./LockEvent.ts"
import type { LockStore } from "./LockStore.ts"

/**
 * A request that ended without the lock, because somebody else held it until the `timeout`. It is
 * not an error yet.
 *
 * @category models
 * @since 0.2.0
 */
export interface Refusal {
  /** The request. */
  readonly request: LockRequest
  /** How long it waited, in milliseconds, the queue in this process included. */
  readonly waitedMillis: number
  /**
   * Fails with the `LockTimeout`, which is also counted in the metrics. It names the holder if the
   * backend has said who that is.
   */
  readonly fail: Effect.Effect<never, LockError>
}

/**
 * The operations of a backend. Use them through the functions of `Lock`; write a backend with
 * {@link make}, or decorate one. Keys include the prefix of `LockConfig`.
 *
 * Every operation fails with `BackendFailure` if the store cannot answer, or the backend has been
 * closed.
 *
 * @category services
 * @since 0.1.0
 */
export class LockBackend extends Context.Service<LockBackend, {
  /** The name of the store, such as `"redis"`, for messages, spans and metrics. */
  readonly name: string
  /**
   * Runs work under the lock: acquires it, runs the work, and releases it. `refused` is what to do
   * instead when the `timeout` is over.
   *
   * Fails with `LockLost` if the lease ended before the work did, and with `LockReentered` if it
   * would wait for a lock that the work around it holds.
   */
  readonly use: <A, E, R>(
    request: LockRequest,
    work: Effect.Effect<A, E, R> | ((lease: Lease) => Effect.Effect<A, E, R>),
    refused: (refusal: Refusal) => Effect.Effect<A, E | LockError, R>
  ) => Effect.Effect<A, E | LockError, R>
  /**
   * Acquires the lock until the scope closes, and succeeds with its lease, or with the result of
   * `refused` when the `timeout` is over.
   *
   * Fails with `LockReentered` if it would wait for a lock that the work around it holds. Whether
   * the lease is lost later, the lease says.
   */
  readonly acquire: <A, E, R>(
    request: LockRequest,
    refused: (refusal: Refusal) => Effect.Effect<A, E | LockError, R>
  ) => Effect.Effect<Lease | A, E | LockError, R | Scope.Scope>
  /** Who holds the key, or `Option.none` if nobody does. If several share it, one of them. */
  readonly inspect: (key: string) => Effect.Effect<Option.Option<Holder>, LockError>
  /** All who hold the key: several only if they share it. */
  readonly holders: (key: string) => Effect.Effect<ReadonlyArray<Holder>, LockError>
  /**
   * Frees the key, whoever holds it, or only if the holder has this token, and says whether it did.
   * The holder learns of it at its next renewal at the latest, and fails with `LockLost`.
   */
  readonly forceRelease: (key: string, token?: string) => Effect.Effect<boolean, LockError>
  /**
   * Adopts the lock of a token that a holder has detached, until the scope closes. Fails with
   * `LockLost` if the token no longer holds the key.
   */
  readonly adopt: (token: string, request: LockRequest) => Effect.Effect<Lease, LockError, Scope.Scope>
  /** Calls `notify` whenever the store says that the key may have changed, until the scope closes. */
  readonly watch: (key: string, notify: () => void) => Effect.Effect<void, never, Scope.Scope>
  /**
   * The held keys with this prefix, and their holders: the first page, or the one after `from`,
   * which is the `next` of the page before.
   */
  readonly list: (
    prefix: string,
    from: string | undefined
  ) => Effect.Effect<
    {
      /** The locks of this page, which may be empty though it is not the last. */
      readonly locks: ReadonlyArray<{
        /** The key. */
        readonly key: string
        /** Who holds it. */
        readonly holder: Holder
      }>
      /** Where the next page starts; undefined after the last. */
      readonly next: string | undefined
    },
    LockError
  >
  /**
   * Calls `hear` for each event of this process, until the returned function is called, and `end`
   * when the backend closes. What they throw is ignored.
   */
  readonly listen: (hear: (event: LockEvent) => void, end: () => void) => () => void
}>()("effect-lock/LockBackend") {}

/**
 * Turns a store into a backend: adds the local queue, retries, renewal, deadlines, hand-over
 * between local fibers, cleanup, and metrics. When the scope closes, waiters fail with
 * `BackendFailure` and holders lose their locks; each key is freed when the work under it has
 * ended, or when its lease ends.
 *
 * The store runs with the services that the backend was built with, and the span of the call; never
 * in an open transaction of the caller.
 *
 * **Example** (A backend of one's own)
 *
 * ```ts
 * import { Effect, Layer, Option } from "effect"
 * import { Lock, LockBackend, type LockStore } from "effect-lock"
 *
 * // The four operations, here over a Map and without expiry
 * const holders = new Map<string, string>()
 * let fence = 0
 * const store: LockStore.LockStore = {
 *   name: "map",
 *   tryAcquire: ({ key, token }) =>
 *     Effect.sync(() => {
 *       const holder = holders.get(key)
 *       if (holder !== undefined && holder !== token) return { _tag: "Held", token: holder }
 *       holders.set(key, token)
 *       return { _tag: "Acquired", fencingToken: ++fence }
 *     }),
 *   extend: ({ key, token }) => Effect.sync(() => holders.get(key) === token),
 *   release: (key, token) => Effect.sync(() => holders.get(key) === token && holders.delete(key)),
 *   inspect: (key) => Effect.sync(() => Option.map(Option.fromUndefinedOr(holders.get(key)), (token) => ({ token })))
 * }
 * const layer = Layer.effect(LockBackend.LockBackend, LockBackend.make(store))
 *
 * await Effect.runPromise(Effect.succeed(1).pipe(Lock.withLock("key"), Effect.provide(layer))) // => 1
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (store: LockStore) => Effect.Effect<LockBackend["Service"], never, Scope.Scope> = Engine.make

/**
 * A layer of a backend, from an effect that makes its store.
 *
 * **Example** (Two backends over one store contend like two processes)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { InMemoryBackend, Lock, LockBackend } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* InMemoryBackend.makeStore
 *   const process = () => LockBackend.layer(Effect.succeed(store))
 *   const there = Lock.once(Effect.void, "key", { failIfLocked: true }).pipe(
 *     Effect.catchReason("LockError", "LockTimeout", () => Effect.succeed("held by the other")),
 *     Effect.provide(Layer.fresh(process()))
 *   )
 *   return yield* there.pipe(Lock.withLock("key"), Effect.provide(process()))
 * })
 *
 * await Effect.runPromise(program) // => "held by the other"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never, R = never>(
  store: Effect.Effect<LockStore, E, R>
): Layer.Layer<LockBackend, E, Exclude<R, Scope.Scope>> => Layer.effect(LockBackend, Effect.flatMap(store, make))
