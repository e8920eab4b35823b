/**
 * What happens to the locks of this process, as it happens: `Lock.events`.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import type { BackendFailure, LockLost } from "./LockError.ts"

/**
 * An event, told apart by `_tag`. A call that waits emits `Waiting`, and later one of `Acquired`,
 * `TimedOut` and `GaveUp`; one that holds a lock emits `Released` or `Lost`. `BackendDown` is the
 * first failure of a backend, and `BackendUp` says that it answers again. Between `PollingBegan`
 * and `PollingEnded` the backend does not notify waiters, and they poll.
 *
 * **Example** (Telling of losses)
 *
 * ```ts
 * import { Effect, Fiber, Stream } from "effect"
 * import { InMemoryBackend, Lock, type LockEvent } from "effect-lock"
 *
 * const describe = (event: LockEvent.LockEvent) =>
 *   event._tag === "Lost" ? `lost ${event.key}: ${event.why}` : event._tag
 *
 * const program = Effect.gen(function*() {
 *   const told = yield* Lock.events.pipe(
 *     Stream.map(describe),
 *     Stream.take(2),
 *     Stream.runCollect,
 *     Effect.forkChild({ startImmediately: true })
 *   )
 *   yield* Effect.ignore(Lock.withLock(Lock.forceRelease("key"), "key"))
 *   return yield* Fiber.join(told)
 * }).pipe(Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(program) // => ["Acquired", "lost key: Taken"]
 * ```
 *
 * @category models
 * @since 0.2.0
 */
export type LockEvent =
  | {
    /** A call could not acquire the lock at once, and waits. */
    readonly _tag: "Waiting"
    /** The key it waits for. */
    readonly key: string
    /** Who waits: the `owner` of this process. */
    readonly owner: string
  }
  | {
    readonly _tag: "Acquired"
    /** The key that is held from now on. */
    readonly key: string
    /** The fencing token of the new lease. */
    readonly fencingToken: number
    /** The time since the call. */
    readonly waited: Duration.Duration
  }
  | {
    /**
     * A lease passes from one holder in this process to the next, without the store. `Acquired`
     * follows, or `Lost` or `Released` if the next holder does not get it.
     */
    readonly _tag: "HandedOver"
    /** The key that is handed over. */
    readonly key: string
    /** The fencing token of the new lease. */
    readonly fencingToken: number
  }
  | {
    readonly _tag: "Released"
    /** The key that is free, or passes to the next holder. */
    readonly key: string
    /** The fencing token of the lease that ended. */
    readonly fencingToken: number
    /** The time since it was acquired. */
    readonly held: Duration.Duration
  }
  | {
    readonly _tag: "Lost"
    /** The key that is no longer held. */
    readonly key: string
    /** The fencing token of the lost lease. */
    readonly fencingToken: number
    /** How it was lost, as in the holder's `LockLost`. */
    readonly why: LockLost["why"]
    /** The time since it was acquired. */
    readonly held: Duration.Duration
  }
  | {
    /** Somebody else held the lock until the timeout: a call ends its wait, or fails at once. */
    readonly _tag: "TimedOut"
    /** The key that the call waited for. */
    readonly key: string
    /** The time since the call. */
    readonly waited: Duration.Duration
  }
  | {
    /** A waiting call was interrupted, or failed. */
    readonly _tag: "GaveUp"
    /** The key that the call waited for. */
    readonly key: string
    /** The time since the call. */
    readonly waited: Duration.Duration
  }
  | {
    readonly _tag: "BackendDown"
    /** The first failure. */
    readonly failure: BackendFailure
  }
  | {
    readonly _tag: "BackendUp"
    /** How long it was down. */
    readonly after: Duration.Duration
  }
  | {
    readonly _tag: "PollingBegan"
    /** Why the backend does not notify waiters, as text. */
    readonly reason: string
  }
  | { readonly _tag: "PollingEnded" }
