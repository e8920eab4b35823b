import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Schedule from "effect/Schedule";
import type * as Stream from "effect/Stream";
import * as Lock from "./Lock.ts";
import type { LockBackend } from "./LockBackend.ts";
import type { LockOptions } from "./LockConfig.ts";
import { type Holder, LockError } from "./LockError.ts";
declare const Leadership_base: Context.ServiceClass<Leadership, "effect-lock/Leader/Leadership", {
    /** Of this term, with its fencing token. */
    readonly lease: Lock.Lease;
    /**
     * Steps down: the work is interrupted, its finalizers run, the key is given back, and
     * others have `rest` to take it before this process campaigns again. It never
     * returns; when the term is over it changes nothing.
     */
    readonly resign: Effect.Effect<never>;
}>;
/**
 * What the work of a leader knows of its leadership.
 *
 * **Example** (Handing it to somebody outside)
 *
 * ```ts
 * import { Deferred, Effect } from "effect"
 * import { InMemoryBackend, Leader } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const leading = yield* Deferred.make<Leader.Leadership["Service"]>()
 *   const work = Effect.flatMap(Leader.Leadership, (leadership) => Deferred.succeed(leading, leadership))
 *   yield* Leader.lead(work, "reports")
 *   return (yield* Deferred.await(leading)).lease.key
 * })
 *
 * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => "reports"
 * ```
 *
 * @category services
 * @since 0.2.0
 */
export declare class Leadership extends Leadership_base {
}
/**
 * How to lead: the options of a lock, without a `timeout` because a campaign has no
 * end, and what comes after a term.
 *
 * @category models
 * @since 0.2.0
 */
export interface LeadOptions extends Omit<LockOptions, "timeout"> {
    /**
     * Whether and when to campaign again after the work has failed; the schedule's
     * input is the failure. Meanwhile others may lead. Default: never, the failure is
     * the result. A schedule that ends makes the last failure the result.
     */
    readonly restart?: Schedule.Schedule<unknown, unknown> | undefined;
    /**
     * How long a leader that has resigned leaves the key to others before it campaigns
     * again. Default 1 second, which is longer than any backend's waiters sleep.
     */
    readonly rest?: Duration.Input | undefined;
}
/**
 * Runs an effect whenever this process leads. See each overload for the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export declare const lead: {
    /**
     * Runs an effect, or what a function makes of the lease, whenever this process
     * leads. As the overload that takes the key first.
     *
     * @category combinators
     * @since 0.2.0
     */
    <A, E, R>(work: Lock.Work<A, E, R>, key: string, options?: LeadOptions): Effect.Effect<A, E | LockError, Exclude<R, Leadership> | LockBackend>;
    /**
     * Runs an effect whenever this process leads: campaigns for the key, for ever; while
     * it leads, runs the effect; when leadership is lost, interrupts it, waits for its
     * finalizers, and campaigns again.
     *
     * **Details**
     *
     * The end of the effect is the end of the call, with its result; a daemon's effect
     * never ends. A failure is the result, too, unless `restart` says to campaign again.
     * Interrupting the call ends the effect and gives the key back at once.
     *
     * The effect runs as under `Lock.withLock`, with a {@link Leadership} of the term. An
     * effect that cannot be interrupted goes on after the loss until it ends; only
     * then is there a new campaign.
     *
     * While the backend is out of reach the campaign goes on.
     *
     * **Errors**
     *
     * - `BackendFailure`: the backend cannot answer, and will not by itself, or has been closed
     * - `LockTimeout`: only if a `retry` schedule has come to its end
     * - `LockReentered`: the work around the call holds the key
     * - `InvalidOptions`: an option, or the key, makes no sense
     *
     * **Example** (Again after a failure)
     *
     * ```ts
     * import { Effect, Schedule } from "effect"
     * import { InMemoryBackend, Leader } from "effect-lock"
     *
     * let terms = 0
     * const work = Effect.suspend(() => ++terms < 3 ? Effect.fail("no disk") : Effect.succeed(`in term ${terms}`))
     *
     * const program = work.pipe(
     *   Leader.lead("cleaner", { restart: Schedule.spaced("1 milli") }),
     *   Effect.provide(InMemoryBackend.layer)
     * )
     *
     * await Effect.runPromise(program) // => "in term 3"
     * ```
     *
     * @category combinators
     * @since 0.2.0
     */
    (key: string, options?: LeadOptions): <A, E, R>(work: Lock.Work<A, E, R>) => Effect.Effect<A, E | LockError, Exclude<R, Leadership> | LockBackend>;
};
/**
 * Steps down: to be called by the work of a leader, which is interrupted by it. See
 * {@link Leadership}.
 *
 * **Example** (Two terms)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Leader } from "effect-lock"
 *
 * let terms = 0
 * const work = Effect.suspend(() => ++terms === 1 ? Leader.resign : Effect.succeed(`in term ${terms}`))
 *
 * const program = Leader.lead(work, "cleaner", { rest: "1 milli" })
 *
 * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => "in term 2"
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export declare const resign: Effect.Effect<never, never, Leadership>;
/**
 * Services that live only while this process leads. See each overload for the
 * details.
 *
 * @category layers
 * @since 0.2.0
 */
