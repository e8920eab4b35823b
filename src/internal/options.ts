/** Checks and decodes the options of calls. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { InvalidOptions, LockError } from "../LockError.ts"
import * as Owner from "./owner.ts"
import { show } from "./show.ts"

export const invalid = (option: string, value: unknown, expected: string): LockError =>
  new LockError({ reason: new InvalidOptions({ option, value: show(value), expected }) })

/** Calls `make` with the options, unless they are not an object, or have a getter that throws. */
export const read = <O extends object, A>(
  options: O | undefined,
  make: (options: O) => A | LockError
): A | LockError => {
  if (options === undefined) return make({} as O)
  if (typeof options !== "object" || options === null) return invalid("options", options, "an object")
  try {
    return make(options)
  } catch (thrown) {
    return invalid("options", thrown, "an object that can be read")
  }
}

/** Whole milliseconds, rounded away from zero; `NaN` if the input is not a duration. */
export const toWholeMillis = (input: unknown): number => {
  if (typeof input === "number") return toWhole(input)
  return typeof input === "string" ? parse(input) : decodeMillis(input)
}

const toWhole = (millis: number): number => millis < 0 ? Math.floor(millis) : Math.ceil(millis)

const decodeMillis = (input: unknown): number => {
  try {
    if (typeof input === "object" && input !== null && !saysSomething(input)) return NaN
    return Option.match(Duration.fromInput(input as Duration.Input), {
      onNone: () => NaN,
      onSome: (duration) => toWhole(Duration.toMillis(duration))
    })
  } catch {
    // A getter threw.
    return NaN
  }
}

const units = new Set([
  "weeks",
  "days",
  "hours",
  "minutes",
  "seconds",
  "milliseconds",
  "microseconds",
  "nanoseconds"
])

/** Effect accepts any object as a duration, and ignores unknown units. */
const saysSomething = (input: object): boolean => {
  if (Duration.isDuration(input)) return true
  if (Array.isArray(input)) return !input.some(Number.isNaN)
  const parts = Object.entries(input).filter(([, part]) => part !== undefined)
  return parts.length > 0 &&
    parts.every(([unit, part]) => units.has(unit) && typeof part === "number" && !Number.isNaN(part))
}

/**
 * Programs use the same few texts again and again, and parsing one costs more than acquiring a lock
 * in memory.
 */
const parsed = new Map<string, number>()

const parse = (text: string): number => {
  const known = parsed.get(text)
  if (known !== undefined) return known
  const millis = decodeMillis(text)
  if (parsed.size < 100) parsed.set(text, millis)
  return millis
}

export const isExpires = (millis: number): boolean => millis >= 1 && millis < Infinity

export const isAtLeast = (millis: number): boolean => millis >= 0 && millis < Infinity

export const isTimeout = (millis: number): boolean => millis >= 0

export const aBoolean = {
  expected: "true or false",
  decode: (input: unknown) => typeof input === "boolean" ? input : undefined
}

interface Decoded {
  readonly expires: Duration.Duration
  readonly timeout: Duration.Duration
  readonly retry: Schedule.Schedule<unknown>
  readonly renew: boolean
  readonly awaitRelease: boolean
  readonly owner: string
  readonly keyPrefix: string
}

/** The decoder of each option, which returns undefined for an invalid value. */
export const kinds: {
  readonly [K in keyof Decoded]: {
    readonly expected: string
    readonly decode: (input: unknown) => Decoded[K] | undefined
  }
} = {
  expires: {
    expected: `a finite duration of at least 1 milli, such as "10 seconds"`,
    decode: (input) => {
      const millis = toWholeMillis(input)
      return isExpires(millis) ? Duration.millis(millis) : undefined
    }
  },
  timeout: {
    expected: `a duration of zero or more, such as "60 seconds", or "Infinity"`,
    decode: (input) => {
      const millis = toWholeMillis(input)
      return isTimeout(millis) ? Duration.millis(millis) : undefined
    }
  },
  retry: {
    expected: "a Schedule",
    decode: (input) => Schedule.isSchedule(input) ? input as Schedule.Schedule<unknown> : undefined
  },
  renew: aBoolean,
  awaitRelease: aBoolean,
  keyPrefix: { expected: "a string", decode: (input) => typeof input === "string" ? input : undefined },
  owner: { expected: Owner.expected, decode: (input) => Owner.isOwner(input) ? input : undefined }
}

const names = Object.keys(kinds) as Array<keyof Decoded>

/** The error shows what was given, even if another text was decoded. */
export const decodeOption = <K extends keyof Decoded>(
  kind: K,
  given: unknown,
  option: string = kind,
  input = given
): Result.Result<Decoded[K], LockError> => {
  const { decode, expected } = kinds[kind]
  const decoded = decode(input)
  return decoded === undefined ? Result.fail(invalid(option, given, expected)) : Result.succeed(decoded)
}

/**
 * Checks and decodes the options; one that is absent or undefined stays absent. An option without a
 * kind here does not compile.
 */
export const decode = <O extends { readonly [K in keyof O]: K extends keyof Decoded ? unknown : never }>(
  options: O & { readonly [K in keyof Decoded]?: unknown }
): Result.Result<Partial<Decoded>, LockError> => {
  const decoded = read(options, decodeAll)
  return decoded instanceof LockError ? Result.fail(decoded) : Result.succeed(decoded)
}

const decodeAll = (options: { readonly [K in keyof Decoded]?: unknown }): Partial<Decoded> | LockError => {
  const changes: Partial<Record<keyof Decoded, unknown>> = {}
  for (const kind of names) {
    const input = options[kind]
    if (input === undefined) continue
    const decoded = decodeOption(kind, input)
    if (Result.isFailure(decoded)) return decoded.failure
    changes[kind] = decoded.success
  }
  return changes as Partial<Decoded>
}

/** The length of an extension, in milliseconds. */
export const decodeExtension = (input: Duration.Input): Result.Result<number, LockError> =>
  Result.map(decodeOption("expires", input), Duration.toMillis)
