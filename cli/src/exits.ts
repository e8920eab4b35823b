/** The exit statuses of the tool, and its last words. Numbers from 64 on are those of sysexits.h. */
import type * as LockError from "effect-lock/LockError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

export const exits = {
  /** The answer is no: the key is free, or the doctor has found a problem. */
  no: 1,
  /** An argument is invalid. */
  usage: 64,
  /** The backend is unreachable, or cannot do it. */
  unavailable: 69,
  /** A defect of this tool. */
  software: 70,
  /** The output could not be written. */
  unwritten: 74,
  /** Somebody else has the lock. */
  taken: 75,
  /** The lock was lost while the command ran, so the command was stopped. */
  lost: 76,
  /** The command exists, but cannot be run. */
  cannotRun: 126,
  /** There is no such command. */
  notFound: 127
} as const

/** Ends the tool with a status, and a message if there is one. */
export class Ending extends Data.TaggedError("Ending")<{
  readonly status: number
  readonly message?: string
  /** Added to the message in JSON. */
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
