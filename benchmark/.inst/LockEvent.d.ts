/**
 * What happens to locks in this process, for those who want to see it as it
 * happens: `Lock.events`.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration";
import type { BackendFailure, LockLost } from "./LockError.ts";
/**
 * One thing that has happened, told apart by `_tag`. Of a call that waits it is told
 * that it is `Waiting`, and later one of `Acquired`, `TimedOut` and `GaveUp`; of one
 * that holds a lock, one of `Released` and `Lost`. The backend is `BackendDown` from
 * its first failure on until it answers again, `BackendUp`. Between `PollingBegan` and
 * `PollingEnded` it does not tell those who wait, and they ask again and again.
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
export type LockEvent = {
    /** A call could not have the lock at once, and waits. */
    readonly _tag: "Waiting";
    /** What is waited for. */
    readonly key: string;
    /** Who waits: the owner label of this process. */
    readonly owner: string;
} | {
    readonly _tag: "Acquired";
    /** What is held from now on. */
    readonly key: string;
    /** Of the new lease. */
    readonly fencingToken: number;
    /** Since it was asked for. */
    readonly waited: Duration.Duration;
} | {
    /**
     * A lease goes from one holder in this process to the next, without the store; `Acquired` follows, or
     * `Lost` or `Released` if it does not get there.
     */
    readonly _tag: "HandedOver";
    /** What is handed over. */
    readonly key: string;
    /** Of the lease that it is from now on. */
    readonly fencingToken: number;
} | {
    readonly _tag: "Released";
    /** What is free, or goes to the next. */
    readonly key: string;
    /** Of the lease that has ended. */
    readonly fencingToken: number;
    /** Since it was acquired. */
    readonly held: Duration.Duration;
} | {
    readonly _tag: "Lost";
    /** What is not held any more. */
    readonly key: string;
    /** Of the lease that was lost. */
    readonly fencingToken: number;
    /** How it was lost; the same as in the holder's `LockLost`. */
    readonly why: LockLost["why"];
    /** Since it was acquired. */
    readonly held: Duration.Duration;
} | {
    /** Somebody else had the lock until the timeout: the end of a wait, or a call that fails at once. */
    readonly _tag: "TimedOut";
    /** What was waited for. */
    readonly key: string;
    /** Since it was asked for. */
    readonly waited: Duration.Duration;
} | {
    /** One who waited was interrupted, or has failed. */
    readonly _tag: "GaveUp";
    /** What was waited for. */
    readonly key: string;
    /** Since it was asked for. */
    readonly waited: Duration.Duration;
} | {
    readonly _tag: "BackendDown";
    /** The first failure. */
    readonly failure: BackendFailure;
} | {
    readonly _tag: "BackendUp";
    /** For how long it was down. */
    readonly after: Duration.Duration;
} | {
    readonly _tag: "PollingBegan";
    /** Why the backend tells nobody, in words. */
    readonly reason: string;
} | {
    readonly _tag: "PollingEnded";
};
