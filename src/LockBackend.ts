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
 * A request that ended without the lock, because somebody else had it until the
 * `timeout`. It is no error yet.
 *
 * @category models
 * @since 0.2.0
 */
export interface Refusal {
  /** What it asked for. */
  readonly request: LockRequest
  /** How long it waited, in milliseconds, the queue in this process included. */
  readonly waitedMillis: number
  /**
   * Makes it the `LockTimeout` that it is for a call that wanted the lock, and counts
   * it as one. It names the holder if the backend has said who that is.
   */
  readonly fail: Effect.Effect<never, LockError>
}

/**
 * What a backend can do. Use it through the functions of `Lock`; write one
 * with {@link make}, or decorate one. Keys are with the prefix of `LockConfig`.
 *
 * Everything fails with `BackendFailure` when the store cannot answer, or the backend
 * has been closed.
 *
 * @category services
 * @since 0.1.0
 */
export class LockBackend extends Context.Service<LockBackend, {
  /** The store's, for messages, spans and metrics, such as `"redis"`. */
  readonly name: string
  /**
   * Runs work under the lock: the whole life of a lock as one effect, which does
   * nothing before it runs. `refused` says what to do instead when the `timeout` is
   * over.
   *
   * Fails with `LockLost` when the lease ended before the work did, and with
   * `LockReentered` when it would wait for what the work around it holds.
   */
  readonly use: <A, E, R>(
    request: LockRequest,
    work: Effect.Effect<A, E, R> | ((lease: Lease) => Effect.Effect<A, E, R>),
    refused: (refusal: Refusal) => Effect.Effect<A, E | LockError, R>
  ) => Effect.Effect<A, E | LockError, R>
  /**
   * Takes the lock for the life of the scope, and gives its lease, or what `refused`
   * gives when the `timeout` is over.
   *
   * Fails with `LockReentered` when it would wait for what the work around it holds.
   * That the lease was lost is told by the lease.
   */
  readonly acquire: <A, E, R>(
    request: LockRequest,
    refused: (refusal: Refusal) => Effect.Effect<A, E | LockError, R>
  ) => Effect.Effect<Lease | A, E | LockError, R | Scope.Scope>
  /** Who holds the key, or `Option.none` if nobody does; of several who share it, one. */
  readonly inspect: (key: string) => Effect.Effect<Option.Option<Holder>, LockError>
  /** All who hold the key, which are several only if they share it. */
  readonly holders: (key: string) => Effect.Effect<ReadonlyArray<Holder>, LockError>
  /**
   * Frees the key whoever holds it, or only from the holder with this token, and says
   * whether it did. The holder learns of it, at its next renewal at the latest, and
   * fails with `LockLost`.
   */
  readonly forceRelease: (key: string, token?: string) => Effect.Effect<boolean, LockError>
  /**
   * Takes the lock on from a token that a holder has left behind, for the life of the
   * scope. Fails with `LockLost` if the key is no longer the token's.
   */
  readonly adopt: (token: string, request: LockRequest) => Effect.Effect<Lease, LockError, Scope.Scope>
  /**
   * Calls back whenever it may be worth while to look at the key again, as far as the
   * store tells, until the scope closes.
   */
  readonly watch: (key: string, notify: () => void) => Effect.Effect<void, never, Scope.Scope>
  /**
   * Which keys are held that start so, and by whom: a page of them, from the `next` of
   * the page before on, or the first.
   */
  readonly list: (
    prefix: string,
    from: string | undefined
  ) => Effect.Effect<
    {
      /** Those of this page; none does not mean that it is the last. */
      readonly locks: ReadonlyArray<{
        /** What is held. */
        readonly key: string
        /** Who holds it. */
        readonly holder: Holder
      }>
      /** Where to go on, and undefined at the end. */
      readonly next: string | undefined
    },
    LockError
  >
  /**
   * Has `hear` called for what happens to locks in this process, until what is returned
   * is called, and `end` when the backend closes. What they throw is ignored.
   */
  readonly listen: (hear: (event: LockEvent) => void, end: () => void) => () => void
}>()("effect-lock/LockBackend") {}

/**
 * Turns a store into a backend: adds the local queue, the retry loop, renewal,
 * deadlines, hand-over between local fibers, cleanup, and metrics. When the
 * scope closes, waiters fail with `BackendFailure` and holders are told that they
 * lost the lock; each key is freed when the work under it has ended, or at the
 * end of its lease.
 *
 * The store runs in the services that the backend is built in, plus the span of
 * the call: never in a transaction that the caller has open.
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
 * A layer from the effect that makes a store.
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
