/**
 * Brands by which values of this package are recognized. `instanceof` would not do, since a program
 * may have two copies of the package, and give what one has made to the other.
 */

export const LockError = "~effect-lock/LockError"

export const BackendFailure = "~effect-lock/BackendFailure"

export const isMade = (u: unknown, as: typeof LockError | typeof BackendFailure): boolean =>
  typeof u === "object" && u !== null && as in u
