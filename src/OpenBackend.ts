/**
 * A backend that locks nothing: every request is granted at once.
 *
 * For tests and scripts in which locking must not matter. **It gives no mutual exclusion
 * whatsoever**; use `InMemoryBackend` to test mutual exclusion.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import { type Guard, toJSON } from "./internal/guard.ts"
import { decodeExtension } from "./internal/options.ts"
import * as Section from "./internal/section.ts"
import { LockBackend } from "./LockBackend.ts"
import type { LockRequest } from "./LockConfig.ts"
import type { LockError } from "./LockError.ts"

/**
 * Every call acquires its lock at once, and never loses it. Fencing tokens still increase, so that
 * code that checks them works.
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
  return Section.make({
    name: "open",
    isInProcess: true,
    take: (request) => new OpenLease(request, ++fencingToken),
    inspect: () => Effect.succeedNone,
    holders: () => Effect.succeed([]),
    forceRelease: () => Effect.succeed(false),
    adopt: (_token, request) => Effect.sync(() => new OpenLease(request, ++fencingToken)),
    watch: () => Effect.void,
    list: () => Effect.succeed({ locks: [], next: undefined }),
    listen: () => constVoid
  })
})

/** Never lost, and released without a store. */
class OpenLease extends Inspectable.Class implements Guard {
  readonly key: string
  readonly fencingToken: number
  readonly waited = Duration.zero
  readonly lost = Effect.never
  readonly home = OpenLease
  readonly token = "open"
  isHeld = true
  readonly expiresMillis: number
  private ended: (exit: Exit.Exit<void>) => void = constVoid

  constructor({ expiresMillis, key }: LockRequest, fencingToken: number) {
    super()
    this.key = key
    this.expiresMillis = expiresMillis
    this.fencingToken = fencingToken
  }

  toJSON(): unknown {
    return toJSON(this, this.isHeld ? "Held" : "Released")
  }

  /** Nor when it is released: work under it has nothing to lose. */
  get isOver(): boolean {
    return false
  }

  get isLost(): boolean {
    return false
  }

  get remaining(): Effect.Effect<Duration.Duration> {
    return Effect.sync(() => this.isHeld ? Duration.millis(this.expiresMillis) : Duration.zero)
  }

  get release(): Effect.Effect<void> {
    return Effect.sync(() => this.giveBack())
  }

  extend(expires?: Duration.Input): Effect.Effect<void, LockError> {
    return expires === undefined ? Effect.void : Effect.asVoid(Effect.fromResult(decodeExtension(expires)))
  }

  detach(): Effect.Effect<void> {
    return Effect.sync(() => this.giveBack())
  }

  watch(): void {}

  whenGone(): () => void {
    return constVoid
  }

  judge<A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, E> {
    return exit
  }

  settle<A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, E> {
    return exit
  }

  giveBack(): undefined {
    if (!this.isHeld) return
    this.isHeld = false
    this.ended(Exit.void)
  }

  whenEnded(then: (exit: Exit.Exit<void>) => void): void {
    this.ended = then
  }
}
