/**
 * What a backend author writes: four atomic operations on one key, and
 * optionally what the store can do better than that.
 *
 * `LockBackend.make` turns a store into a backend. It adds the local queue, the
 * retry loop, renewal, deadlines, cleanup, spans and metrics, so a store with
 * nothing but the four operations is complete and correct, only slower.
 *
 * **Details**
 *
 * What the engine relies on:
 *
 * - Every operation is atomic in the store, and compares the token where it says so.
 * - `tryAcquire` is idempotent by token: a key that already holds our own token
 *   is acquired, its lease set anew.
 * - The lease of an acquisition or an extension starts no earlier than the call.
 *   It ends by itself, by the store's clock.
 * - A failure means that nobody knows whether the operation was executed. It is
 *   never an acquisition and never a loss; the engine asks again or cleans up.
 * - Operations may be slow or hang. The engine stops listening after
 *   {@link LockStore.patience}, deals with a late reply, and interrupts the
 *   operation only when the backend closes.
 *
 * `effect-lock/testing` has a suite that checks a store against this contract.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration";
import type * as Effect from "effect/Effect";
import type * as Option from "effect/Option";
import type * as Schedule from "effect/Schedule";
import type * as Scope from "effect/Scope";
import type { BackendFailure } from "./LockError.ts";
/**
 * A request for a key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Claim {
    /** Any text that is not empty, with the configured prefix. */
    readonly key: string;
    /** Unique to this acquisition, and made of `A-Z a-z 0-9 - _ .` only. */
    readonly token: string;
    /** How long the lease shall last, in whole milliseconds. */
    readonly expiresMillis: number;
    /**
     * Whether we shall wait if the key is held: a store that keeps a queue remembers
     * the token in it, and takes it out again on `release`. A token that never comes
     * back must not stand in the way of the others for longer than its lease: give it
     * the key in its turn, and let the lease end.
     */
    readonly wait: boolean;
    /** To have the key together with others, up to the limit that this claim names. Without it, to have it alone. */
    readonly share?: Share | undefined;
    /**
     * The lease shall last though this process ends: a store that frees the keys of
     * processes that are gone leaves this one alone.
     */
    readonly outlives?: boolean | undefined;
}
/**
 * How a key is shared: so many permits of `limit`. The key is given if nobody has
 * it alone, and if with these no more than `limit` permits are out.
 *
 * @category models
 * @since 0.2.0
 */
export interface Share {
    /** How many this claim takes, a whole number from 1 to `limit`; a reader takes 1. */
    readonly permits: number;
    /**
     * How many may be out, these included, a safe integer. Each claim names its own; a
     * reader's is `Number.MAX_SAFE_INTEGER`.
     */
    readonly limit: number;
}
/**
 * The key is ours.
 *
 * @category models
 * @since 0.1.0
 */
export interface Acquired {
    readonly _tag: "Acquired";
    /**
     * A safe integer, greater than every one given out for this key before. A repeated
     * `tryAcquire` of the holder may give a greater one.
     */
    readonly fencingToken: number;
}
/**
 * The key is somebody else's, of whom it says what the store can tell.
 *
 * @category models
 * @since 0.1.0
 */
export interface Held {
    readonly _tag: "Held";
    /**
     * The holder's token, as it is stored. A store that cannot say so here is asked by
     * {@link LockStore.inspect} together with the last attempt of a call, if it makes
     * more than one: a call never takes longer to name the holder.
     */
    readonly token?: string | undefined;
    /**
     * How long its lease lasts if nobody renews it, in milliseconds. The engine looks
     * again when they have passed, so a store that wants many waiters not to come at
     * once adds some jitter, or looks by itself and says so.
     */
    readonly remainingMillis?: number | undefined;
    /**
     * The store looks by itself when the lease ends, and tells the token: the engine
     * need not ask then. Default false.
     */
    readonly watched?: boolean | undefined;
    /** How many processes queue for the key. */
    readonly waiters?: number | undefined;
}
/**
 * What a store knows of the current holder of a key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Occupant {
    /** Its token, as it is stored. */
    readonly token: string;
    /** How many permits it has, if it shares the key. */
    readonly permits?: number | undefined;
    /** How long its lease lasts if nobody renews it, in milliseconds. */
    readonly remainingMillis?: number | undefined;
    /** How many processes queue for the key, if the store keeps a queue. */
    readonly waiters?: number | undefined;
}
/**
 * One of the keys that are held, and what the store knows of its holder.
 *
 * @category models
 * @since 0.2.0
 */
