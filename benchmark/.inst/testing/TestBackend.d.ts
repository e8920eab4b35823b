import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as LockBackend from "../LockBackend.ts";
import { type FailureKind } from "../LockError.ts";
import type { LockStore, Share } from "../LockStore.ts";
/**
 * What the engine asks of a store, and so what can be scripted. Renewing many
 * leases in one call counts as `"extend"`.
 *
 * @category models
 * @since 0.1.0
 */
export type Operation = "tryAcquire" | "extend" | "release" | "inspect" | "listen" | "exchange";
/**
 * How the store answered a call; `"Unanswered"` as long as it has not.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "Unanswered" | "Failed" | "Acquired" | "Held" | "Extended" | "Lost" | "Released" | "NotHeld" | "Inspected" | "Listening";
/**
 * A call that the store has seen.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
    /** What was asked. */
    readonly operation: Operation;
    /** Of which key, with its prefix. */
    readonly key: string;
    /** For which acquisition; undefined for `inspect`, which is for none. */
    readonly token: string | undefined;
    /** When, in milliseconds of the monotonic clock, which `TestClock` starts at zero. */
    readonly at: number;
    /** How it was answered so far. */
    readonly outcome: Outcome;
}
/**
 * For how long a script is in force.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptOptions {
    /** How many calls it serves. Default: all, until `heal`. */
    readonly times?: number | undefined;
}
/**
 * A failure to script.
 *
 * @category models
 * @since 0.1.0
 */
export interface FailOptions extends ScriptOptions {
    /** What kind of failure. Default `"Unreachable"`. */
    readonly kind?: FailureKind | undefined;
    /** Whether the engine shall try again. Default true. */
    readonly retryable?: boolean | undefined;
    /** Whether the store does what it was asked, and only the answer is a failure. Default false. */
    readonly executed?: boolean | undefined;
}
declare const TestBackend_base: Context.ServiceClass<TestBackend, "effect-lock/testing/TestBackend", {
    /** The scripted store. `LockBackend.make(store)` is one more process on it. */
    readonly store: LockStore;
    /** Takes a key as another process, for as long as `for` says or until `free`. Dies if it is held already: use `steal`. */
    readonly hold: (key: string, options?: {
        /** How long it is held. Default: until `free`. */
        readonly for?: Duration.Input | undefined;
        /** Shares it, beside whoever does; without it, it is held alone. Each call is one more holder. */
        readonly share?: Share | undefined;
    }) => Effect.Effect<void>;
    /** Gives a key back that `hold` or `steal` took, and says whether it was so held. */
    readonly free: (key: string) => Effect.Effect<boolean>;
    /**
     * Takes a key away from whoever has it and holds it as another process (if the
     * store has a queue, whoever is first in it has the key instead). The holder
     * finds out at its next renewal.
     */
    readonly steal: (key: string, options?: {
        /** How long it is held. Default: until `free`. */
        readonly for?: Duration.Input | undefined;
    }) => Effect.Effect<void>;
    /** Makes the store forget a key. The holder finds out at its next renewal. */
    readonly drop: (key: string) => Effect.Effect<void>;
    /** Answers calls with a failure. */
    readonly fail: (operation: Operation | "any", options?: FailOptions) => Effect.Effect<void>;
    /** Executes calls at once and answers them late. */
    readonly delay: (operation: Operation | "any", by: Duration.Input, options?: ScriptOptions) => Effect.Effect<void>;
    /** Executes calls late. */
    readonly delayRequest: (operation: Operation | "any", by: Duration.Input, options?: ScriptOptions) => Effect.Effect<void>;
    /** Executes calls and never answers them. */
    readonly loseReply: (operation: Operation | "any", options?: ScriptOptions) => Effect.Effect<void>;
    /** Neither executes calls nor answers them. */
    readonly loseRequest: (operation: Operation | "any", options?: ScriptOptions) => Effect.Effect<void>;
    /** Forgets the scripts of an operation, or all. Calls under way stay as they are. */
    readonly heal: (operation?: Operation | "any") => Effect.Effect<void>;
    /** Fails every call as unreachable, until `up`. */
    readonly down: Effect.Effect<void>;
    /** Ends `down`. */
    readonly up: Effect.Effect<void>;
    /** The calls made so far, failed ones included, oldest first. */
    readonly calls: Effect.Effect<ReadonlyArray<Call>>;
}>;
/**
 * The other processes, the network, and the witness.
 *
 * @category services
 * @since 0.1.0
 */
export declare class TestBackend extends TestBackend_base {
}
/**
 * Puts scripts in front of a store, be it a real one. `hold`, `free`, `steal`
 * and `drop` go to the store past the scripts, and die if it fails.
 *
 * **Example** (Two processes on one store)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock, LockBackend } from "effect-lock"
 * import { TestBackend } from "effect-lock/testing"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* InMemoryBackend.makeStore
 *   const test = yield* TestBackend.make(store)
 *   const well = yield* LockBackend.make(store)
 *   const ill = yield* LockBackend.make(test.store)
 *   yield* test.down
 *   const attempt = Lock.withLock(Effect.succeed("done"), "key", { timeout: 0 }).pipe(
 *     Effect.catchReason("LockError", "BackendFailure", (reason) => Effect.succeed(reason.kind))
 *   )
 *   return yield* Effect.forEach([well, ill], (backend) =>
 *     Effect.provideService(attempt, LockBackend.LockBackend, backend))
 * }).pipe(Effect.scoped)
 *
 * await Effect.runPromise(program) // => ["done", "Unreachable"]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export declare const make: (store: LockStore) => Effect.Effect<TestBackend["Service"]>;
/**
 * A `LockBackend` over a store in memory, with scripts in front of it, and the
 * {@link TestBackend} that writes them. Every build has its own state.
 *
 * **Example** (A lock that is stolen)
 *
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { Lock } from "effect-lock"
 * import { TestBackend } from "effect-lock/testing"
 * import { TestClock } from "effect/testing"
 *
 * const program = Effect.gen(function*() {
 *   const test = yield* TestBackend.TestBackend
 *   const work = Effect.never.pipe(
 *     Lock.withLock("key", { expires: "3 seconds" }),
 *     Effect.catchReason("LockError", "LockLost", (reason) => Effect.succeed(reason.why))
 *   )
 *   const fiber = yield* Effect.forkChild(work, { startImmediately: true })
 *   yield* test.steal("key")
 *   // Told at the next renewal, after a third of the lease
 *   yield* TestClock.adjust("1 second")
 *   return yield* Fiber.join(fiber)
 * }).pipe(Effect.provide(TestBackend.layer), Effect.provide(TestClock.layer()))
 *
 * await Effect.runPromise(program) // => "Taken"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export declare const layer: Layer.Layer<LockBackend.LockBackend | TestBackend>;
export {};
