/** What the tool ends with, and what it says then. Numbers from 64 on are those of sysexits.h. */
import type * as LockError from "effect-lock/LockError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

export const exits = {
  /** The answer is no: the key is free, or there is something to mend. */
  no: 1,
  /** What was given makes no sense. */
  usage: 64,
  /** The backend cannot be reached, or cannot do it. */
  unavailable: 69,
  /** A fault of this tool. */
  software: 70,
  /** What was found could not be written. */
  unwritten: 74,
  /** Somebody else has the lock. */
  taken: 75,
  /** The lock was lost while the command ran, so the command was stopped. */
  lost: 76,
  /** The command is there and cannot be run. */
  cannotRun: 126,
  /** There is no such command. */
  notFound: 127
} as const

/** Ends the tool with a status, and with words if there is anything to say. */
export class Ending extends Data.TaggedError("Ending")<{
  readonly status: number
  readonly message?: string
  /** In JSON, beside the message. */
  readonly details?: Record<string, unknown>
}> {}

export const usage = (message: string): Effect.Effect<never, Ending> =>
  Effect.fail(new Ending({ status: exits.usage, message }))

const statuses: Record<LockError.LockErrorReason["_tag"], number> = {
  LockTimeout: exits.taken,
  LockLost: exits.lost,
  LockReentered: exits.software,
  BackendFailure: exits.unavailable,
  InvalidOptions: exits.usage
}

export const ofLockError = ({ message, reason }: LockError.LockError): Ending =>
  new Ending({
    status: statuses[reason._tag],
    message,
    details: {
      reason: reason._tag,
      ...("key" in reason && { key: reason.key }),
      ...(reason._tag === "LockTimeout" && reason.holder !== undefined && { holder: reason.holder }),
      ...(reason._tag === "BackendFailure" && { kind: reason.kind })
    }
  })
