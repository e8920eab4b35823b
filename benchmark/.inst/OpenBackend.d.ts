import * as Layer from "effect/Layer";
import { LockBackend } from "./LockBackend.ts";
/**
 * Always acquires, never blocks, never loses. Fencing tokens still increase, so
 * that code which checks them works.
 *
 * **Example** (Nobody waits)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock, OpenBackend } from "effect-lock"
 *
 * const nested = Effect.succeed("no deadlock").pipe(
 *   Lock.withLock("key", { timeout: 0 }),
 *   Lock.withLock("key", { timeout: 0 }),
 *   Effect.provide(OpenBackend.layer)
 * )
 *
 * await Effect.runPromise(nested) // => "no deadlock"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export declare const layer: Layer.Layer<LockBackend>;
