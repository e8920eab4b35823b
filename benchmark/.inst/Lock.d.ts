import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type * as Schedule from "effect/Schedule";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import * as Stream from "effect/Stream";
import type { Lease } from "./Lease.ts";
import type { LockBackend } from "./LockBackend.ts";
import type { LockOptions, SectionOptions, ShareOptions } from "./LockConfig.ts";
import { type Holder, LockError } from "./LockError.ts";
import type { LockEvent } from "./LockEvent.ts";
export type { 
/**
 * See `Lease`.
 *
 * @since 0.1.0
 */
Lease } from "./Lease.ts";
/**
 * The work to run under a lock: an effect, or a function that wants the lease,
 * for its fencing token or to extend it.
 *
 * @category models
 * @since 0.1.0
 */
export type Work<A, E, R> = Effect.Effect<A, E, R> | ((lease: Lease) => Effect.Effect<A, E, R>);
/**
 * Runs an effect while holding the lock on a key.
 *
 * Waits for the lock as long as `timeout` says (default 60 seconds), holds it for
 * as long as the effect runs, and gives it back whatever the outcome. See each
 * overload for the details.
 *
 * @category combinators
 * @since 0.1.0
 */
export declare const withLock: {
    /**
     * Runs an effect, or what a function makes of the lease, while holding the lock
     * on a key.
     *
     * **Details**
     *
     * Waits for the lock as long as `timeout` says (default 60 seconds), holds it
     * for as long as the effect runs, and gives it back whatever the outcome. The
     * effect's own success, failure, defect or interruption comes out unchanged. A
     * release that fails because the backend is down is logged, counted and tried
     * again; it never replaces a result.
     *
     * The effect runs on a fiber of its own with the caller's services. If the lease
     * is lost, that fiber is interrupted and its finalizers run before the error
     * comes out. Fibers that it forks as children end with it.
     *
     * **Errors**
     *
     * - `LockTimeout`: somebody else had the lock until the timeout
     * - `LockLost`: the lease ended before the effect did
     * - `LockReentered`: the work around the call holds the key, and waiting for it would be in vain
     * - `BackendFailure`: the backend could not answer within the timeout
     * - `InvalidOptions`: an option, or the key, makes no sense
     *
     * **Gotchas**
     *
     * An effect that cannot be interrupted delays `LockLost` until it has finished.
     * There is no longest hold: cap the work, `Effect.timeout("1 minute")` inside of this, and the
     * key is free as soon as it has stopped.
     *
     * **Example** (With the fencing token)
     *
     * ```ts
     * import { Effect } from "effect"
     * import { InMemoryBackend, Lock } from "effect-lock"
     *
     * const write = Lock.withLock((lease) => Effect.succeed({ row: 1, fence: lease.fencingToken }), "table-1")
     *
     * const program = Effect.provide(Effect.map(write, ({ fence }) => fence > 0), InMemoryBackend.layer)
     *
     * await Effect.runPromise(program) // => true
     * ```
     *
     * @category combinators
     * @since 0.1.0
     */
    <A, E, R>(work: Work<A, E, R>, key: string, options?: SectionOptions): Effect.Effect<A, E | LockError, R | LockBackend>;
    /**
     * Runs an effect while holding the lock on a key.
     *
     * **Details**
     *
     * Waits for the lock as long as `timeout` says (default 60 seconds), holds it
     * for as long as the effect runs, and gives it back whatever the outcome. The
     * effect's own success, failure, defect or interruption comes out unchanged. A
     * release that fails because the backend is down is logged, counted and tried
     * again; it never replaces a result.
     *
     * The effect runs on a fiber of its own with the caller's services. If the lease
     * is lost, that fiber is interrupted and its finalizers run before the error
     * comes out. Fibers that it forks as children end with it.
     *
     * **Errors**
     *
     * - `LockTimeout`: somebody else had the lock until the timeout
     * - `LockLost`: the lease ended before the effect did
     * - `LockReentered`: the work around the call holds the key, and waiting for it would be in vain
     * - `BackendFailure`: the backend could not answer within the timeout
     * - `InvalidOptions`: an option, or the key, makes no sense
     *
     * **Gotchas**
     *
     * An effect that cannot be interrupted delays `LockLost` until it has finished.
     * There is no longest hold: cap the work, `Effect.timeout("1 minute")` inside of this, and the
     * key is free as soon as it has stopped.
     *
     * **Example** (In a pipeline)
     *
     * ```ts
     * import { Effect } from "effect"
     * import { InMemoryBackend, Lock } from "effect-lock"
     *
     * const charge = Effect.succeed("charged").pipe(Lock.withLock("order-7", { timeout: "5 seconds" }))
     *
     * await Effect.runPromise(Effect.provide(charge, InMemoryBackend.layer)) // => "charged"
     * ```
     *
     * @category combinators
     * @since 0.1.0
     */
    (key: string, options?: SectionOptions): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>;
};
/**
 * The options of {@link once}: those of a lock, except that `timeout` is zero
 * unless given, and whether a taken lock is a failure.
 *
 * @category models
 * @since 0.1.0
 */
