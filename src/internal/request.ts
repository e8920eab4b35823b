/** The request of a call: its key and options, checked, over the current defaults when it runs. */
import * as Duration from "effect/Duration"
import type { LockConfig, LockRequest, SectionOptions, ShareOptions } from "../LockConfig.ts"
import { LockError } from "../LockError.ts"
import type { Share } from "../LockStore.ts"
import { aBoolean, invalid, isAtLeast, isExpires, isTimeout, kinds, read, toWholeMillis } from "./options.ts"

interface CallOptions extends SectionOptions, ShareOptions {
  readonly failIfLocked?: boolean | undefined
}

/** The current defaults. */
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

/**
 * An option that is not given is `NaN` or undefined. Options are read once, since they may change
 * before the call runs.
 */
interface Wanted extends Pick<CallOptions, "retry" | "renew" | "awaitRelease" | "reenter" | "failIfLocked"> {
  readonly expiresMillis: number
  readonly timeoutMillis: number
  readonly atLeastMillis: number
  readonly share: Share | undefined
}

/** A call's checked key and options, from which the request is made once the defaults are known. */
export class Asking {
  private readonly key: string
  private readonly wanted: Wanted
  /** Most runs of a call have the same defaults as the last one. */
  private defaults: Defaults | undefined = undefined
  private request: LockRequest | undefined = undefined

  constructor(key: string, wanted: Wanted) {
    this.key = key
    this.wanted = wanted
  }

  get failIfLocked(): boolean {
    return this.wanted.failIfLocked === true
  }

  over(defaults: Defaults): LockRequest {
    if (defaults === this.defaults) return this.request!
    const { atLeastMillis, awaitRelease, expiresMillis, reenter, renew, retry, share, timeoutMillis } = this.wanted
    const { config } = defaults
    const lease = Number.isNaN(expiresMillis) ? defaults.expiresMillis : expiresMillis
    const request: LockRequest = {
      key: config.keyPrefix + this.key,
      expiresMillis: Math.max(lease, atLeastMillis),
      timeoutMillis: Number.isNaN(timeoutMillis) ? defaults.timeoutMillis : timeoutMillis,
      retry: retry ?? config.retry,
      renew: renew ?? config.renew,
      awaitRelease: awaitRelease ?? config.awaitRelease,
      reenter: reenter === true,
      owner: config.owner,
      share,
      atLeastMillis
    }
    this.defaults = defaults
    return this.request = request
  }
}

const nothing = { expiresMillis: NaN, atLeastMillis: 0, share: undefined }
const wantsNothing: Wanted = { ...nothing, timeoutMillis: NaN }
const wantsNoWait: Wanted = { ...nothing, timeoutMillis: 0 }

/** Options that the call itself sets. */
type Own = Pick<CallOptions, "expires" | "share" | "timeout">

/**
 * Checks a key and its options; returns what is wrong as a `LockError`. Options must not be copied on
 * their way here: a copy lacks what an instance of a class inherits.
 */
export const ask = (key: string, options?: CallOptions, own?: Own, waits = true): Asking | LockError => {
  if (typeof key !== "string" || key.length === 0) return invalid("key", key, "a string that is not empty")
  const usual = waits ? wantsNothing : wantsNoWait
  if (options === undefined && own === undefined) return new Asking(key, usual)
  const wanted = read(options, (options) => check(options, own, usual))
  return wanted instanceof LockError ? wanted : new Asking(key, wanted)
}

const check = (options: CallOptions, own: Own | undefined, usual: Wanted): Wanted | LockError => {
  const { atLeast, awaitRelease, failIfLocked, reenter, renew, retry } = options
  // Each is read once.
  const expires = own?.expires ?? options.expires
  const share = own?.share ?? options.share
  const timeout = own?.timeout ?? options.timeout
  const expiresMillis = expires === undefined ? usual.expiresMillis : toWholeMillis(expires)
  if (expires !== undefined && !isExpires(expiresMillis)) return invalid("expires", expires, kinds.expires.expected)
  const timeoutMillis = timeout === undefined ? usual.timeoutMillis : toWholeMillis(timeout)
  if (timeout !== undefined && !isTimeout(timeoutMillis)) return invalid("timeout", timeout, kinds.timeout.expected)
  if (retry !== undefined && kinds.retry.decode(retry) === undefined) {
    return invalid("retry", retry, kinds.retry.expected)
  }
  if (!isFlag(renew)) return invalid("renew", renew, aBoolean.expected)
  if (!isFlag(awaitRelease)) return invalid("awaitRelease", awaitRelease, aBoolean.expected)
  if (!isFlag(reenter)) return invalid("reenter", reenter, aBoolean.expected)
  if (!isFlag(failIfLocked)) return invalid("failIfLocked", failIfLocked, aBoolean.expected)
  const atLeastMillis = atLeast === undefined ? 0 : toWholeMillis(atLeast)
  if (!isAtLeast(atLeastMillis)) {
    return invalid("atLeast", atLeast, `a finite duration of zero or more, such as "30 seconds"`)
  }
  const shared = share === undefined ? undefined : decodeShare(share)
  if (shared instanceof LockError) return shared
  return {
    retry,
    renew,
    awaitRelease,
    reenter,
    failIfLocked,
    expiresMillis,
    timeoutMillis,
    atLeastMillis,
    share: shared
  }
}

const isFlag = (input: unknown): boolean => input === undefined || typeof input === "boolean"

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
