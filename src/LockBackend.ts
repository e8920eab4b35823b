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
 * A request that ended without the lock: what it asked for and how long it
 * waited. `fail` is the `LockTimeout` that it is for a call that wanted the lock,
 * with who has it as far as the backend knows.
 *
 * @category models
 * @since 0.2.0
 */
export interface Refusal {
  readonly request: LockRequest
  readonly waitedMillis: number
  readonly fail: Effect.Effect<never, LockError>
}

/**
 * What a backend can do. Use it through the functions of `Lock`; write one
 * with {@link make}, or decorate one.
 *
 * - `use` runs work under the lock: the whole life of a lock as one effect, which
 *   does nothing before it runs. `refused` says what to do instead when the time
 *   is over.
 * - `acquire` takes the lock for the life of the scope, likewise.
 * - `inspect` says who holds a key.
 * - `list` says which keys are held that start with a prefix, and by whom: a page of
 *   them, from the `next` of the page before on, or from the first.
 * - `listen` has `hear` called for what happens to locks in this process, until what
 *   it returns is called, and `end` when the backend closes.
 * - `forceRelease` frees a key whoever holds it, or only if the holder's token is
 *   the one given, and says whether it did.
 *
 * @category services
 * @since 0.1.0
 */
export class LockBackend extends Context.Service<LockBackend, {
  readonly name: string
  readonly use: <A, E, R>(
    request: LockRequest,
    work: Effect.Effect<A, E, R> | ((lease: Lease) => Effect.Effect<A, E, R>),
    refused: (refusal: Refusal) => Effect.Effect<A, E | LockError, R>
  ) => Effect.Effect<A, E | LockError, R>
  readonly acquire: <A, E, R>(
    request: LockRequest,
    refused: (refusal: Refusal) => Effect.Effect<A, E | LockError, R>
  ) => Effect.Effect<Lease | A, E | LockError, R | Scope.Scope>
  readonly inspect: (key: string) => Effect.Effect<Option.Option<Holder>, LockError>
  readonly forceRelease: (key: string, token?: string) => Effect.Effect<boolean, LockError>
  readonly list: (
    prefix: string,
    from: string | undefined
  ) => Effect.Effect<
    {
      readonly locks: ReadonlyArray<{ readonly key: string; readonly holder: Holder }>
      readonly next: string | undefined
    },
    LockError
  >
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