export interface OnceOptions extends SectionOptions, ShareOptions {
    /**
     * What to do when the lock is taken. Default false: the result is `Option.none`,
     * and otherwise `Option.some` of the effect's own. With `true` the result is not
     * wrapped, and a taken lock fails with `LockTimeout`.
     */
    readonly failIfLocked?: boolean | undefined;
}
type Quiet = OnceOptions & {
    readonly failIfLocked?: false | undefined;
};
type Loud = OnceOptions & {
    readonly failIfLocked: true;
};
/**
 * Runs an effect only if nobody else is running it under the same key:
 * `Option.some` of its result, or `Option.none` when the lock is taken.
 *
 * **Details**
 *
 * With `failIfLocked: true` the result is not wrapped, and a taken lock fails
 * with `LockTimeout`. A `LockError` from inside the effect, be it for the same
 * key, always comes out as it is.
 *
 * The key is free again when the effect has finished, or when `atLeast` has passed:
 * make it longer than the clocks of those who run a job at the same time are apart.
 * What is to happen once per day needs the day in its key and a record that it was
 * done.
 *
 * **Errors**
 *
 * - `LockTimeout`: only with `failIfLocked`
 * - `LockLost`, `BackendFailure`, `InvalidOptions`: as for {@link withLock}
 *
 * **Example** (A job that must not overlap itself)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const job = Effect.delay(Effect.succeed("report"), "10 millis").pipe(Lock.once("nightly-report"))
 *
 * const program = Effect.all([job, job], { concurrency: "unbounded" }).pipe(Effect.provide(InMemoryBackend.layer))
 *
 * await Effect.runPromise(program) // => [Option.some("report"), Option.none()]
 * ```
 *
 * **Example** (A job that others fire a little later)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const job = Effect.succeed("report").pipe(Lock.once("nightly-report", { atLeast: "1 minute" }))
 *
 * const program = Effect.all([job, Effect.delay(job, "10 millis")]).pipe(Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(program) // => [Option.some("report"), Option.none()]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export declare const once: {
    /**
     * Runs an effect, or what a function makes of the lease, only if nobody else is
     * running it under the same key, and fails with `LockTimeout` when the lock is
     * taken: its result is not wrapped.
     *
     * @category combinators
     * @since 0.1.0
     */
    <A, E, R>(work: Work<A, E, R>, key: string, options: Loud): Effect.Effect<A, E | LockError, R | LockBackend>;
    /**
     * Runs an effect, or what a function makes of the lease, only if nobody else is
     * running it under the same key: `Option.some` of its result, or `Option.none`
     * when the lock is taken.
     *
     * Fails with `LockLost`, `BackendFailure` or `InvalidOptions` as `withLock` does.
     *
     * @category combinators
     * @since 0.1.0
     */
    <A, E, R>(work: Work<A, E, R>, key: string, options?: Quiet): Effect.Effect<Option.Option<A>, E | LockError, R | LockBackend>;
    /**
     * Runs an effect, or what a function makes of the lease, only if nobody else is
     * running it under the same key. Whether the result is wrapped is as
     * `failIfLocked` turns out.
     *
     * @category combinators
     * @since 0.2.0
     */
    <A, E, R>(work: Work<A, E, R>, key: string, options?: OnceOptions): Effect.Effect<A | Option.Option<A>, E | LockError, R | LockBackend>;
    /**
     * Runs an effect only if nobody else is running it under the same key, and fails
     * with `LockTimeout` when the lock is taken: its result is not wrapped.
     *
     * @category combinators
     * @since 0.1.0
     */
    (key: string, options: Loud): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>;
    /**
     * Runs an effect only if nobody else is running it under the same key:
     * `Option.some` of its result, or `Option.none` when the lock is taken.
     *
     * Fails with `LockLost`, `BackendFailure` or `InvalidOptions` as `withLock` does.
     *
     * @category combinators
     * @since 0.1.0
     */
    (key: string, options?: Quiet): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<Option.Option<A>, E | LockError, R | LockBackend>;
    /**
     * Runs an effect only if nobody else is running it under the same key. Whether
     * the result is wrapped is as `failIfLocked` turns out.
     *
     * @category combinators
     * @since 0.2.0
     */
    (key: string, options?: OnceOptions): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A | Option.Option<A>, E | LockError, R | LockBackend>;
};
/**
 * Runs an effect while sharing the lock on a key with others that share it: the
 * read side of a lock whose write side is {@link withLock}. See each overload for
 * the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export declare const withSharedLock: {
    /**
     * Runs an effect, or what a function makes of the lease, while sharing the lock on
     * a key. As the overload that takes the key first.
     *
     * @category combinators
     * @since 0.2.0
     */
    <A, E, R>(work: Work<A, E, R>, key: string, options?: SectionOptions): Effect.Effect<A, E | LockError, R | LockBackend>;
    /**
     * Runs an effect while sharing the lock on a key.
     *
     * **Details**
     *
     * With all others that share it at the same moment, as a reader does: it excludes
     * {@link withLock} on the same key, and nobody else. Who came first is served
     * first, so that a stream of readers does not keep a writer waiting: readers that
     * come after it go behind it.
     *
     * The rest is as for {@link withLock}. The fencing token of a reader is above that
     * of every writer before it and below that of every later one; it tells how fresh
     * what was read is.
     *
     * **Errors**
     *
     * - `LockTimeout`, `LockLost`, `BackendFailure`, `InvalidOptions`: as for {@link withLock}
     * - `LockReentered`: the work around the call holds the key, and waiting for it would be in vain
     * - `BackendFailure` of kind `Unsupported`: the backend keeps no more than one holder of a key
     *
     * **Example** (Two readers at the same time)
     *
     * ```ts
     * import { Effect } from "effect"
     * import { InMemoryBackend, Lock } from "effect-lock"
     *
     * const reader = Effect.delay(Lock.holders("page"), "5 millis").pipe(
     *   Effect.map((holders) => holders.length),
     *   Effect.tap(Effect.sleep("5 millis")),
     *   Lock.withSharedLock("page")
     * )
     *
     * const program = Effect.all([reader, reader], { concurrency: "unbounded" })
     *
     * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => [2, 2]
     * ```
     *
     * @category combinators
     * @since 0.2.0
     */
    (key: string, options?: SectionOptions): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>;
};
/**
 * The options of {@link withPermits}: those of a lock, and how many may hold it.
 *
 * @category models
 * @since 0.2.0
 */
