/**
 * Failures that certainly had no effect, and will have none: the store refused the operation, or
 * never got it. After any other failure it may have had one.
 */
import type { BackendFailure } from "../LockError.ts"

const failures = new WeakSet<object>()

export const undone = (failure: BackendFailure): BackendFailure => {
  failures.add(failure)
  return failure
}

export const isUndone = (reply: object): boolean => failures.has(reply)
