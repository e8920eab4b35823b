/** The options of a layer, as a program gives them. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Result from "effect/Result"
import { InvalidOptions, LockError } from "../LockError.ts"
import { show } from "./show.ts"

/** What an option has to be, where a program that is not type-checked may have something else. */
interface Kind {
  readonly expected: string
  readonly is: (u: unknown) => boolean
  /** What it is instead is no secret. */
  readonly isShown?: boolean
}

/** Where a server is, and who goes there. */
export interface Server {
  readonly url?: string | Redacted.Redacted<string> | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted<string> | undefined
}

/** To be read, and not shown. */
export const plain = (text: string | Redacted.Redacted<string>): string =>
  Redacted.isRedacted(text) ? Redacted.value(text) : text

const isText = (u: unknown): boolean => typeof u === "string"
const isSecret = (u: unknown): boolean => Redacted.isRedacted(u) && isText(Redacted.value(u))

export const text: Kind = { expected: "a string", is: isText }
export const texts: Kind = { expected: "a list of strings", is: (u) => Array.isArray(u) && u.every(isText) }
export const flag: Kind = { expected: "true or false", is: (u) => typeof u === "boolean" }
export const secret: Kind = { expected: "a string that is Redacted", is: isSecret }
export const textOrSecret: Kind = { expected: "a string, Redacted or not", is: (u) => isText(u) || isSecret(u) }
export const whole = (least: number, most: number, expected = `a whole number from ${least} to ${most}`): Kind => ({
  expected,
  is: (u) => Number.isInteger(u) && least <= (u as number) && (u as number) <= most,
  isShown: true
})
export const port = whole(1, 65_535)
export const object: Kind = { expected: "an object", is: (u) => typeof u === "object" && u !== null }

/**
 * None are all that is left to default. What is no object says nothing that would be read: a
 * URL in place of `{ url }` would lock on this host. It is not shown, as a password may be in it.
 */
export const given = <O extends object>(
  options: O | undefined,
  example: string,
  kinds: { readonly [K in keyof O]?: Kind }
): Effect.Effect<O, LockError> => {
  if (options === undefined) return Effect.succeed({} as O)
  if (!object.is(options)) return invalid("options", kindOf(options), `an object, such as ${example}`)
  for (const [option, { expected, is, isShown }] of Object.entries<Kind>(kinds as Record<string, Kind>)) {
    const value = options[option as keyof O]
    if (value !== undefined && !is(value)) return invalid(option, isShown ? show(value) : kindOf(value), expected)
  }
  return Effect.succeed(options)
}

const kindOf = (u: unknown): string => u === null ? "null" : `${typeof u === "object" ? "an" : "a"} ${typeof u}`

/** What was read of an option, unless it makes no sense. */
export const valid = <A>(result: Result.Result<A, InvalidOptions>): Effect.Effect<A, LockError> =>
  Effect.mapError(Effect.fromResult(result), (reason) => new LockError({ reason }))

/** `value` as it is to be read, in which nothing is secret. */
export const invalid = (option: string, value: string, expected: string): Effect.Effect<never, LockError> =>
  Effect.fail(new LockError({ reason: new InvalidOptions({ option, value, expected }) }))
