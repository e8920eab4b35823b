/**
 * Failures that say nothing of the backend: it has answered, and it is only the one key that it can do
 * nothing about for now.
 */
import type { BackendFailure } from "../LockError.ts"

const failures = new WeakSet<object>()

export const answered = (failure: BackendFailure): BackendFailure => {
  failures.add(failure)
  return failure
}

export const isAnswered = (failure: BackendFailure): boolean => failures.has(failure)
