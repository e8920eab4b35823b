import * as Effect from "effect/Effect";
import type * as Fiber from "effect/Fiber";
import * as Scope from "effect/Scope";
import * as LockBackend from "../LockBackend.ts";
import type { LockStore } from "../LockStore.ts";
/**
 * How a process is.
 *
 * @category models
 * @since 0.2.0
 */
export type State = "running" | "paused" | "killed";
/**
 * What a process is like.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
    /**
     * What others see as the holder of its locks, 1 to 40 of the characters
     * `A-Z a-z 0-9 - _`; making a process with another name dies. Default: the owner of `LockConfig`.
     */
    readonly name?: string | undefined;
}
/**
 * A process that can be paused and killed.
 *
 * @category models
 * @since 0.2.0
 */
export interface TestProcess {
    /** How it is now. */
    readonly state: Effect.Effect<State>;
    /** Its backend, over the store that it was made with. */
    readonly backend: LockBackend.LockBackend["Service"];
    /**
     * Runs an effect in the process, with its backend, its clock and its scheduler. The fiber of
     * a process that is killed never ends; whoever joins it waits for ever.
     */
    readonly fork: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<Fiber.Fiber<A, E>, never, Exclude<R, LockBackend.LockBackend>>;
    /**
     * Stops it where it is, as `SIGSTOP` does: nothing in it happens until `resume`, while time and the
     * store go on. Only what is Effect's own is held: a promise or a timer of the platform that its
     * fibers wait for wakes them all the same.
     */
    readonly pause: Effect.Effect<void>;
    /** Lets it go on: what was due in the meantime comes now, in its order. */
    readonly resume: Effect.Effect<void>;
    /** Ends it, as `SIGKILL` does: nothing in it runs any more, not even a finalizer. */
    readonly kill: Effect.Effect<void>;
}
/**
 * Starts a process over a store. It is killed when the scope ends.
 *
 * **Details**
 *
 * Time is that of the `Clock` around it, so `TestClock` drives it. Put a `TestNetwork` between it and the
 * store to cut it off, or to lose what it is told.
 *
 * **Example** (A holder that is killed)
 *
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 * import { TestProcess } from "effect-lock/testing"
 * import { TestClock } from "effect/testing"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* InMemoryBackend.makeStore
 *   const ada = yield* TestProcess.make(store)
 *   const bob = yield* TestProcess.make(store)
 *   yield* ada.fork(Lock.withLock(Effect.never, "key", { expires: "10 seconds" }))
 *   yield* TestClock.adjust("1 second")
 *   yield* ada.kill
 *   const next = yield* bob.fork(Lock.withLock((lease) => Effect.succeed(lease.fencingToken), "key"))
 *   yield* TestClock.adjust("10 seconds")
 *   return yield* Fiber.join(next)
 * }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
 *
 * await Effect.runPromise(program) // => 2
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export declare const make: (store: LockStore, options?: Options | undefined) => Effect.Effect<TestProcess, never, Scope.Scope>;
