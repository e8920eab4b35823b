import * as Schema from "effect/Schema";
declare const Holder_base: Schema.Class<Holder, Schema.Struct<{
    /** The holder's token, which is what the backend stores. */
    readonly token: Schema.String;
    /**
     * What the process behind the token is called (see `LockConfig`; host name and
     * process id unless it says otherwise); absent when the token was written by
     * something else than this library.
     */
    readonly owner: Schema.optional<Schema.String>;
    /** When the holder asked for the lock, by the holder's wall clock; absent where `owner` is. */
    readonly since: Schema.optional<Schema.DateTimeUtcFromMillis>;
    /** How long the lease lasts if nobody renews it; absent where the backend does not know. */
    readonly remaining: Schema.optional<Schema.DurationFromMillis>;
    /** How many processes queue for the lock, and in memory how many calls; absent where the backend does not know. */
    readonly waiters: Schema.optional<Schema.Finite>;
    /** How many it has of a key that is shared; absent when it has the key alone. */
    readonly permits: Schema.optional<Schema.Finite>;
}>, {}>;
/**
 * Who holds a lock, as far as the backend can tell.
 *
 * In JSON it is plain: the time in ISO 8601, `remainingMillis`, and of the token no
 * more than tells holders apart, since whoever has a token can release its lock.
 * Who wants it adds it: `{ ...holder.toJSON(), token: holder.token }`. To send a
 * holder and get one back, encode it by its schema.
 *
 * **Example** (Saying who is in the way)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock, LockError } from "effect-lock"
 *
 * const program = Lock.inspect("key").pipe(
 *   Effect.map(Option.map((holder) => holder instanceof LockError.Holder)),
 *   Lock.withLock("key"),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => Option.some(true)
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export declare class Holder extends Holder_base {
    /** For logs and people: times plain, the token shortened. */
    toJSON(): {
        /** What the process behind the token is called. */
        readonly owner?: string;
        /** When the holder asked for the lock, in ISO 8601. */
        readonly since?: string;
        /** How long the lease lasts if nobody renews it. */
        readonly remainingMillis?: number;
        /** How many processes queue for the lock. */
        readonly waiters?: number;
        /** How many permits it has of a key that is shared. */
        readonly permits?: number;
        /** The beginning of the token, which tells holders apart. */
        readonly token: string;
    };
}
declare const LockTimeout_base: Schema.Class<LockTimeout, Schema.TaggedStruct<"LockTimeout", {
    /** The key as the backend sees it, with the configured prefix. */
    readonly key: Schema.String;
    /** How long the call would have waited: its `timeout`, or the default in force. */
    readonly timeout: Schema.decodeTo<Schema.Duration, Schema.Union<readonly [Schema.Finite, Schema.Literal<"Infinity">]>, never, never>;
    /**
     * How long it did wait, the queue in this process included. Less than `timeout`
     * where a `retry` schedule gave up early.
     */
    readonly waited: Schema.DurationFromMillis;
    /** Who had the lock at the last look; absent where the backend could not say. */
    readonly holder: Schema.optional<typeof Holder>;
    /** Whether the work around the call holds the lock itself; absent where it does not. */
    readonly byCaller: Schema.optional<Schema.Boolean>;
}>, import("effect/Cause").YieldableError>;
/**
 * The lock stayed with another holder until `timeout` had passed.
 *
 * **Details**
 *
 * `Lock.once` with `failIfLocked` fails with this reason too, after waiting for its
 * `timeout` (none, unless told otherwise).
 *
 * @category errors
 * @since 0.1.0
 */
export declare class LockTimeout extends LockTimeout_base {
    /** Which lock it was, how long it was waited for, and who has it. */
    readonly message: string;
}
/**
 * What kind of trouble a backend is in, the same words for every backend.
 *
 * - `Unreachable`: no connection, or it broke
 * - `NoReply`: connected, but no answer in time
 * - `Loading`: the server is starting and not serving yet
 * - `ReadOnly`: the server takes no writes (a replica, after a failover)
 * - `OutOfMemory`: the server refused to store the lock
 * - `WrongType`: something that is no lock lives at the key
 * - `Unauthorized`: credentials or permissions are missing
 * - `Cluster`: the cluster is moving or down
 * - `Unsupported`: the server lacks something the protocol needs
 * - `Closed`: the backend's layer has been closed
 * - `Unknown`: anything else; see `cause`
 *
 * @category models
 * @since 0.1.0
 */
