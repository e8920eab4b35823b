/**
 * Faster ways to call our own stores than an Effect per call. They belong to the store object
 * itself, so a decorated store, which is another object, has none, and only its operations are
 * used.
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import type { BackendFailure } from "../LockError.ts"
import type { Attempt, Claim, Extension, Grant, LockStore, Share } from "../LockStore.ts"

/** A call that waits for its answer. Only the first answer counts. */
export interface Settling<A> {
  settle(exit: Exit.Exit<A, BackendFailure>): void
}

/** For a call whose answer nobody waits for. */
export const unawaited: Settling<unknown> = { settle: constVoid }

const yes = Exit.succeed(true)
const no = Exit.succeed(false)

export const settleBoolean = (call: Settling<boolean>, answer: boolean): void => call.settle(answer ? yes : no)

/** Stands for a holder in a store of this process. Its token is generated when somebody asks for it. */
export interface Bearer {
  /** The token, if anybody has asked for it. */
  readonly text: string | undefined
  readonly token: string
}

/** A key of a store in this process, for as long as its bearer has it. */
export interface Hold {
  readonly fencingToken: number
  bearer: Bearer
  /** Frees the key if the bearer still holds it. */
  free(bearer: Bearer): boolean
}

/** Who holds a key of a store in this process. */
export interface Looked {
  readonly bearer: Bearer
  readonly remainingMillis: number
}

export interface Shortcuts {
  /** For a store in this process that reads the same clock: in place. Never throws. */
  readonly direct?: {
    /**
     * Acquires the key if it is free or the bearer's, and nobody is in front. With `wait` a refused
     * bearer joins the queue.
     */
    readonly take: (
      key: string,
      bearer: Bearer,
      expiresMillis: number,
      nowMillis: number,
      share?: Share,
      wait?: boolean
    ) => Hold | undefined
    /** The bearer no longer waits. */
    readonly leave: (key: string, bearer: Bearer) => void
    /** The exclusive holder when the key was last looked at, whether or not its lease is over. */
    readonly holder: (key: string) => Bearer | undefined
    /** Who holds the key, and for how long. */
    readonly look: (key: string, nowMillis: number) => Looked | undefined
    /** Also counts waiters for a key that the store does not know of, until the returned function is called. */
    readonly count: (waitersOf: (key: string) => number) => () => void
  }
  /** Answers all calls in flight when a backend over it closes, in case nobody moves its clock any more. */
  readonly ending?: Effect.Effect<void>
  /** Which of its servers has the key, if it has several: one of them may be in trouble alone. */
  readonly serverOf?: (key: string) => unknown
  /** For a client with callbacks: each call is settled once, now or later. Saves a fiber for each. */
  readonly callbacks?: {
    readonly tryAcquire: (claim: Claim, call: Settling<Attempt>) => void
    /**
     * Releases a token that the caller has claimed, and of which it knows whether it shares its
     * key.
     */
    readonly release: (key: string, token: string, call: Settling<boolean>, share?: Share) => void
    readonly extend?: (extension: Extension, call: Settling<boolean>) => void
    readonly exchange?: (token: string, claim: Claim, call: Settling<Attempt>) => void
    /**
     * Notifies until the returned function is called; returns undefined if it would have to wait.
     * Never throws.
     */
    readonly listen?: (
      key: string,
      token: string,
      notify: (grant: Grant | undefined) => void
    ) => (() => void) | undefined
  }
}

const known = new WeakMap<LockStore, Shortcuts>()
const none: Shortcuts = {}

export const withShortcuts = (store: LockStore, shortcuts: Shortcuts): LockStore => {
  known.set(store, shortcuts)
  return store
}

export const shortcutsOf = (store: LockStore): Shortcuts => known.get(store) ?? none
