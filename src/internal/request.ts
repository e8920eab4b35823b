/** What a call asks for: its key and options, checked, over the defaults in force when it runs. */
import * as Duration from "effect/Duration"
import type { LockConfig, LockRequest, SectionOptions, ShareOptions } from "../LockConfig.ts"
import { LockError } from "../LockError.ts"
import type { Share } from "../LockStore.ts"
import { aBoolean, invalid, isAtLeast, isExpires, isTimeout, kinds, toWholeMillis } from "./options.ts"

type CallOptions = SectionOptions & ShareOptions

/** The defaults in force. */
export interface Defaults {
  readonly config: LockConfig
  readonly expiresMillis: number
  readonly timeoutMillis: number
}

export const defaultsOf = (config: LockConfig): Defaults => ({
  config,
  expiresMillis: Duration.toMillis(config.expires),
  timeoutMillis: Duration.toMillis(config.timeout)
})

/** A call's key and options, checked: what it asks for once the defaults in force are known. */
export class Asking {
  private readonly key: string
  private readonly options: CallOptions | undefined
  private readonly expiresMillis: number
  private readonly timeoutMillis: number
  private readonly share: Share | undefined
  private readonly atLeastMillis: number
  /** Of all runs of a call most have the defaults of the last, which are few and small. */
  private defaults: Defaults | undefined = undefined
  private request: LockRequest | undefined = undefined

  constructor(
    key: string,
    options: CallOptions | undefined,
    expiresMillis: number,
    timeoutMillis: number,
    share?: Share,
    atLeastMillis = 0
  ) {
    this.key = key
    this.share = share
    this.atLeastMillis = atLeastMillis
    this.options = options
    this.expiresMillis = expiresMillis
    this.timeoutMillis = timeoutMillis
  }

  over(defaults: Defaults): LockRequest {
    if (defaults === this.defaults) return this.request!
    const { atLeastMillis, expiresMillis, key, options, share, timeoutMillis } = this
    const { config } = defaults
    const lease = Number.isNaN(expiresMillis) ? defaults.expiresMillis : expiresMillis
    const request: LockRequest = {
      key: config.keyPrefix + key,
      expiresMillis: Math.max(lease, atLeastMillis),
      timeoutMillis: Number.isNaN(timeoutMillis) ? defaults.timeoutMillis : timeoutMillis,
      retry: options?.retry ?? config.retry,
      renew: options?.renew ?? config.renew,
      awaitRelease: options?.awaitRelease ?? config.awaitRelease,
      reenter: options?.reenter === true,
      owner: config.owner,
      share,
      atLeastMillis
    }
    this.defaults = defaults
    return this.request = request
  }
}

/** Checks a key and its options. What is wrong comes out as a `LockError` value. */
export const ask = (key: string, options?: CallOptions, timeoutMillis = NaN): Asking | LockError => {
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
  const atLeast = options.atLeast === undefined ? 0 : toWholeMillis(options.atLeast)
  if (!isAtLeast(atLeast)) {
    return invalid("atLeast", options.atLeast, `a finite duration of zero or more, such as "30 seconds"`)
  }
  const share = options.share === undefined ? undefined : decodeShare(options.share)
  return share instanceof LockError ? share : new Asking(key, options, expires, timeout, share, atLeast)
}

const readers: Share = { permits: 1, limit: Number.MAX_SAFE_INTEGER }

const isCount = (u: unknown): u is number => Number.isSafeInteger(u) && (u as number) >= 1

const decodeShare = (input: NonNullable<ShareOptions["share"]>): Share | LockError => {
  if (input === true) return readers
  if (typeof input !== "object" || input === null) return invalid("share", input, "true, or { limit, permits }")
  const { limit, permits = 1 } = input
  if (!isCount(limit)) return invalid("limit", limit, "a whole number of at least 1")
  if (!isCount(permits) || permits > limit) {
    return invalid("permits", permits, `a whole number of at least 1 and at most the limit, ${limit}`)
  }
  return { permits, limit }
}

const others = ["retry", "renew", "awaitRelease"] as const