export interface PermitOptions extends SectionOptions {
    /** No more permits than this are out when this call has its own. A whole number of at least 1. */
    readonly limit: number;
    /** How many permits this call takes. A whole number of at least 1 and at most `limit`. Default 1. */
    readonly permits?: number | undefined;
}
/**
 * Runs an effect while holding permits of a key: a semaphore across processes. See
 * each overload for the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export declare const withPermits: {
    /**
     * Runs an effect, or what a function makes of the lease, while holding permits of a
     * key. As the overload that takes the key first.
     *
     * @category combinators
     * @since 0.2.0
     */
    <A, E, R>(work: Work<A, E, R>, key: string, options: PermitOptions): Effect.Effect<A, E | LockError, R | LockBackend>;
    /**
     * Runs an effect while holding permits of a key, of which no more than `limit` are
     * out at the same time.
     *
     * **Details**
     *
     * The limit is that of the call. Nobody sets one for a key, so none can be stale
     * after a deploy; where calls name different ones, each waits until its own is
     * kept. Each holder has a lease of its own: a crashed one's permits come back when
     * it ends. Who came first is served first, and one that needs more permits than are
     * free holds up those behind it, so that it does not starve. Readers
     * ({@link withSharedLock}) and permits of one key count together, and
     * {@link withLock} excludes both.
     *
     * The fencing tokens of permits fence nothing: their holders overlap, so a storage
     * must not refuse the lower of two.
     *
     * **Errors**
     *
     * - `LockTimeout`, `LockLost`, `BackendFailure`: as for {@link withLock}
     * - `LockReentered`: the work around the call holds the key, and waiting for it would be in vain
     * - `BackendFailure` of kind `Unsupported`: the backend keeps no more than one holder of a key
     * - `InvalidOptions`: also for permits that are no whole number, less than 1, or more than the limit
     *
     * **Example** (At most two at a time)
     *
     * ```ts
     * import { Effect } from "effect"
     * import { InMemoryBackend, Lock } from "effect-lock"
     *
     * let inside = 0
     * const call = Effect.gen(function*() {
     *   inside++
     *   yield* Effect.sleep("2 millis")
     *   return inside--
     * }).pipe(Lock.withPermits("api", { limit: 2 }))
     *
     * const program = Effect.all([call, call, call, call], { concurrency: "unbounded" })
     *
     * const seen = await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer))
     * Math.max(...seen) // => 2
     * ```
     *
     * @category combinators
     * @since 0.2.0
     */
    (key: string, options: PermitOptions): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>;
};
/**
 * The work to run under several locks: an effect, or a function that wants the
 * leases, in the order in which the keys were given.
 *
 * @category models
 * @since 0.2.0
 */
