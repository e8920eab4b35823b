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
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { BackendFailure } from "./LockError.ts"

/**
 * A request for a key. The token is unique to this acquisition, and made of
 * `A-Z a-z 0-9 - _ .` only.
 *
 * `wait` says that we shall wait if the key is held: a store that keeps a queue
 * remembers the token in it, and takes it out again on `release`. A token that
 * never comes back must not stand in the way of the others for longer than its
 * lease: give it the key in its turn, and let the lease end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Claim {
  readonly key: string
  readonly token: string
  readonly expiresMillis: number
  readonly wait: boolean
}

/**
 * The key is ours.
 *
 * `fencingToken` is a safe integer, greater than every one given out for this
 * key before. A repeated `tryAcquire` of the holder may give a greater one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Acquired {
  readonly _tag: "Acquired"
  readonly fencingToken: number
}

/**
 * The key is somebody else's: whose (the token as stored), for how long if not
 * renewed, and how many processes queue, as far as the store can tell.
 *
 * The engine looks again when `remainingMillis` have passed, so a store that
 * wants many waiters not to come at once adds some jitter to it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Held {
  readonly _tag: "Held"
  readonly token?: string | undefined
  readonly remainingMillis?: number | undefined
  readonly waiters?: number | undefined
}

/**
 * What a store knows of the current holder of a key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Occupant {
  readonly token: string
  readonly remainingMillis?: number | undefined
  readonly waiters?: number | undefined
}

/**
 * The answer to a {@link Claim}.
 *
 * @category models
 * @since 0.1.0
 */
export type Attempt = Acquired | Held

/**
 * A lease that the store gave to a waiting token on its own, without being
 * asked again.
 *
 * `sinceMillis` is a lower bound, on this process's monotonic clock
 * (`Clock.monotonicTimeNanos`, in milliseconds), of when the lease began;
 * `leaseMillis` is how long it lasts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Grant {
  readonly fencingToken: number
  readonly sinceMillis: number
  readonly leaseMillis: number
}

/**
 * A held key, to be extended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Holding {
  readonly key: string
  readonly token: string
  readonly expiresMillis: number
}

/**
 * A call that waits for its answer. Only the first one counts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settling<A> {
  settle(exit: Exit.Exit<A, BackendFailure>): void
}

/**
 * The contract between a store and the engine.
 *
 * @category models
 * @since 0.1.0
 */
export interface LockStore {
  /** A short name for messages, spans and metrics, such as `"redis"`. */
  readonly name: string

  /** Takes the key for the token if it is free or already the token's. One round trip. */
  readonly tryAcquire: (claim: Claim) => Effect.Effect<Attempt, BackendFailure>

  /** Starts the lease anew if the key is the token's; `false` says that it is not. */
  readonly extend: (holding: Holding) => Effect.Effect<boolean, BackendFailure>

  /**
   * Frees the key if it is the token's, and says whether it was. Takes the token
   * out of the queue if it only waits there.
   */
  readonly release: (key: string, token: string) => Effect.Effect<boolean, BackendFailure>

  /** Who holds the key. */
  readonly inspect: (key: string) => Effect.Effect<Option.Option<Occupant>, BackendFailure>

  /**
   * For a store that lives in this process: taking and freeing as plain
   * functions that never throw, given the time by the monotonic clock. The engine
   * then calls them in place, and needs no safety margin in its deadlines. Whoever
   * changes the operations of a store leaves these out.
   */
  readonly direct?: {
    readonly tryAcquire: (claim: Claim, nowMillis: number) => Attempt
    readonly release: (key: string, token: string, nowMillis: number) => boolean
  } | undefined

  /**
   * {@link LockStore.tryAcquire} and {@link LockStore.release} for a client that
   * calls back: each call is settled once, at once or later. Spares the engine a
   * fiber for each call. Whoever changes those of a store leaves these out.
   */
  readonly callbacks?: {
    readonly tryAcquire: (claim: Claim, call: Settling<Attempt>) => void
    readonly release: (key: string, token: string, call: Settling<boolean>) => void
  } | undefined

  /**
   * How much faster than ours the store's clock may run, as a fraction: the
   * holder's own deadline is that much (and 2 ms) before the end of the lease.
   * Default 0.01; 0 for a store that reads the same clock.
   */
  readonly drift?: number | undefined

  /** How long the engine waits for a reply before it counts as lost. Default 1 second. */
  readonly patience?: Duration.Duration | undefined

  /** The longest lease that the store can keep. */
  readonly maxExpires?: Duration.Duration | undefined

  /**
   * When to look again while waiting, unless the user says otherwise. Default:
   * from 10 ms, growing by half up to 250 ms, jittered. Stores that wake their
   * waiters can afford much less.
   */
  readonly retry?: Schedule.Schedule<unknown> | undefined

  /**
   * Calls `notify` whenever it may be worth while for the token to try again,
   * until the scope closes: with a {@link Grant} when the store has already
   * given it the key. The engine claims the key once more, with `wait`, when
   * this has returned, so nothing can be missed in between.
   */
  readonly listen?:
    | ((
      key: string,
      token: string,
      notify: (grant: Grant | undefined) => void
    ) => Effect.Effect<void, BackendFailure, Scope.Scope>)
    | undefined

  /** {@link LockStore.extend} for many keys at once; the answers in the same order. */
  readonly extendAll?:
    | ((holdings: ReadonlyArray<Holding>) => Effect.Effect<ReadonlyArray<boolean>, BackendFailure>)
    | undefined

  /**
   * Releases `token` and makes `claim` on the same key in one operation, so that
   * a process with more waiters goes to the end of the store's queue in one
   * round trip. Without it the engine does the one after the other.
   */
  readonly exchange?: ((token: string, claim: Claim) => Effect.Effect<Attempt, BackendFailure>) | undefined

  /**
   * Lets a lease pass from fiber to fiber of this process without a round trip:
   * at most `times` holders in a row and for `within` at the longest, so that
   * other processes get their turn. The store promises that after a fencing
   * token `t` it gives out none of `t + 1 … t + times - 1` itself, provided that
   * each of these holders takes a microsecond or more.
   */
  readonly handOver?: { readonly times: number; readonly within: Duration.Duration } | undefined
}
