/** Tokens: `<owner>.<base 36 millis>.<random>`: who asks, since when, and a part that nobody can guess. */
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"

const ownerLength = 12
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

const processId = (): string => {
  const process = (globalThis as { readonly process?: { readonly pid?: number } }).process
  return String(process?.pid ?? 0)
}

/**
 * A source of tokens of one owner. `wallMillis` is the wall clock, looked at only
 * when the time the caller gives, by any clock, is another millisecond.
 */
export const make = (wallMillis: () => number): (now?: number) => string => {
  const random = makeRandom()
  const owner = `${processId()}-${random(ownerLength)}`
  let tick = -1
  let prefix = ""
  return (now = NaN) => {
    if (Math.floor(now) !== tick) {
      tick = Math.floor(now)
      prefix = `${owner}.${Math.floor(wallMillis()).toString(36)}.`
    }
    return prefix + random(partLength)
  }
}

const pattern = /^(\d+-[\w-]{12})\.([0-9a-z]{1,10})\.[\w-]{10}$/

/** What a token says, or undefined for a token of somebody else's making. */
export const parse = (token: string): { readonly owner: string; readonly since: DateTime.Utc } | undefined => {
  const match = pattern.exec(token)
  if (match === null) return undefined
  const since = DateTime.make(parseInt(match[2], 36))
  return since._tag === "Some" ? { owner: match[1], since: since.value } : undefined
}
