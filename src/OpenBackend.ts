/**
 * A backend that locks nothing: every request is granted at once, to everybody.
 *
 * For tests and scripts in which locking must not matter. **It gives no mutual
 * exclusion whatsoever**; use `InMemoryBackend` to test that a program excludes.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import { LockBackend, type Taken } from "./LockBackend.ts"
import { decodeExtension } from "./LockConfig.ts"

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
export const layer: Layer.Layer<LockBackend> = Layer.sync(LockBackend, () => {
  let fencingToken = 0
  return {
    name: "open",
    take: (request) =>
      Effect.sync((): Taken => {
        let released = false
        return {
          _tag: "Taken",
          key: request.key,
          fencingToken: ++fencingToken,
          remaining: Effect.sync(() => released ? Duration.zero : Duration.millis(request.expiresMillis)),
          extend: (expires) =>
            expires === undefined ? Effect.void : Effect.asVoid(Effect.fromResult(decodeExtension(expires))),
          release: Effect.sync(() => {
            released = true
          }),
          lost: Effect.never,
          watch: () => () => {},
          settle: identity
        }
      }),
    inspect: () => Effect.succeedNone,
    forceRelease: () => Effect.succeed(false)
  }
})