export type WorkOfSeveral<A, E, R> = Effect.Effect<A, E, R> | ((leases: ReadonlyArray<Lease>) => Effect.Effect<A, E, R>);
/**
 * Runs an effect while holding the locks on several keys. See each overload for
 * the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export declare const withLocks: {
    /**
     * Runs an effect, or what a function makes of the leases, while holding the
     * locks on several keys. The leases come in the order in which the keys were
     * given. The rest is as for the overload that takes the keys first.
     *
     * @category combinators
     * @since 0.2.0
     */
    <A, E, R>(work: WorkOfSeveral<A, E, R>, keys: ReadonlyArray<string>, options?: LockOptions): Effect.Effect<A, E | LockError, R | LockBackend>;
    /**
     * Runs an effect while holding the locks on several keys.
     *
     * **Details**
     *
     * All keys are asked for together. If one is taken, those that sort after it go
     * back, and it is waited for; nobody ever holds a key while waiting for one that
     * sorts before it, so calls for the same keys in any order never wait for each
     * other in a circle. A key that is given twice is taken once. `timeout` is for all
     * of them together. Losing any of the leases interrupts the effect and fails with
     * `LockLost`; when it ends, all keys are given back at once.
     *
     * While some are taken and given back, others may see a short "taken" from
     * `Lock.once` or `Lock.tryAcquire`.
     *
     * **Errors**
     *
     * - `LockTimeout`: one of the keys, which it names, stayed with somebody else
     * - `LockLost`, `LockReentered`, `BackendFailure`: as for {@link withLock}
     * - `InvalidOptions`: an option, a key, or an empty list of keys makes no sense
     *
     * **Example** (A transfer between two accounts)
     *
     * ```ts
     * import { Effect } from "effect"
     * import { InMemoryBackend, Lock } from "effect-lock"
     *
     * const transfer = (from: string, to: string) =>
     *   Effect.delay(Effect.succeed(`${from} to ${to}`), "1 millis").pipe(
     *     Lock.withLocks([`account-${from}`, `account-${to}`], { timeout: "5 seconds" })
     *   )
     *
     * const program = Effect.all([transfer("a", "b"), transfer("b", "a")], { concurrency: "unbounded" }).pipe(
     *   Effect.provide(InMemoryBackend.layer)
     * )
     *
     * await Effect.runPromise(program) // => ["a to b", "b to a"]
     * ```
     *
     * @category combinators
     * @since 0.2.0
     */
    (keys: ReadonlyArray<string>, options?: LockOptions): <A, E, R>(work: WorkOfSeveral<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>;
};
/**
 * Runs an effect under a lease that one has. See each overload for the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export declare const guard: {
    /**
     * Runs an effect under a lease that one has, from {@link acquire} or
     * {@link tryAcquire}: what {@link withLock} does for its work, without taking the
     * lock and without giving it back.
     *
     * **Details**
     *
     * If the lease is lost, or is given back, the effect is interrupted, its finalizers
     * run, and the result is `LockLost`; if it is lost already, the effect does not
     * start. Work that never yields is told when it ends.
     *
     * **Errors**
     *
     * - `LockLost`: the lease ended before the effect did
     *
     * **Example** (A lease in a scope)
     *
     * ```ts
     * import { Effect } from "effect"
     * import { InMemoryBackend, Lock } from "effect-lock"
     *
     * const program = Effect.gen(function*() {
     *   const lease = yield* Lock.acquire("report")
     *   yield* Effect.forkChild(Effect.delay(Lock.forceRelease("report"), "5 millis"))
     *   return yield* Effect.never.pipe(
     *     Lock.guard(lease),
     *     Effect.catchReason("LockError", "LockLost", (reason) => Effect.succeed(reason.why))
     *   )
     * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layer))
     *
     * await Effect.runPromise(program) // => "Taken"
     * ```
     *
     * @category combinators
     * @since 0.2.0
     */
    (lease: Lease): <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LockError, R>;
    /**
     * Runs an effect under a lease that one has. As the overload that takes the lease
     * alone.
     *
     * @category combinators
     * @since 0.2.0
     */
    <A, E, R>(work: Effect.Effect<A, E, R>, lease: Lease): Effect.Effect<A, E | LockError, R>;
};
/**
 * Takes the lock for the life of the scope.
 *
 * **Details**
 *
 * The lease renews itself (unless `renew` is off) until the scope ends, which
 * releases it. Nobody interrupts the caller when the lease is lost: race the
 * work with `lease.lost`, or use {@link withLock}, which does.
 *
 * **Errors**
 *
 * - `LockTimeout`: somebody else had the lock until the timeout
 * - `BackendFailure`: the backend could not answer within the timeout
 * - `InvalidOptions`: an option, or the key, makes no sense
 *
 * **Example** (A lease in a scope)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const lease = yield* Lock.acquire("leader", { expires: "5 seconds" })
 *   return yield* Lock.guard(lease)(Effect.succeed(`leading as ${lease.fencingToken}`))
 * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layer))
 *
 * await Effect.runPromise(program) // => "leading as 1"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export declare const acquire: (key: string, options?: ShareOptions) => Effect.Effect<Lease, LockError, LockBackend | Scope.Scope>;
/**
 * Takes the lock for the life of the scope if it is free now: one attempt, and
 * `Option.none` when somebody else has it or is waiting for it in this process.
 *
 * Fails with `BackendFailure` when the backend cannot say, and with
 * `InvalidOptions` when an option, or the key, makes no sense.
 *
 * **Example** (Leading if nobody else does)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const first = yield* Lock.tryAcquire("leader")
 *   const second = yield* Lock.tryAcquire("leader")
 *   return [Option.isSome(first), Option.isSome(second)]
 * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layer))
 *
 * await Effect.runPromise(program) // => [true, false]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export declare const tryAcquire: (key: string, options?: Omit<ShareOptions, "timeout" | "retry">) => Effect.Effect<Option.Option<Lease>, LockError, LockBackend | Scope.Scope>;
declare const Ticket_base: Schema.Class<Ticket, Schema.Struct<{
    /** As the backend sees it, with the configured prefix. */
    readonly key: Schema.String;
    /** Who has it and can reach the backend can take the lock on. Nothing else in the ticket is secret. */
    readonly token: Schema.String;
    /** Of the holder that left it; its successor's is greater. */
    readonly fencingToken: Schema.Int;
    /** How long the lease of whoever takes it on lasts, unless told otherwise. */
    readonly expires: Schema.DurationFromMillis;
    /** How long it can be taken on, counted from when it was made. */
    readonly goodFor: Schema.DurationFromMillis;
}>, {}>;
/**
 * A lock on its way from one holder to another: what {@link detach} gives and
 * {@link adopt} takes. A schema, so that it can go through a queue or a database.
 *
 * **Example** (Through a queue)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const encode = Schema.encodeEffect(Schema.fromJsonString(Lock.Ticket))
 * const decode = Schema.decodeEffect(Schema.fromJsonString(Lock.Ticket))
 *
 * const program = Effect.gen(function*() {
 *   const lease = yield* Lock.acquire("order-7")
 *   const message = yield* Effect.flatMap(Lock.detach(lease), encode)
 *   return (yield* decode(message)).key
 * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(program) // => "order-7"
 * ```
 *
 * @category models
 * @since 0.2.0
 */
