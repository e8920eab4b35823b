/** Tokens: `<owner>.<base 36 millis>.<random>`: who asks, since when, and a part that nobody can guess. */
import { SecureRandom } from "effect/crypto"
import * as DateTime from "effect/DateTime"
import { Base64Url } from "effect/encoding"

const partLength = 12
const poolBytes = 3 * 1024

/** Random base64url text, drawn from the CSPRNG in large pieces because small draws are slow. */
const makeRandomPart = (): () => string => {
  let pool = ""
  let next = 0
  return () => {
    if (next + partLength > pool.length) {
      pool = Base64Url.encode(SecureRandom.randomBytesUnsafe(poolBytes))
      next = 0
    }
    return pool.slice(next, next += partLength)
  }
}

const processId = (): string => {
  const process = (globalThis as { readonly process?: { readonly pid?: number } }).process
  return String(process?.pid ?? 0)
}

/** A source of tokens of one owner; `now` is the wall clock in milliseconds. */
export const make = (now: () => number): () => string => {
  const randomPart = makeRandomPart()
  const owner = `${processId()}-${randomPart()}`
  let millis = 0
  let prefix = ""
  return () => {
    const current = now()
    if (current !== millis || prefix === "") {
      millis = current
      prefix = `${owner}.${Math.floor(current).toString(36)}.`
    }
    return prefix + randomPart()
  }
}

const pattern = /^(\d+-[\w-]{12})\.([0-9a-z]{1,10})\.[\w-]{12}$/

/** What a token says, or undefined for a token of somebody else's making. */
export const parse = (token: string): { readonly owner: string; readonly since: DateTime.Utc } | undefined => {
  const match = pattern.exec(token)
  if (match === null) return undefined
  const since = DateTime.make(parseInt(match[2], 36))
  return since._tag === "Some" ? { owner: match[1], since: since.value } : undefined
}
