/** Checks the options of a layer. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Result from "effect/Result"
import { InvalidOptions, LockError } from "../LockError.ts"
import { show } from "./show.ts"

/** What the value of an option has to be, for programs that are not type-checked. */
interface Kind {
  readonly expected: string
  readonly is: (u: unknown) => boolean
  /** Whether an error may show the value. */
  readonly isShown?: boolean
}

/** Where a server is, and how to log in. */
export interface Server {
  readonly url?: string | Redacted.Redacted<string> | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted<string> | undefined
}

/** The plain text, which must not be shown. */
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
 * Without options, all have their defaults. Anything but an object is invalid: a URL in place of `{
 * url }` would be ignored, and lock on this host. It is not shown, as it may contain a password.
 */
export const given = <O extends object>(
  options: O | undefined,
  example: string,
  kinds: { readonly [K in keyof O]?: Kind }
): Effect.Effect<O, LockError> => {
  if (options === undefined) return Effect.succeed({} as O)
  if (!object.is(options)) return failInvalid("options", kindOf(options), `an object, such as ${example}`)
  for (const [option, { expected, is, isShown }] of Object.entries<Kind>(kinds as Record<string, Kind>)) {
    const value = options[option as keyof O]
    if (value !== undefined && !is(value)) return failInvalid(option, isShown ? show(value) : kindOf(value), expected)
  }
  return Effect.succeed(options)
}

const kindOf = (u: unknown): string => u === null ? "null" : `${typeof u === "object" ? "an" : "a"} ${typeof u}`

/** The parsed value of an option, or the failure. */
export const valid = <A>(result: Result.Result<A, InvalidOptions>): Effect.Effect<A, LockError> =>
  Effect.mapError(Effect.fromResult(result), (reason) => new LockError({ reason }))

/** `value` is shown, so it must not contain a secret. */
export const failInvalid = (option: string, value: string, expected: string): Effect.Effect<never, LockError> =>
  Effect.fail(new LockError({ reason: new InvalidOptions({ option, value, expected }) }))