export declare class Ticket extends Ticket_base {
}
/**
 * Leaves a lock to whoever takes it on: ends this holder's claim to it without
 * freeing the key. Neither the end of the scope nor that of `withLock`'s work frees it
 * then; it is nobody's until {@link adopt} takes it on, and free when `for` has passed.
 *
 * **Details**
 *
 * The lease is started anew, so that the whole of `for` (default: as long as it was
 * taken for, which is the least) is left for the ticket to arrive. Work that
 * `Lock.guard` runs under the lease is interrupted with `LockLost`, of which `why` is
 * `"Released"`. When it fails the lease is the holder's as before.
 *
 * **Errors**
 *
 * - `LockLost`: the lease is no longer ours
 * - `BackendFailure`: the backend did not answer; of kind `Unsupported`: a lock of it cannot change hands
 * - `InvalidOptions`: the duration makes no sense, the key is shared, or the lease is of somebody else's making
 *
 * **Example** (From one fiber to another)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const ticket = yield* Lock.withLock((lease) => Lock.detach(lease, { for: "1 minute" }), "order-7")
 *   const meanwhile = yield* Lock.once(Effect.void, "order-7")
 *   const lease = yield* Lock.adopt(ticket)
 *   const done = yield* Lock.guard(lease)(Effect.succeed("done"))
 *   return [Option.isSome(meanwhile), done]
 * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(program) // => [false, "done"]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export declare const detach: (lease: Lease, options?: {
    /** How long there is to take it on. No less than the lease was taken for. */
    readonly for?: Duration.Input | undefined;
}) => Effect.Effect<Ticket, LockError>;
/**
 * Takes a lock on from a {@link Ticket}, in another fiber, process or host, for the
 * life of the scope: the lease renews itself and is given back as one of
 * {@link acquire}. Whoever comes first has it; the fencing token is greater than that
 * of the holder before.
 *
 * **Errors**
 *
 * - `LockLost`: it has been taken on already, the ticket is no longer good, or the key was taken away
 * - `BackendFailure`: the backend could not answer within the `timeout`; if the attempt was made all the
 *   same, the key is freed. Of kind `Unsupported`: a lock of it cannot change hands
 * - `InvalidOptions`: an option makes no sense
 *
 * **Example** (Once)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const ticket = yield* Lock.withLock((lease) => Lock.detach(lease), "order-7")
 *   yield* Lock.adopt(ticket)
 *   return yield* Lock.adopt(ticket).pipe(
 *     Effect.as("twice"),
 *     Effect.catchReason("LockError", "LockLost", (reason) => Effect.succeed(reason.why))
 *   )
 * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(program) // => "Taken"
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export declare const adopt: (ticket: Ticket, options?: Omit<LockOptions, "retry">) => Effect.Effect<Lease, LockError, LockBackend | Scope.Scope>;
/**
 * Who holds the lock on a key, since when, for how long if nobody renews it, and
 * how many wait, as far as the backend can tell. `Option.none` when it is free.
 *
 * Fails with `BackendFailure` when the backend cannot say.
 *
 * **Example** (Looking at a lock)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Lock.inspect("key").pipe(
 *   Effect.map((holder) => Option.isSome(holder)),
 *   Lock.withLock("key"),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => true
 * ```
 *
 * @category utilities
 * @since 0.1.0
 */
