import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as LockBackend from "./LockBackend.ts";
import type { LockStore } from "./LockStore.ts";
/**
 * The store behind {@link layer}. Several backends made from one store contend
 * with each other as processes do, which is what tests of such situations want.
 *
 * **Details**
 *
 * A holder that never releases leaves an entry that ends with its lease. Such
 * entries are swept when they could be half of all, so that the store is never
 * more than twice as large as what is held.
 *
 * **Example** (Two contenders)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* InMemoryBackend.makeStore
 *   const claim = { key: "key", expiresMillis: 1000, wait: false }
 *   const first = yield* store.tryAcquire({ ...claim, token: "a" })
 *   const second = yield* store.tryAcquire({ ...claim, token: "b" })
 *   return [first._tag, second._tag]
 * })
 *
 * await Effect.runPromise(program) // => ["Acquired", "Held"]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export declare const makeStore: Effect.Effect<LockStore>;
/**
 * Locks in the memory of this process.
 *
 * **Details**
 *
 * Wherever and however often this layer is provided in a program, also by two
 * copies of this package, it is the same locks: their state belongs to the `Clock`
 * service that the layer is built with. A test under `TestClock` has locks of its
 * own. Use {@link layerFresh} for locks that nobody else sees.
 *
 * **Example** (One at a time)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const seen: Array<string> = []
 * const worker = (name: string) =>
 *   Effect.gen(function*() {
 *     seen.push(`${name} in`)
 *     yield* Effect.sleep("5 millis")
 *     seen.push(`${name} out`)
 *   }).pipe(Lock.withLock("key"))
 *
 * const program = Effect.all([worker("a"), worker("b")], { concurrency: "unbounded" }).pipe(
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program)
 * seen // => ["a in", "a out", "b in", "b out"]
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export declare const layer: Layer.Layer<LockBackend.LockBackend>;
/**
 * Locks of its own for each time that the layer is provided.
 *
 * **Example** (Two programs that do not see each other)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const other = Lock.once(Effect.succeed("ran, too"), "key").pipe(Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(other.pipe(Lock.withLock("key"), Effect.provide(InMemoryBackend.layerFresh)))
 * // => Option.some("ran, too")
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export declare const layerFresh: Layer.Layer<LockBackend.LockBackend>;
