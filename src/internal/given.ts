/** The options of a layer, as a program gives them. */
import * as Effect from "effect/Effect"
import { InvalidOptions, LockError } from "../LockError.ts"

/**
 * None are all that is left to default. What is no object says nothing that would be read: a
 * URL in place of `{ url }` would lock on this host. It is not shown, as a password may be in it.
 */
export const given = <O extends object>(options: O | undefined, example: string): Effect.Effect<O, LockError> => {
  if (options === undefined) return Effect.succeed({} as O)
  if (typeof options === "object" && options !== null) return Effect.succeed(options)
  const value = options === null ? "null" : `a ${typeof options}`
  return Effect.fail(
    new LockError({
      reason: new InvalidOptions({ option: "options", value, expected: `an object, such as ${example}` })
    })
  )
}