export interface Listed extends Occupant {
    /** What is held, without the store's prefix. */
    readonly key: string;
}
/**
 * Some of the keys that are held.
 *
 * @category models
 * @since 0.2.0
 */
export interface Page {
    /** Those of this page; none does not mean that it is the last. */
    readonly locks: ReadonlyArray<Listed>;
    /** Where to go on, in the store's own words, and undefined at the end. */
    readonly next?: string | undefined;
}
/**
 * The answer to a {@link Claim}.
 *
 * @category models
 * @since 0.1.0
 */
export type Attempt = Acquired | Held;
/**
 * A lease that the store gave to a waiting token on its own, without being
 * asked again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Grant {
    /** As of {@link Acquired.fencingToken}. */
    readonly fencingToken: number;
    /**
     * A lower bound of when the lease began, on this process's monotonic clock
     * (`Clock.monotonicTimeNanos`, in milliseconds).
     */
    readonly sinceMillis: number;
    /** How long the lease lasts from then on, in milliseconds. */
    readonly leaseMillis: number;
}
/**
 * A held key, to be extended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Holding {
    /** The key as it was claimed. */
    readonly key: string;
    /** The token that claimed it. */
    readonly token: string;
    /** How long the lease shall last from now on, in whole milliseconds. */
    readonly expiresMillis: number;
    /** From now on as with {@link Claim.outlives}. Without it, as it was. */
    readonly outlives?: boolean | undefined;
}
/**
 * Hears what a store has to tell of itself, whether it is asked for anything or not.
 *
 * @category models
 * @since 0.2.0
 */
export interface Observer {
    /** It cannot be reached. */
    readonly down: (failure: BackendFailure) => void;
    /** It answers again. */
    readonly up: () => void;
    /** Those who wait cannot be told, for this reason, and come by to look instead. */
    readonly polling: (reason: string) => void;
    /** They are told again. */
    readonly told: () => void;
}
/**
 * The contract between a store and the engine.
 *
 * @category models
 * @since 0.1.0
 */
