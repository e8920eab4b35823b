/**
 * What our own stores can do faster than an Effect for each call. It is kept by
 * the store object itself, so that a store which somebody has decorated, being
 * another object, has none and is asked by its operations alone.
 */
import type * as Exit from "effect/Exit"
import type { BackendFailure } from "../LockError.ts"
import type { Attempt, Claim, LockStore } from "../LockStore.ts"

/** A call that waits for its answer. Only the first one counts. */
export interface Settling<A> {
  settle(exit: Exit.Exit<A, BackendFailure>): void
}

export interface Shortcuts {
  /** For a store in this process: in place, given the time by the monotonic clock. Never throws. */
  readonly direct?: {
    readonly tryAcquire: (claim: Claim, nowMillis: number) => Attempt
    readonly release: (key: string, token: string, nowMillis: number) => boolean
  }
  /** For a client that calls back: each call is settled once, at once or later. Spares a fiber for each. */
  readonly callbacks?: {
    readonly tryAcquire: (claim: Claim, call: Settling<Attempt>) => void
    readonly release: (key: string, token: string, call: Settling<boolean>) => void
  }
}

const known = new WeakMap<LockStore, Shortcuts>()
const none: Shortcuts = {}

export const withShortcuts = (store: LockStore, shortcuts: Shortcuts): LockStore => {
  known.set(store, shortcuts)
  return store
}

export const shortcutsOf = (store: LockStore): Shortcuts => known.get(store) ?? none