export declare const layer: {
    /**
     * Services that live only while this process leads. As the overload that takes the
     * key first.
     *
     * @category layers
     * @since 0.2.0
     */
    <A, E, R>(services: Layer.Layer<A, E, R>, key: string, options?: LeadOptions): Layer.Layer<never, LockError, Exclude<R, Leadership> | LockBackend>;
    /**
     * Services that live only while this process leads: built when a term begins, closed
     * when it ends.
     *
     * **Details**
     *
     * The campaign runs in the background for as long as the layer does, which is built
     * at once and provides nothing. Whatever ends a term before its time, be it a
     * failure while building or a defect, is logged, and there is a new campaign after
     * `restart` (default after a second, growing to half a minute); where that ends there
     * is none, and the log says so. For a program that is nothing but a leader
     * `Layer.launch(services).pipe(Leader.lead(key))` does, and fails when they do.
     *
     * **Errors**
     *
     * - `InvalidOptions`: an option, or the key, makes no sense
     *
     * **Example** (A background job of the leader)
     *
     * ```ts
     * import { Deferred, Effect, Layer } from "effect"
     * import { InMemoryBackend, Leader } from "effect-lock"
     *
     * const program = Effect.gen(function*() {
     *   const started = yield* Deferred.make<string>()
     *   const job = Layer.effectDiscard(Effect.forkScoped(Deferred.succeed(started, "the leader's job runs")))
     *   const app = job.pipe(Leader.layer("jobs"), Layer.provide(InMemoryBackend.layer))
     *   return yield* Effect.provide(Deferred.await(started), app)
     * })
     *
     * await Effect.runPromise(program) // => "the leader's job runs"
     * ```
     *
     * @category layers
     * @since 0.2.0
     */
    (key: string, options?: LeadOptions): <A, E, R>(services: Layer.Layer<A, E, R>) => Layer.Layer<never, LockError, Exclude<R, Leadership> | LockBackend>;
};
/**
 * Who leads, as everybody sees it: who holds the lock on the key. `Option.none` when
 * nobody does.
 *
 * Fails with `BackendFailure` when the backend cannot say, and with `InvalidOptions`
 * when the key makes no sense.
 *
 * **Example** (Asking)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Leader } from "effect-lock"
 *
 * const program = Leader.current("jobs").pipe(
 *   Effect.map(Option.isSome),
 *   Leader.lead("jobs"),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => true
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export declare const current: (key: string) => Effect.Effect<Option.Option<Holder>, LockError, LockBackend>;
/**
 * Who leads: at first who does now, then each other leader that is seen, and
 * `Option.none` while nobody leads. It takes no part in the campaign. See
 * `Lock.changes`.
 *
 * **Example** (The first term of somebody)
 *
 * ```ts
 * import { Effect, Fiber, Option, Stream } from "effect"
 * import { InMemoryBackend, Leader } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const watch = yield* Leader.changes("jobs").pipe(
 *     Stream.map(Option.isSome),
 *     Stream.take(2),
 *     Stream.runCollect,
 *     Effect.forkChild({ startImmediately: true })
 *   )
 *   yield* Leader.lead(Effect.sleep("2 millis"), "jobs")
 *   return yield* Fiber.join(watch)
 * })
 *
 * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => [false, true]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export declare const changes: (key: string, options?: Lock.WatchOptions) => Stream.Stream<Option.Option<Holder>, LockError, LockBackend>;
export {};
