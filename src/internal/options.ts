/** What may be asked for: options checked, and a request made of them. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type { LockConfig, LockDefaults, LockRequest, SectionOptions } from "../LockConfig.ts"
import { InvalidOptions, LockError } from "../LockError.ts"
import * as Owner from "./owner.ts"
import { show } from "./show.ts"

export const invalid = (option: string, value: unknown, expected: string): LockError =>
  new LockError({ reason: new InvalidOptions({ option, value: show(value), expected }) })

/** Whole milliseconds, or `NaN` for what is no duration (and for one of `NaN`, which would silently become zero). */
const toWholeMillis = (input: unknown): number => {
  if (typeof input === "number") return Math.ceil(input)
  if (typeof input === "string") return parse(input)
  const isNaNInside = typeof input === "object" && input !== null && Object.values(input).some(Number.isNaN)
  return isNaNInside ? NaN : decodeMillis(input)
}

const decodeMillis = (input: unknown): number =>
  Option.match(Duration.fromInput(input as Duration.Input), {
    onNone: () => NaN,
    onSome: (duration) => Math.ceil(Duration.toMillis(duration))
  })

/** Programs write the same few texts again and again, and parsing one costs more than taking a lock in memory. */
const parsed = new Map<string, number>()

const parse = (text: string): number => {
  const known = parsed.get(text)
  if (known !== undefined) return known
  const millis = decodeMillis(text)
  if (parsed.size < 100) parsed.set(text, millis)
  return millis
}

const isExpires = (millis: number): boolean => millis >= 1 && millis < Infinity

const isTimeout = (millis: number): boolean => millis >= 0

const aBoolean = {
  expected: "true or false",
  decode: (input: unknown) => typeof input === "boolean" ? input : undefined
}

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

/** A call's key and options, checked: what it asks for once the defaults in force are known. */
export class Asking {
  private readonly key: string
  private readonly options: SectionOptions | undefined
  private readonly expiresMillis: number
  private readonly timeoutMillis: number
  /** Of all runs of a call most have the defaults of the last, which are few and small. */
  private config: LockConfig | undefined = undefined
  private request: LockRequest | undefined = undefined

  constructor(key: string, options: SectionOptions | undefined, expiresMillis: number, timeoutMillis: number) {
    this.key = key
    this.options = options
    this.expiresMillis = expiresMillis
    this.timeoutMillis = timeoutMillis
  }

  over(config: LockConfig): LockRequest {
    if (config === this.config) return this.request!
    const { expiresMillis, key, options, timeoutMillis } = this
    const request: LockRequest = {
      key: config.keyPrefix + key,
      expiresMillis: Number.isNaN(expiresMillis) ? Duration.toMillis(config.expires) : expiresMillis,
      timeoutMillis: Number.isNaN(timeoutMillis) ? Duration.toMillis(config.timeout) : timeoutMillis,
      retry: options?.retry ?? config.retry,
      renew: options?.renew ?? config.renew,
      awaitRelease: options?.awaitRelease ?? config.awaitRelease,
      reenter: options?.reenter === true,
      owner: config.owner
    }
    this.config = config
    return this.request = request
  }
}

/** Checks a key and its options. What is wrong comes out as a `LockError` value. */
export const ask = (key: string, options?: SectionOptions, timeoutMillis = NaN): Asking | LockError => {
  if (typeof key !== "string" || key.length === 0) return invalid("key", key, "a string that is not empty")
  if (options === undefined) return new Asking(key, options, NaN, timeoutMillis)
  let expires = NaN
  let timeout = timeoutMillis
  if (options.expires !== undefined) {
    expires = toWholeMillis(options.expires)
    if (!isExpires(expires)) return invalid("expires", options.expires, kinds.expires.expected)
  }
  if (options.timeout !== undefined) {
    timeout = toWholeMillis(options.timeout)
    if (!isTimeout(timeout)) return invalid("timeout", options.timeout, kinds.timeout.expected)
  }
  for (const kind of others) {
    const input = options[kind]
    if (input !== undefined && kinds[kind].decode(input) === undefined) {
      return invalid(kind, input, kinds[kind].expected)
    }
  }
  if (options.reenter !== undefined && typeof options.reenter !== "boolean") {
    return invalid("reenter", options.reenter, aBoolean.expected)
  }
  return new Asking(key, options, expires, timeout)
}

const others = ["retry", "renew", "awaitRelease"] as const

/** The length of an extension, in milliseconds. */
export const decodeExtension = (input: Duration.Input): Result.Result<number, LockError> =>
  Result.map(decodeOption("expires", input), Duration.toMillis)
