/** What may be asked for: options checked, and a request made of them. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type { LockConfig, LockDefaults, LockOptions, LockRequest } from "../LockConfig.ts"
import { InvalidOptions, LockError } from "../LockError.ts"

const show = (value: unknown): string => {
  if (Duration.isDuration(value)) return Duration.format(value)
  return (typeof value === "string" || typeof value === "object" ? JSON.stringify(value) : undefined) ?? String(value)
}

export const invalid = (option: string, value: unknown, expected: string): LockError =>
  new LockError({ reason: new InvalidOptions({ option, value: show(value), expected }) })

/** Whole milliseconds, or `NaN` for what is no duration (and for `NaN`, which would silently become zero). */
const toWholeMillis = (input: unknown): number =>
  Number.isNaN(input) ? NaN : Option.match(Duration.fromInput(input as Duration.Input), {
    onNone: () => NaN,
    onSome: (duration) => Math.ceil(Duration.toMillis(duration))
  })

/** What each option may be: decoded, or undefined for what makes no sense. */
const kinds: {
  readonly [K in keyof LockConfig]: {
    readonly expected: string
    readonly decode: (input: unknown) => LockConfig[K] | undefined
  }
} = {
  expires: {
    expected: `a finite duration of at least 1 milli, such as "10 seconds"`,
    decode: (input) => {
      const millis = toWholeMillis(input)
      return millis >= 1 && millis < Infinity ? Duration.millis(millis) : undefined
    }
  },
  timeout: {
    expected: `a duration of zero or more, such as "60 seconds", or "Infinity"`,
    decode: (input) => {
      const millis = toWholeMillis(input)
      return millis >= 0 ? Duration.millis(millis) : undefined
    }
  },
  retry: {
    expected: "a Schedule",
    decode: (input) => Schedule.isSchedule(input) ? input as Schedule.Schedule<unknown> : undefined
  },
  renew: { expected: "true or false", decode: (input) => typeof input === "boolean" ? input : undefined },
  keyPrefix: { expected: "a string", decode: (input) => typeof input === "string" ? input : undefined }
}

const names = Object.keys(kinds) as Array<keyof LockConfig>

export const decodeOption = <K extends keyof LockConfig>(
  kind: K,
  input: unknown,
  option: string = kind
): Result.Result<Exclude<LockConfig[K], undefined>, LockError> => {
  const { decode, expected } = kinds[kind]
  const decoded = decode(input)
  return decoded === undefined
    ? Result.fail(invalid(option, input, expected))
    : Result.succeed(decoded as Exclude<LockConfig[K], undefined>)
}

/** Checks and decodes what is given; a key that is absent or undefined stays absent. */
export const decode = (options: LockDefaults): Result.Result<Partial<LockConfig>, LockError> => {
  const changes: Partial<Record<keyof LockConfig, unknown>> = {}
  for (const kind of names) {
    const input = options[kind]
    if (input === undefined) continue
    const decoded = decodeOption(kind, input)
    if (Result.isFailure(decoded)) return Result.fail(decoded.failure)
    changes[kind] = decoded.success
  }
  return Result.succeed(changes as Partial<LockConfig>)
}

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

const none: Result.Result<Partial<LockConfig>, LockError> = Result.succeed({})

/** The length of an extension, in milliseconds. */
export const decodeExtension = (input: Duration.Input): Result.Result<number, LockError> =>
  Result.map(decodeOption("expires", input), Duration.toMillis)
