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
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Serving from "./internal/serving.ts"
import type { Lease } from "./Lease.ts"
import type { LockRequest } from "./LockConfig.ts"
import type { Holder, LockError } from "./LockError.ts"
import type { LockStore, Occupant } from "./LockStore.ts"

/**
 * A request that ended without the lock: how long it waited, and who has the
 * key as far as the backend knows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Busy {
  readonly _tag: "Busy"
  readonly waitedMillis: number
  readonly occupant: Occupant | undefined
}

/**
 * A request that got the lock: the lease, and what the combinators of `Lock`
 * need to guard work with it.
 *
 * `watch` keeps the lease alive from then on and calls back once, synchronously,
 * when it is lost; its result unsubscribes. `settle` gives the exit of work done
 * under the lease: its own, unless the lease ended first. `giveBack` acts at
 * once, once, and returns what is left to do, if anything.
 *
 * @category models
 * @since 0.1.0
 */
export interface Taken extends Lease {
  readonly _tag: "Taken"
  readonly watch: (onLost: () => void) => () => void
  readonly settle: <A, E>(exit: Exit.Exit<A, E>) => Exit.Exit<A, E | LockError>
  readonly giveBack: () => Effect.Effect<void> | undefined
}

/**
 * Gives an effect the interruptibility of the caller's caller, as
 * `Effect.uninterruptibleMask` provides it.
 *
 * @category models
 * @since 0.1.0
 */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * What a backend can do. Use it through the functions of `Lock`.
 *
 * - `take` waits for the lock as the request says. Call it inside
 *   `Effect.uninterruptibleMask`, pass on its `restore`, and run the result at
 *   once: it acts when called, and gives an `Exit` where nothing had to be waited
 *   for. The waiting is interruptible and leaves nothing behind, the taking is
 *   not, so that the caller can register the release in the same step. Waiting in
 *   vain is an answer, not an error.
 * - `inspect` says who holds a key.
 * - `forceRelease` frees a key whoever holds it, and says whether it was held.
 *
 * @category services
 * @since 0.1.0
 */
export class LockBackend extends Context.Service<LockBackend, {
  readonly name: string
  readonly take: (request: LockRequest, restore: Restore) => Effect.Effect<Taken | Busy, LockError>
  readonly inspect: (key: string) => Effect.Effect<Option.Option<Holder>, LockError>
  readonly forceRelease: (key: string) => Effect.Effect<boolean, LockError>
}>()("effect-lock/LockBackend") {}

/**
 * Turns a store into a backend: adds the local queue, the retry loop, renewal,
 * deadlines, hand-over between local fibers, cleanup, and metrics. When the
 * scope closes, waiters fail with `BackendFailure`, holders are told that they
 * lost the lock, and everything still in the store is released.
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
export const make: (store: LockStore) => Effect.Effect<LockBackend["Service"], never, Scope.Scope> = Serving.make

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
