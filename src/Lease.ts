/**
 * A lease: the right to a key for a limited time.
 *
 * **Example** (Asking it)
 *
 * ```ts
 * import { Duration, Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Lock.withLock("key", { expires: "5 seconds" })((lease) =>
 *   Effect.gen(function*() {
 *     yield* lease.extend("1 minute")
 *     const remaining = yield* lease.remaining
 *     return [lease.key, lease.fencingToken, Duration.toSeconds(remaining) > 50]
 *   })
 * )
 *
 * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => ["key", 1, true]
 * ```
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { LockError } from "./LockError.ts"

/**
 * A lock that is held. `Lock.withLock` and `Lock.acquire` give it to their caller, and release it
 * when the work or the scope ends.
 *
 * **Details**
 *
 * A lease that renews itself lasts as long as the work does, unless the backend is unreachable for
 * longer than `expires` or somebody releases the lock by force. Then it is *lost*: `withLock`
 * interrupts the work; with a lease from `Lock.acquire`, run the work under `Lock.guard`, or race
 * it with {@link Lease.lost}.
 *
 * **Gotchas**
 *
 * No lease can stop a write that is already on its way. Pass
 * {@link Lease.fencingToken} along with writes, and let the storage refuse a
 * token that is lower than one it has seen (Kleppmann, "How to do distributed
 * locking", 2016).
 *
 * @category models
 * @since 0.1.0
 */
export interface Lease {
  /** The key as the backend sees it, with the configured prefix. */
  readonly key: string

  /**
   * A safe integer that grows with every holder of the key, so that a storage can refuse the late
   * writes of an earlier one.
   *
   * If the key is shared, a reader's token is greater than that of every earlier writer and less
   * than that of every later one, so it tells how fresh its data are. The tokens of permits fence
   * nothing, since their holders overlap. Readers of one process that share one lease have the same
   * token, and a permit that is passed on keeps its token.
   */
  readonly fencingToken: number

  /**
   * How long its holder waited for another; zero when the key was free at once,
   * however long the backend took to say so.
   */
  readonly waited: Duration.Duration

  /**
   * The time until the local deadline, by this process's monotonic clock; zero once the lease is
   * lost or released.
   */
  readonly remaining: Effect.Effect<Duration.Duration>

  /**
   * Starts the lease anew: it lasts `expires` from now (default: as it was acquired), and so does
   * each later renewal. A duration shorter than the one it was acquired with does not shorten it,
   * and an extension that fails does not change it.
   *
   * Fails with `LockLost` if the lease is over, with `BackendFailure` if the backend did not answer
   * (the lease then goes on until its deadline), and with `InvalidOptions` if the duration is
   * invalid.
   */
  readonly extend: (expires?: Duration.Input) => Effect.Effect<void, LockError>

  /**
   * Releases the lease before its scope ends. Later calls, and the end of the scope, do nothing. It
   * never fails: a failed release is logged, counted, and retried until the lease would have ended
   * by itself.
   */
  readonly release: Effect.Effect<void>

  /** Fails with `LockLost` once the lease is lost, and otherwise never completes. */
  readonly lost: Effect.Effect<never, LockError>
}
