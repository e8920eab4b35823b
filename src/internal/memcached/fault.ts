/** Why a request has no answer, or none that is useful. */
import { BackendFailure, type FailureKind } from "../../LockError.ts"
import * as Cause from "../cause.ts"
import { type Reply, Status } from "./wire.ts"

/** The name of the backend. */
export const name = "memcached"

export class Fault {
  readonly kind: FailureKind
  readonly retryable: boolean
  readonly description: string | undefined
  readonly cause: unknown
  /** The server may have executed the request all the same. */
  readonly isSent: boolean

  constructor(kind: FailureKind, retryable: boolean, description?: string, cause?: unknown, isSent = false) {
    this.kind = kind
    this.retryable = retryable
    this.description = description
    this.cause = cause
    this.isSent = isSent
  }

  /** The same for a request that was in flight. */
  get inDoubt(): Fault {
    return new Fault(this.kind, this.retryable, this.description, this.cause, true)
  }

  toFailure(operation: string, key: string): BackendFailure {
    const { cause, description, kind, retryable } = this
    return new BackendFailure({
      backend: name,
      operation,
      key,
      kind,
      retryable,
      description,
      ...(cause !== undefined && { cause: Cause.rebuild(cause) })
    })
  }
}

export const unreachable = (description: string, cause?: unknown): Fault =>
  new Fault("Unreachable", true, description, cause)

export const noReply = (description: string): Fault => new Fault("NoReply", true, description)

export const unsupported = (description: string): Fault => new Fault("Unsupported", false, description)

/** The fault for a status that no command expects. */
export const ofStatus = (reply: Reply): Fault => {
  switch (reply.status) {
    case Status.outOfMemory:
      return new Fault("OutOfMemory", true, "the server has no memory left for the lock")
    case Status.unknownCommand:
    case Status.notSupported:
      return unsupported("the server does not know the command")
    case Status.busy:
    case Status.temporary:
      return new Fault("Unknown", true, "the server is busy")
    default:
      return new Fault("Unknown", false, `the server answered with status 0x${reply.status.toString(16)}`)
  }
}

export const unauthorized = new Fault("Unauthorized", false, "the server refused the user name or the password")

export const closed = new Fault("Closed", false, "the backend has been closed")

export const casMissing = unsupported("the server runs without CAS (-C), and a lock could not be released safely")

export const foreign = new Fault("WrongType", false, "something that is no lock lives at the key")

export const restless = new Fault("Unknown", true, "the item kept changing")

export const tooLong = unsupported("memcached cannot keep a lock for more than 29 days")

export const timeUnfit = unsupported(
  "the clock of the server is not between 2020 and 2055, which fencing tokens need"
)
