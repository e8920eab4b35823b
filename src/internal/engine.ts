/**
 * What a backend keeps in memory between its store and the lock calls. What is
 * done with it is said elsewhere, a duty each: `taking` waits for the turn and
 * asks the store, through `asking`; `keeping` extends leases and loses them;
 * `giving` hands them on or back and passes the turn; `calls` is how the store
 * is called, and `serving` makes a backend of it all.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import type { LockError } from "../LockError.ts"
import type { LockStore } from "../LockStore.ts"
import type { Alarms } from "./alarms.ts"
import type { Book } from "./call.ts"
import type { Debt, Fork } from "./calls.ts"
import type { Keeper } from "./keeper.ts"
import type { KeyMap } from "./keyMap.ts"
import type { Line } from "./line.ts"
import type { Meter } from "./meter.ts"
import { invalid } from "./options.ts"
import type { Shortcuts } from "./shortcuts.ts"

export interface Engine extends Book {
  readonly store: LockStore
  readonly shortcuts: Shortcuts
  readonly clock: Clock.Clock
  readonly fork: Fork
  /** Runs a task in the next turn of the scheduler. */
  readonly soon: (task: () => void) => void
  readonly lines: KeyMap<Line>
  readonly alarms: Alarms
  readonly keeper: Keeper
  readonly meter: Meter
  readonly nextToken: (now?: number) => string
  /** How long to wait for a reply, in milliseconds. */
  readonly patience: number
  /** How much faster than ours the store's clock may run, as a share. */
  readonly drift: number
  /** Limits of a lease, in milliseconds. */
  readonly minExpires: number
  readonly maxExpires: number
  /** The tokens that have to be released. */
  readonly debts: Set<Debt>
  closed: boolean
}

/** Monotonic milliseconds. */
export const now = ({ alarms }: Engine): number => alarms.now()

/** When an operation that starts now has had its time. */
export const patienceEnds = (engine: Engine): number => now(engine) + engine.patience

/** What the store's clock may be ahead of ours by the end of a lease, and its resolution. */
export const margin = ({ drift }: Engine, leaseMillis: number): number => drift === 0 ? 0 : leaseMillis * drift + 2

/** Of a lease that is too short or too long for the store. */
export const invalidExpires = (engine: Engine, expiresMillis: number): LockError => {
  const { maxExpires, minExpires, store } = engine
  const [which, limit] = expiresMillis < minExpires ? ["least", minExpires] as const : ["most", maxExpires] as const
  const expected = `at ${which} ${Duration.format(Duration.millis(limit))} with the ${store.name} backend`
  return invalid("expires", Duration.millis(expiresMillis), expected)
}

/** How much there is of what should be gone when nobody holds or waits. */
export const residue = ({ alarms, debts, keeper, lines, out }: Engine) => ({
  lines: lines.size(),
  kept: keeper.size(),
  alarms: alarms.size(),
  calls: out.size + debts.size
})
