/**
 * Tokens: `<process>.<base 36 millis>.<random>.<owner>`: which process claims, since when, an
 * unguessable part, and the owner's name. A token is all that a store keeps of a holder, so it
 * contains what others need to know.
 */
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import { rememberLast } from "./last.ts"
import * as Owner from "./owner.ts"

const processLength = 12
const partLength = 10
/** How long random text may be used after it was drawn, in milliseconds. */
const keptMillis = 10
/** The bytes of one draw. */
const leastDrawn = 100
const mostDrawn = 64_000

const alphabet = new TextEncoder().encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
const decoder = new TextDecoder()

/**
 * Random text, with six bits in each character. Small draws from the CSPRNG are slow, so what the next
 * few milliseconds need is drawn together. Nothing is kept for longer: if a snapshot of the process is
 * restored twice, both copies would go on with the same text.
 */
class Random {
  private pool = ""
  private next = 0
  private keptFrom = -Infinity
  private used = 0
  private wanted = 0

  take(length: number): string {
    if (this.next + length > this.pool.length) this.draw()
    this.used += length
    return this.pool.slice(this.next, this.next += length)
  }

  /** If the time is unknown, what was drawn is kept. */
  forget(now: number): void {
    if (!(now - this.keptFrom >= keptMillis)) return
    this.keptFrom = now
    this.pool = ""
    this.next = 0
    // The same amount will probably be needed again.
    this.wanted = this.used
    this.used = 0
  }

  private draw(): void {
    const bytes = SecureRandom.randomBytesUnsafe(Math.min(Math.max(this.wanted, leastDrawn), mostDrawn))
    for (let i = 0; i < bytes.length; i++) bytes[i] = alphabet[bytes[i] & 63]
    this.pool = decoder.decode(bytes)
    this.next = 0
    // The rest is discarded.
    this.wanted = this.used >> 1
  }
}

export type Source = (now?: number, owner?: string) => string

/**
 * A source of tokens for one process. `wallMillis` is the wall clock, which is read only if the
 * caller's time, by any clock, is in another millisecond.
 */
export const make = (wallMillis: () => number, usualOwner: string = Owner.ofProcess): Source => {
  const random = new Random()
  const process = `${Owner.processId}-${random.take(processLength)}`
  let tick = -1
  let prefix = ""
  return (now = NaN, owner = usualOwner) => {
    if (Math.floor(now) !== tick) {
      tick = Math.floor(now)
      random.forget(tick)
      prefix = `${process}.${Math.floor(wallMillis()).toString(36)}.`
    }
    // A flat string: a concatenated one would keep its parts in memory.
    return [prefix, random.take(partLength), ".", owner].join("")
  }
}

/** Whether a token of this library is the owner's. */
export const isOf = (token: string, owner: string): boolean => token.endsWith(`.${owner}`)

/** Tokens of the first release end with the random part. */
const pattern = /^(\d+-[\w-]{12})\.([0-9a-z]{1,10})\.[\w-]{10}(?:\.([\w-]*))?$/

interface Parsed {
  /** The name of its process, or the process part if it has no name. */
  readonly owner: string
  readonly process: string
  readonly since: DateTime.Utc
}

/** Parses a token; undefined if it is not of this library. */
export const parse = /* #__PURE__ */ rememberLast((token: string): Parsed | undefined => {
  const match = pattern.exec(token)
  if (match === null) return undefined
  const [, process, millis, owner] = match
  const since = DateTime.make(parseInt(millis, 36))
  return since._tag === "Some" ? { owner: owner || process, process, since: since.value } : undefined
})

/** The length of a time of our era in base 36. */
const millisLength = 8

/** Since when a token of this library has been claiming, read quickly; NaN for any other. */
export const sinceMillis = (token: string): number => {
  const from = token.indexOf(".") + 1
  const to = token.indexOf(".", from)
  return to - from === millisLength ? parseInt(token.slice(from, to), 36) : NaN
}

/** Enough of a token to tell holders apart, but not to act for them. */
export const shorten = (token: string): string => `${parse(token)?.process ?? token.slice(0, 8)}…`
