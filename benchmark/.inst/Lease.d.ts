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
import type * as Duration from "effect/Duration";
import type * as Effect from "effect/Effect";
import type { LockError } from "./LockError.ts";
/**
 * What a holder has in hand. `Lock.withLock` and `Lock.acquire` give it, and
 * take it back when the work or the scope ends.
 *
 * **Details**
 *
 * A lease that renews itself lasts as long as the work does, unless the backend
 * is out of reach for longer than `expires` or somebody removes the lock by
 * force. Then it is *lost*: `withLock` interrupts the work; whoever got the
 * lease from `Lock.acquire` races the work with {@link Lease.lost}.
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
    readonly key: string;
    /**
     * A safe integer, greater with every holder of the key, for a storage to refuse
     * the late writes of an earlier one.
     *
     * Of those who share a key, a reader's is above that of every writer before it and
     * below that of every later one: it tells how fresh what was read is. Those of
     * permits fence nothing, since their holders overlap. Readers of one process that
     * have a lease in common have one, and a permit that is passed on keeps its own.
     */
    readonly fencingToken: number;
    /**
     * How long its holder waited for another; zero when the key was free at once,
     * however long the backend took to say so.
     */
    readonly waited: Duration.Duration;
    /**
     * Until the local deadline, by this process's monotonic clock; zero once the
     * lease is lost or released.
     */
    readonly remaining: Effect.Effect<Duration.Duration>;
    /**
     * Starts the lease anew: it lasts `expires` from now (default: as long as it
     * was taken for), and so do later renewals. A shorter time than it was taken
     * for changes nothing about its length, and neither does an extension that
     * failed.
     *
     * Fails with `LockLost` when the lease is no longer ours, with
     * `BackendFailure` when the backend did not answer (the lease then goes on to
     * its deadline), with `InvalidOptions` for a duration that makes no sense.
     */
    readonly extend: (expires?: Duration.Input) => Effect.Effect<void, LockError>;
    /**
     * Gives the lease back before its scope ends. Later calls, and the end of the
     * scope, do nothing. Never fails: a backend that is down is logged, counted,
     * and asked again until the lease would have ended by itself.
     */
    readonly release: Effect.Effect<void>;
    /**
     * Fails with `LockLost` once the lease is lost, and otherwise never
     * completes. Race the work with it.
     */
    readonly lost: Effect.Effect<never, LockError>;
}