export declare const inspect: (key: string) => Effect.Effect<Option.Option<Holder>, LockError, LockBackend>;
/**
 * All who hold the lock on a key: none, the one who has it alone, or those who
 * share it, with their permits. The one whose lease ends first comes first.
 *
 * Fails with `BackendFailure` when the backend cannot say.
 *
 * **Example** (How many permits are out)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Lock.holders("api").pipe(
 *   Effect.map((holders) => holders.map(({ permits }) => permits)),
 *   Lock.withPermits("api", { limit: 5, permits: 2 }),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => [2]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export declare const holders: (key: string) => Effect.Effect<ReadonlyArray<Holder>, LockError, LockBackend>;
/**
 * How to watch a key.
 *
 * @category models
 * @since 0.2.0
 */
export interface WatchOptions {
    /**
     * When to look. Default each second. It looks, too, when the backend tells of
     * another holder, and when the lease that was seen has come to its end. Where it
     * ends, so does the watch.
     */
    readonly look?: Schedule.Schedule<unknown> | undefined;
}
/**
 * Who has the lock on a key: at first who has it now, then each other one that is
 * seen; `Option.none` when it is free.
 *
 * **Details**
 *
 * It neither waits for the key nor takes it. Memory, files, PostgreSQL (but through a
 * pooler) and a single Redis server (from version 6) tell of a change at once; others are
 * looked at as often as `look` says. One that comes and goes between two looks is not seen. A process that hands its lease on among
 * its own fibers stays one holder, and a renewal is no change.
 *
 * While the backend is out of reach it tells nothing and looks again.
 *
 * **Errors**
 *
 * - `BackendFailure`: the backend cannot say, and will not by itself
 * - `InvalidOptions`: the key, or an option, makes no sense
 *
 * **Example** (Free, taken, free)
 *
 * ```ts
 * import { Effect, Fiber, Option, Stream } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const watch = yield* Lock.changes("door").pipe(
 *     Stream.map(Option.isSome),
 *     Stream.take(3),
 *     Stream.runCollect,
 *     Effect.forkChild({ startImmediately: true })
 *   )
 *   yield* Lock.withLock(Effect.sleep("5 millis"), "door")
 *   return yield* Fiber.join(watch)
 * })
 *
 * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => [false, true, false]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export declare const changes: (key: string, options?: WatchOptions) => Stream.Stream<Option.Option<Holder>, LockError, LockBackend>;
/**
 * Waits until the lock on a key is seen free, without taking it.
 *
 * **Details**
 *
 * Somebody else may have it in the next moment, and a key that goes from one
 * waiter to the next may never be seen free. Whoever wants to work under it wants
 * {@link withLock}.
 *
 * **Errors**
 *
 * - `LockTimeout`: it was not seen free within `timeout` (default 60 seconds, or as `LockConfig`
 *   says), or before `look` ended
 * - `BackendFailure`: the backend cannot say, and will not by itself
 * - `InvalidOptions`: the key, or an option, makes no sense
 *
 * **Example** (When the import is over)
 *
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const done: Array<string> = []
 *   const job = Effect.delay(Effect.sync(() => done.push("import")), "5 millis").pipe(Lock.withLock("import"))
 *   const fiber = yield* Effect.forkChild(job, { startImmediately: true })
 *   yield* Lock.awaitFree("import", { timeout: "10 seconds" })
 *   done.push("report")
 *   yield* Fiber.join(fiber)
 *   return done
 * })
 *
 * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => ["import", "report"]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export declare const awaitFree: (key: string, options?: WatchOptions & Pick<LockOptions, "timeout">) => Effect.Effect<void, LockError, LockBackend>;
/**
 * A key that is held, and by whom.
 *
 * @category models
 * @since 0.2.0
 */
