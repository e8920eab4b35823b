/**
 * Failures of which it is known that nothing was done, and nothing will be: the store has looked
 * at what it was asked and refused it, or was never asked. Of any other nobody knows that.
 */
import type { BackendFailure } from "../LockError.ts"

const failures = new WeakSet<object>()

export const undone = (failure: BackendFailure): BackendFailure => {
  failures.add(failure)
  return failure
}

export const isUndone = (reply: object): boolean => failures.has(reply)