export declare const FailureKind: Schema.Literals<readonly ["Unreachable", "NoReply", "Loading", "ReadOnly", "OutOfMemory", "WrongType", "Unauthorized", "Cluster", "Unsupported", "Closed", "Unknown"]>;
/**
 * The type of {@link FailureKind}.
 *
 * @category models
 * @since 0.1.0
 */
export type FailureKind = typeof FailureKind.Type;
declare const BackendFailure_base: Schema.Class<BackendFailure, Schema.TaggedStruct<"BackendFailure", {
    /** The name of the backend, such as `"redis"`. */
    readonly backend: Schema.String;
    /** What could not be done, such as `"acquire"`, `"extend"`, `"release"`, `"inspect"` or `"connect"`. */
    readonly operation: Schema.String;
    /** What kind of trouble it is. */
    readonly kind: Schema.Literals<readonly ["Unreachable", "NoReply", "Loading", "ReadOnly", "OutOfMemory", "WrongType", "Unauthorized", "Cluster", "Unsupported", "Closed", "Unknown"]>;
    /**
     * Whether it may work later (a broken connection, a server that is loading). It is
     * then tried again for as long as the `timeout` of the lock lasts.
     */
    readonly retryable: Schema.Boolean;
    /** The key as the backend sees it; absent when it was about no single one. */
    readonly key: Schema.optional<Schema.String>;
    /** What happened, and what may help, in words; absent where `cause` says all. */
    readonly description: Schema.optional<Schema.String>;
    /** What the client library said; absent where it was not asked, or said nothing. */
    readonly cause: Schema.optional<Schema.Defect>;
}>, import("effect/Cause").YieldableError>;
/**
 * The backend could not answer, so nobody knows whether the lock is free. It
 * never counts as acquired.
 *
 * **Details**
 *
 * Those of a lock call come out when its `timeout` is over, or at once where trying
 * again is of no use.
 *
 * @category errors
 * @since 0.1.0
 */
export declare class BackendFailure extends BackendFailure_base {
    /** Which backend could not do what, and why. */
    readonly message: string;
}
declare const LockLost_base: Schema.Class<LockLost, Schema.TaggedStruct<"LockLost", {
    /** The key as the backend sees it, with the configured prefix. */
    readonly key: Schema.String;
    /**
     * How it ended.
     *
     * - `Expired`: the deadline passed without a renewal getting through, or with
     *   renewal switched off
     * - `Taken`: the backend said that the key is no longer ours (deleted, flushed,
     *   evicted, taken by force)
     * - `Closed`: the layer of the backend was closed under the holder
     * - `Released`: the lease had been given back when it was to be extended
     */
    readonly why: Schema.Literals<readonly ["Expired", "Taken", "Closed", "Released"]>;
    /** How long we had it, in whole milliseconds. */
    readonly held: Schema.DurationFromMillis;
    /** What the last renewal failed with, where it is `Expired` for that; absent otherwise. */
    readonly failure: Schema.optional<typeof BackendFailure>;
}>, import("effect/Cause").YieldableError>;
/**
 * The lease ended before the work did, so the work was interrupted.
 *
 * **Details**
 *
 * Work protected by a lost lock may have overlapped with the next holder from that
 * moment on; fencing tokens are what stops its late writes.
 *
 * @category errors
 * @since 0.1.0
 */