export interface LockStore {
    /** A short name for messages, spans and metrics, such as `"redis"`. */
    readonly name: string;
    /** Takes the key for the token if it is free or already the token's. One round trip. */
    readonly tryAcquire: (claim: Claim) => Effect.Effect<Attempt, BackendFailure>;
    /**
     * Starts the lease anew if the key is the token's, longer or shorter than it was; `false`
     * says that it is not.
     */
    readonly extend: (holding: Holding) => Effect.Effect<boolean, BackendFailure>;
    /**
     * Frees the key if it is the token's, and says whether it was. Takes the token
     * out of the queue if it only waits there.
     */
    readonly release: (key: string, token: string) => Effect.Effect<boolean, BackendFailure>;
    /** Who holds the key. */
    readonly inspect: (key: string) => Effect.Effect<Option.Option<Occupant>, BackendFailure>;
    /**
     * Whether claims may share a key. A store that says so owes them one order: who
     * came first is served first, one that does not fit holds up those behind it,
     * and whoever leaves, be it from the queue, may let others in.
     *
     * Default false; a claim that shares is then never sent, and its call fails.
     */
    readonly shares?: boolean | undefined;
    /** All who hold the key, for a store that shares. Without it there is only the one of {@link LockStore.inspect}. */
    readonly holders?: ((key: string) => Effect.Effect<ReadonlyArray<Occupant>, BackendFailure>) | undefined;
    /**
     * How much faster than ours the store's clock may run, as a fraction: the
     * holder's own deadline is that much (and 2 ms) before the end of the lease.
     * Default 0.01; 0 for a store that reads the same clock.
     */
    readonly drift?: number | undefined;
    /** How long the engine waits for a reply before it counts as lost. Default 1 second. */
    readonly patience?: Duration.Duration | undefined;
    /** The longest lease that the store can keep. */
    readonly maxExpires?: Duration.Duration | undefined;
    /**
     * When to look again while waiting, unless the user says otherwise. Default:
     * from 10 ms, growing by half up to 250 ms, jittered. Stores that wake their
     * waiters can afford much less.
     */
    readonly retry?: Schedule.Schedule<unknown> | undefined;
    /**
     * Calls `notify` whenever it may be worth while for the token to try again,
     * until the scope closes: with a {@link Grant} when the store has already
     * given it the key. The engine claims the key once more, with `wait`, when
     * this has returned, so nothing can be missed in between.
     */
    readonly listen?: ((key: string, token: string, notify: (grant: Grant | undefined) => void) => Effect.Effect<void, BackendFailure, Scope.Scope>) | undefined;
    /**
     * Calls `notify` whenever somebody else may have the key, or nobody, until the scope
     * closes: for those who look at it without wanting it. A lease that ends by itself
     * need not be told. Without it they look again and again.
     */
    readonly watch?: ((key: string, notify: () => void) => Effect.Effect<void, BackendFailure, Scope.Scope>) | undefined;
    /**
     * {@link LockStore.extend} for many keys at once; the answers in the same order. A
     * store that fails for some of them answers with their failures, so that the others
     * are not held up.
     */
    readonly extendAll?: ((holdings: ReadonlyArray<Holding>) => Effect.Effect<ReadonlyArray<boolean | BackendFailure>, BackendFailure>) | undefined;
    /**
     * Releases `token` and makes `claim` on the same key in one operation, so that
     * a process with more waiters goes to the end of the store's queue in one
     * round trip. Without it the engine does the one after the other.
     */
    readonly exchange?: ((token: string, claim: Claim) => Effect.Effect<Attempt, BackendFailure>) | undefined;
    /**
     * Gives the key from `token`, past all who wait, to the claim's token: a new lease,
     * with a greater fencing token. `Held` if the key is not `token`'s, and `Acquired` if it
     * is the claim's already. Without it a lock of this store cannot change hands.
     */
    readonly transfer?: ((token: string, claim: Claim) => Effect.Effect<Attempt, BackendFailure>) | undefined;
    /**
     * Told when a token that holds a key is left to whoever takes it on: this process will
     * not release it, so what is remembered of it can go.
     */
    readonly forget?: ((key: string, token: string) => void) | undefined;
    /**
     * A page of the keys that start with `prefix` (all, if it is empty) and are held,
     * from `from` on, which is the `next` of the page before, or undefined for the
     * first. In any order, and of a size that the store answers well within its
     * patience without keeping others waiting.
     *
     * A key that is held all the while is on one page at least; one that changes
     * hands meanwhile may be on none, or on two. Keys are as they were claimed, not
     * as the store writes them.
     */
    readonly list?: ((prefix: string, from: string | undefined) => Effect.Effect<Page, BackendFailure>) | undefined;
    /**
     * Tells of trouble that nobody would see by asking, until what is returned is
     * called: a connection that breaks while nothing is out, or a subscription that is
     * missing, so that {@link LockStore.listen} makes do without. The engine logs it,
     * and passes it on to `Lock.events`.
     */
    readonly observe?: ((observer: Observer) => () => void) | undefined;
    /**
     * Lets a lease pass from fiber to fiber of this process without a round trip,
     * within bounds, so that other processes get their turn. Default: every holder
     * asks the store.
     *
     * The store promises that after a fencing token `t` it gives out none of
     * `t + 1 … t + times - 1` itself, provided that each of these holders takes a
     * microsecond or more.
     *
     * A lease that shares its key is passed on, too, and those of readers (one permit
     * without a limit) that come so soon after it was taken join it: all under the token
     * and the fencing token that the store has given.
     */
    readonly handOver?: {
        /** How many holders there are in a row at the most, the first included. */
        readonly times: number;
        /** For how long after the lease was taken it is passed on. */
        readonly within: Duration.Duration;
    } | undefined;
}
