/** A lease, as code that runs work under it sees it. */
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Lease } from "../Lease.ts"
import type { LockError } from "../LockError.ts"
import type { Ending } from "./ending.ts"
import type * as Reentry from "./reentry.ts"

export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export type Caller = Fiber.Fiber<unknown, unknown>

export interface Guard extends Lease, Reentry.Had {
  readonly key: string
  readonly token: string
  readonly expiresMillis: number
  /** Detaches it: leaves it to whoever knows its token, for at least this long. */
  detach(millis: number | undefined): Effect.Effect<void, LockError>
  /** Lost or released. */
  readonly isOver: boolean
  readonly isLost: boolean
  /** Watches it from now on; calls back once when it is lost, immediately if it already is. */
  watch(onLost: () => void): void
  /**
   * Watches it from now on; calls back once when it is lost or released, immediately if it already
   * is.
   */
  whenGone(then: () => void): () => void
  /** The exit of work under it that does not end the lease. */
  judge<A, E>(exit: Exit.Exit<A, E>, caller: Caller): Exit.Exit<A, E | LockError>
  /** The exit of work under it. */
  settle<A, E>(exit: Exit.Exit<A, E>, caller: Caller): Exit.Exit<A, E | LockError>
  /** Acts at once, once. */
  giveBack(): Ending | undefined
  /** Called once, when it is lost or released. */
  whenEnded(then: (exit: Exit.Exit<void, LockError>) => void): void
}

/** For logs, without the internals of the backend. */
export const toJSON = ({ expiresMillis, fencingToken, key }: Guard, state: string): unknown => ({
  _id: "Lease",
  key,
  fencingToken,
  expiresMillis,
  state
})

/** Whether a backend made this lease. Cheaper than any other check. */
export const isGuard = (u: object): u is Guard => (u as Partial<Guard>).giveBack !== undefined