export declare class LockLost extends LockLost_base {
    /** Which lock it was, how long it was held, and why it ended. */
    readonly message: string;
}
declare const InvalidOptions_base: Schema.Class<InvalidOptions, Schema.TaggedStruct<"InvalidOptions", {
    /** The name of what is wrong: an option, `"key"`, or a variable of the environment. */
    readonly option: Schema.String;
    /** What was given, as text for people; of what may contain a password only what is wrong with it. */
    readonly value: Schema.String;
    /** What would be right, as text for people. */
    readonly expected: Schema.String;
}>, import("effect/Cause").YieldableError>;
/**
 * An option, a key or a configuration value is not usable. Nothing was sent to
 * the backend.
 *
 * **Example** (A key that is none)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.void.pipe(
 *   Lock.withLock(""),
 *   Effect.catchReason("LockError", "InvalidOptions", (reason) => Effect.succeed([reason.option, reason.value])),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => ["key", '""']
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export declare class InvalidOptions extends InvalidOptions_base {
    /** Which option it is, what was given, and what would be right. */
    readonly message: string;
}
declare const LockReentered_base: Schema.Class<LockReentered, Schema.TaggedStruct<"LockReentered", {
    /** The key as the backend sees it, with the configured prefix. */
    readonly key: Schema.String;
    /** How the work holds it: alone, or together with others. */
    readonly held: Schema.Literals<readonly ["alone", "shared"]>;
    /** How it asked for it. */
    readonly wanted: Schema.Literals<readonly ["alone", "shared"]>;
}>, import("effect/Cause").YieldableError>;
/**
 * The work asked, in a way that would wait, for a lock that it holds itself. It
 * could only have waited in vain, so it failed at once; nothing was sent.
 *
 * **Details**
 *
 * The option `reenter: true` runs the inner work under the lease that is there.
 *
 * Children of the work (`Effect.forkChild`) are told, too, since they end with it. Of
 * what `Effect.timeout`, `Effect.race` and `Effect.all` run beside it nobody knows
 * whether the work waits for it, no more than of what is detached: it waits, and its
 * `LockTimeout` says `byCaller`.
 *
 * **Example** (A lock inside itself)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const inner = Effect.succeed("done").pipe(
 *   Lock.withLock("key"),
 *   Effect.catchReason("LockError", "LockReentered", (reason) => Effect.succeed(`have ${reason.key} already`))
 * )
 *
 * await Effect.runPromise(inner.pipe(Lock.withLock("key"), Effect.provide(InMemoryBackend.layer)))
 * // => "have key already"
 * ```
 *
 * @category errors
 * @since 0.2.0
 */
export declare class LockReentered extends LockReentered_base {
    /** Which lock it is, and how to run the work under the lease that is there. */
    readonly message: string;
}
/**
 * The reasons a {@link LockError} can have.
 *
 * @category errors
 * @since 0.1.0
 */
export type LockErrorReason = LockTimeout | LockLost | LockReentered | BackendFailure | InvalidOptions;
/**
 * The schema of {@link LockErrorReason}.
 *
 * @category errors
 * @since 0.1.0
 */
export declare const LockErrorReason: Schema.Union<[
    typeof LockTimeout,
    typeof LockLost,
    typeof LockReentered,
    typeof BackendFailure,
    typeof InvalidOptions
]>;
declare const LockError_base: Schema.Class<LockError, Schema.TaggedStruct<"LockError", {
    /** What happened, to be told by its `_tag`, or by `Effect.catchReason` and `Effect.catchReasons`. */
    readonly reason: Schema.Union<[typeof LockTimeout, typeof LockLost, typeof LockReentered, typeof BackendFailure, typeof InvalidOptions]>;
}>, import("effect/Cause").YieldableError>;
/**
 * The one error of this library. Its `reason` says what happened.
 *
 * **Example** (Telling busy from broken)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const charge = Effect.succeed("charged").pipe(
 *   Lock.withLock("order-1"),
 *   Effect.catchReasons("LockError", {
 *     LockTimeout: () => Effect.succeed("busy, try later"),
 *     BackendFailure: () => Effect.succeed("lock service is down")
 *   }),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(charge) // => "charged"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export declare class LockError extends LockError_base {
    /** What the reason says. */
    readonly message: string;
    /** What the client library said, where that is the reason. */
    get cause(): unknown;
}
/**
 * Whether a value is a {@link LockError}.
 *
 * **Example** (Telling it from other errors)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock, LockError } from "effect-lock"
 *
 * const program = Effect.fail("of the work").pipe(
 *   Lock.withLock("key"),
 *   Effect.flip,
 *   Effect.map(LockError.isLockError),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => false
 * ```
 *
 * @category guards
 * @since 0.1.0
 */
export declare const isLockError: (u: unknown) => u is LockError;
export {};
