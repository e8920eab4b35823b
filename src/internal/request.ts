/** A lock call with everything decided: its own options over the defaults. */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type { LockConfig, LockOptions, LockRequest } from "../LockConfig.ts"
import type { LockError } from "../LockError.ts"
import { decode, invalid } from "./options.ts"

/**
 * Checks a key and its options once, and gives a function that completes them
 * with the defaults in force when the call runs. What is wrong comes out as a
 * `LockError` value.
 */
export const request = (
  key: string,
  options?: LockOptions
): (config: LockConfig) => LockRequest | LockError => {
  if (typeof key !== "string" || key.length === 0) {
    const error = invalid("key", key, "a string that is not empty")
    return () => error
  }
  const decoded = options === undefined ? none : decode(options)
  if (Result.isFailure(decoded)) return () => decoded.failure
  const changes = decoded.success
  return (config) => {
    const { expires, keyPrefix, renew, retry, timeout } = { ...config, ...changes }
    return {
      key: keyPrefix + key,
      expiresMillis: Duration.toMillis(expires),
      timeoutMillis: Duration.toMillis(timeout),
      retry,
      renew
    }
  }
}

const none: ReturnType<typeof decode> = Result.succeed({})
