/** How a lease was lost, and the result of the work under it. */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { type BackendFailure, type LockError, LockLost } from "../../LockError.ts"
import { lockError } from "../failing.ts"
import { wholeMillis } from "../time.ts"

/** Why a lease is no longer held. */
export type Loss = "Expired" | "Taken" | "Closed"
export type Why = Loss | "Released"

/** A lease that is no longer held. */
export interface Ended {
  readonly key: string
  readonly since: number
  readonly endedAt: number | undefined
  readonly why: Why | undefined
  /** Why the last extension is not known to have succeeded. */
  readonly failure: BackendFailure | undefined
}

export const lostError = (ended: Ended, caller?: Fiber.Fiber<unknown, unknown>): LockError => {
  const { failure, key, since, endedAt = since, why = "Released" } = ended
  const reason = () =>
    new LockLost({
      key,
      why,
      held: wholeMillis(endedAt - since),
      ...(why === "Expired" && failure !== undefined && { failure })
    })
  return lockError(reason, caller)
}

/** The result of work whose lease ended first. Its other failures stay beside the loss. */
export const endedBy = <A, E>(lost: LockError, exit: Exit.Exit<A, E>): Exit.Exit<A, E | LockError> => {
  if (exit._tag === "Success") return Exit.fail(lost)
  const others = exit.cause.reasons.filter((reason) => !Cause.isInterruptReason(reason))
  return Exit.failCause(Cause.fromReasons<E | LockError>([Cause.makeFailReason(lost), ...others]))
}
