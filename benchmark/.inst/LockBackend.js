/**
 * The service that lock calls run on, and the engine behind it.
 *
 * Programs get a `LockBackend` from a layer (`InMemoryBackend.layer`,
 * `RedisBackend.layer`, …) and use it through `Lock`. Backend authors write a
 * `LockStore` and turn it into a backend with {@link make}.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Engine from "./internal/engine/engine.js";
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
export class LockBackend extends Context.Service()("effect-lock/LockBackend") {
}
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
export const make = Engine.make;
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
export const layer = (store) => Layer.effect(LockBackend, Effect.flatMap(store, make));
