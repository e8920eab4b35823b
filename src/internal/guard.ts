/** A lease, for those who guard work with it. */
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
  /** Leaves it to whoever knows its token, for at least so long. */
  detach(millis: number | undefined): Effect.Effect<void, LockError>
  readonly isOver: boolean
  /** Keeps it from now on; calls back once when it is lost, at once if it is. */
  watch(onLost: () => void): void
  /** Keeps it from now on; calls back once when it is lost or given back, at once if it is. */
  whenGone(then: () => void): () => void
  /** How work under it has ended that leaves it as it is. */
  judge<A, E>(exit: Exit.Exit<A, E>, caller: Caller): Exit.Exit<A, E | LockError>
  /** How work under it has ended. */
  settle<A, E>(exit: Exit.Exit<A, E>, caller: Caller): Exit.Exit<A, E | LockError>
  /** Acts at once, once. */
  giveBack(): Ending | undefined
  /** Called once, when it is lost or given back. */
  whenEnded(then: (exit: Exit.Exit<void, LockError>) => void): void
}

/** For logs, in which what a backend is made of has no place. */
export const toJSON = ({ expiresMillis, fencingToken, key }: Guard, state: string): unknown => ({
  _id: "Lease",
  key,
  fencingToken,
  expiresMillis,
  state
})

/** Whether it is a lease that a backend made. Cheaper than to ask whether it is an effect, or anything else. */
export const isGuard = (u: object): u is Guard => (u as Partial<Guard>).giveBack !== undefined
