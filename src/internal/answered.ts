/**
 * Failures that say nothing about the backend: it has answered, and only cannot handle this one key
 * now.
 */
import type { BackendFailure } from "../LockError.ts"

const failures = new WeakSet<object>()

export const answered = (failure: BackendFailure): BackendFailure => {
  failures.add(failure)
  return failure
}

export const isAnswered = (failure: BackendFailure): boolean => failures.has(failure)