export interface Held {
    /** What is held. */
    readonly key: string;
    /** Who holds it. */
    readonly holder: Holder;
}
/**
 * Which keys are held, and by whom: all, or those that start with `prefix`. The
 * backend is asked page by page, as far as the stream is pulled.
 *
 * **Details**
 *
 * It is no picture of one moment: a key that changes hands meanwhile may be missing,
 * or come twice. The `keyPrefix` of `LockConfig` is put before `prefix`, and keys come
 * without it, as other calls want them.
 *
 * **Errors**
 *
 * - `BackendFailure`: the backend cannot be reached; of kind `Unsupported` where it
 *   does not know its keys (memcached, key-value stores)
 *
 * **Example** (Who holds what)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const keys = Lock.list({ prefix: "order-" }).pipe(Stream.map(({ key }) => key), Stream.runCollect)
 *
 * const program = keys.pipe(
 *   Lock.withLock("order-1"),
 *   Lock.withLock("report"),
 *   Effect.provide(InMemoryBackend.layerFresh)
 * )
 *
 * await Effect.runPromise(program) // => ["order-1"]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export declare const list: (options?: {
    /** What keys start with. Default: any. */
    readonly prefix?: string | undefined;
}) => Stream.Stream<Held, LockError, LockBackend>;
/**
 * What happens to locks in this process, on the backend of the context, from when
 * the stream is run until the backend closes. Costs nothing while nobody listens.
 *
 * **Details**
 *
 * Of a listener that does not keep up, the oldest of more than a thousand events are
 * dropped; nobody waits for it. Keys are with the `keyPrefix` of `LockConfig`.
 *
 * **Example** (Following one lock)
 *
 * ```ts
 * import { Effect, Fiber, Stream } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const following = yield* Lock.events.pipe(
 *     Stream.map((event) => event._tag),
 *     Stream.take(2),
 *     Stream.runCollect,
 *     Effect.forkChild({ startImmediately: true })
 *   )
 *   yield* Lock.withLock(Effect.void, "key")
 *   return yield* Fiber.join(following)
 * }).pipe(Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(program) // => ["Acquired", "Released"]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export declare const events: Stream.Stream<LockEvent, never, LockBackend>;
/**
 * Frees a key whoever holds it, and says whether somebody did. For operators who
 * know that the holder is gone or stuck.
 *
 * **Details**
 *
 * The holder is told that its lock is lost: at once in this process, at its next
 * renewal in another. It is the *process* that was seen which loses the key: where
 * it has handed its lease on to another of its own fibers in the meantime, that one
 * does. A process that came after it is left alone.
 *
 * Of those who share a key all that are seen lose it. With `token`, from
 * `Lock.inspect`, `Lock.holders` or a `LockTimeout`, only a holder of that very
 * token is removed, so that who was looked at is who goes.
 *
 * **Errors**
 *
 * - `BackendFailure`: the backend cannot be reached
 * - `InvalidOptions`: the key makes no sense
 *
 * **Example** (Taking a lock away)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.never.pipe(
 *   Lock.withLock("stuck"),
 *   Effect.catchReason("LockError", "LockLost", (reason) => Effect.succeed(reason.why)),
 *   Effect.zip(Effect.delay(Lock.forceRelease("stuck"), "5 millis"), { concurrent: true }),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => ["Taken", true]
 * ```
 *
 * @category utilities
 * @since 0.1.0
 */
export declare const forceRelease: (key: string, options?: {
    /** Removes only the holder of this token. Default: whoever holds the key. */
    readonly token?: string | undefined;
}) => Effect.Effect<boolean, LockError, LockBackend>;
