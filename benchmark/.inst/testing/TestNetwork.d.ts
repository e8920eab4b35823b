import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type { LockStore } from "../LockStore.ts";
import type { Operation as Scripted, Outcome } from "./TestBackend.ts";
/**
 * What the engine asks of a store over a network.
 *
 * @category models
 * @since 0.2.0
 */
export type Operation = Scripted | "transfer" | "watch" | "list";
/**
 * Something on its way between a process and its store.
 *
 * @category models
 * @since 0.2.0
 */
export interface Message {
    /** A `"request"` to the store, its `"reply"`, or `"news"` that wake a waiter. */
    readonly kind: "request" | "reply" | "news";
    /** Whether it was sent, has arrived, or is lost. One that is sent has one of the other fates later. */
    readonly fate: "sent" | "arrived" | "lost";
    /** What was asked; `"listen"` or `"watch"` for news. */
    readonly operation: Operation;
    /** Of which key, with its prefix; for `list` the beginning of the keys. */
    readonly key: string;
    /** For which acquisition; undefined for what is for none, such as `inspect`. */
    readonly token: string | undefined;
    /** When, in milliseconds of the monotonic clock. */
    readonly at: number;
    /** What a reply says; undefined for requests and news. */
    readonly outcome: Outcome | undefined;
    /** The fencing token that a reply brings, if it says `"Acquired"`. */
    readonly fencingToken: number | undefined;
}
/**
 * How a network is at first.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
    /** How long a message takes in one direction. Default zero. */
    readonly latency?: Duration.Input | undefined;
    /** Is called with each message when it is sent, and again when it has arrived or is lost. Must not throw. */
    readonly onMessage?: ((message: Message) => void) | undefined;
}
/**
 * What is lost.
 *
 * @category models
 * @since 0.2.0
 */
export interface LoseOptions {
    /** Of which operation. Default: any. */
    readonly operation?: Operation | undefined;
    /** How many of them. Default 1. */
    readonly times?: number | undefined;
}
/**
 * A network in front of a store.
 *
 * @category models
 * @since 0.2.0
 */
export interface TestNetwork {
    /** The store as it is seen from the other end. */
    readonly store: LockStore;
    /** From now on a message takes so long in one direction. Those under way keep their time. */
    readonly latency: (oneWay: Duration.Input) => Effect.Effect<void>;
    /** Loses all messages from now on, and those under way, in both directions. Calls are never answered. */
    readonly cut: Effect.Effect<void>;
    /** Ends `cut`. What was lost stays lost. */
    readonly mend: Effect.Effect<void>;
    /** Loses the next requests: they are neither executed nor answered. */
    readonly loseRequest: (options?: LoseOptions) => Effect.Effect<void>;
    /** Loses the next replies: the store has done what it was asked, and nobody knows. */
    readonly loseReply: (options?: LoseOptions) => Effect.Effect<void>;
    /** Loses the next news: a waiter is not told, and has to find out. */
    readonly loseNews: (options?: Pick<LoseOptions, "times">) => Effect.Effect<void>;
}
/**
 * Puts a network in front of a store.
 *
 * **Details**
 *
 * Time is Effect's `Clock`, so `TestClock` drives it. A request that was sent arrives also
 * when nobody waits for its reply any more. When a backend over it closes, what is
 * under way arrives at once, and what was lost is answered with a failure.
 *
 * **Example** (A reply that is lost)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend } from "effect-lock"
 * import { TestNetwork } from "effect-lock/testing"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* InMemoryBackend.makeStore
 *   const seen: Array<string> = []
 *   const network = yield* TestNetwork.make(store, {
 *     onMessage: ({ fate, kind }) => seen.push(`${kind} ${fate}`)
 *   })
 *   yield* network.loseReply()
 *   const claim = { key: "key", token: "a", expiresMillis: 1000, wait: false }
 *   const answer = yield* network.store.tryAcquire(claim).pipe(Effect.timeoutOption("5 millis"))
 *   const held = yield* store.inspect("key")
 *   return [Option.isSome(answer), Option.isSome(held), seen]
 * })
 *
 * await Effect.runPromise(program)
 * // => [false, true, ["request sent", "request arrived", "reply sent", "reply lost"]]
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export declare const make: (store: LockStore, options?: Options) => Effect.Effect<TestNetwork>;
