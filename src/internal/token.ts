/**
 * Tokens: `<process>.<base 36 millis>.<random>.<owner>`: which process asks, since
 * when, a part that nobody can guess, and what the process is called. All that a
 * store keeps of a holder is its token, so what is to be known of it is in there.
 */
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Owner from "./owner.ts"

const processLength = 12
const partLength = 10
const poolLength = 64_000

const alphabet = new TextEncoder().encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
const decoder = new TextDecoder()

/** Random text of six bits a character, drawn from the CSPRNG in ever larger pieces because small draws are slow. */
const makeRandom = (): (length: number) => string => {
  let pool = ""
  let drawn = 100
  let next = 0
  return (length) => {
    if (next + length > pool.length) {
      drawn = Math.min(4 * drawn, poolLength)
      const bytes = SecureRandom.randomBytesUnsafe(drawn)
      for (let i = 0; i < bytes.length; i++) bytes[i] = alphabet[bytes[i] & 63]
      pool = decoder.decode(bytes)
      next = 0
    }
    return pool.slice(next, next += length)
  }
}

export type Source = (now?: number, owner?: string) => string

/**
 * A source of tokens of one process. `wallMillis` is the wall clock, looked at only
 * when the time the caller gives, by any clock, is another millisecond.
 */
export const make = (wallMillis: () => number, usualOwner: string = Owner.ofProcess): Source => {
  const random = makeRandom()
  const process = `${Owner.processId}-${random(processLength)}`
  let tick = -1
  let prefix = ""
  return (now = NaN, owner = usualOwner) => {
    if (Math.floor(now) !== tick) {
      tick = Math.floor(now)
      prefix = `${process}.${Math.floor(wallMillis()).toString(36)}.`
    }
    return `${prefix}${random(partLength)}.${owner}`
  }
}

/** Of a token of our making, whether it is the owner's. */
export const isOf = (token: string, owner: string): boolean => token.endsWith(`.${owner}`)

/** Of the first release, tokens end with the random part. */
const pattern = /^(\d+-[\w-]{12})\.([0-9a-z]{1,10})\.[\w-]{10}(?:\.([\w-]*))?$/

interface Parsed {
  /** What its process is called, or its process where it has no name. */
  readonly owner: string
  readonly process: string
  readonly since: DateTime.Utc
}

/** What a token says, or undefined for a token of somebody else's making. */
export const parse = (token: string): Parsed | undefined => {
  const match = pattern.exec(token)
  if (match === null) return undefined
  const [, process, millis, owner] = match
  const since = DateTime.make(parseInt(millis, 36))
  return since._tag === "Some" ? { owner: owner || process, process, since: since.value } : undefined
}

/** Enough of a token to tell holders apart, and not to act for them. */
export const shorten = (token: string): string => `${parse(token)?.process ?? token.slice(0, 8)}…`
