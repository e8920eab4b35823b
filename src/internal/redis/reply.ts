/** Decodes the replies of scripts and the messages on a channel; undefined if they are not exactly ours. */
import { NotUnderstood } from "./failure.ts"
import { claimMillis } from "./scripts.ts"

/** Clients may give integers as text. */
const integer = (value: unknown): number | undefined => {
  const number = typeof value === "number"
    ? value
    : typeof value === "bigint" || (typeof value === "string" && /^-?\d{1,16}$/.test(value))
    ? Number(value)
    : NaN
  return Number.isSafeInteger(number) ? number : undefined
}

/** A time of the server, which is a large number whatever its clock says. */
const microseconds = (value: unknown): number | undefined => {
  const number = integer(value)
  return number !== undefined && number > 1_000_000_000 ? number : undefined
}

const index = (value: unknown, size: number): number | undefined => {
  const number = integer(value)
  return number !== undefined && number >= 1 && number <= size ? number - 1 : undefined
}

/** The reply of a script that does two things. */
export const pair = (reply: unknown): readonly [unknown, unknown] =>
  Array.isArray(reply) && reply.length === 2 ? [reply[0], reply[1]] : [undefined, undefined]

/** Who holds a lock, and for how long; without a token during a roll call. */
export interface Holder {
  readonly token: string | undefined
  readonly restMillis: number | undefined
  readonly waiters: number | undefined
}

const holderOf = (rest: unknown, token: unknown, waiters: number | undefined): Holder | undefined => {
  const millis = integer(rest)
  if (millis === undefined || typeof token !== "string") return undefined
  return { token: token === "" ? undefined : token, restMillis: millis < 0 ? undefined : millis, waiters }
}

/** The reply to many attempts: when, and who holds the locks that were refused; null if the key is not a lock. */
export interface Attempted {
  readonly micros: number
  readonly refused: ReadonlyMap<number, Holder | null>
}

const noneRefused: ReadonlyMap<number, Holder | null> = new Map()

/** For a script without attempts. */
export const noneAttempted: Attempted = { micros: 0, refused: noneRefused }

export const attempted = (reply: unknown, size: number): Attempted | undefined => {
  if (!Array.isArray(reply)) {
    const micros = microseconds(reply)
    return micros === undefined ? undefined : { micros, refused: noneRefused }
  }
  const micros = microseconds(reply[0])
  if (micros === undefined || reply.length === 1) return undefined
  const refused = new Map<number, Holder | null>()
  for (let n = 1; n < reply.length; n++) {
    const one: unknown = reply[n]
    if (!Array.isArray(one)) return undefined
    const i = index(one[0], size)
    const holder = one.length === 1 ? null : one.length === 3 ? holderOf(one[1], one[2], undefined) : undefined
    if (i === undefined || holder === undefined) return undefined
    refused.set(i, holder)
  }
  return { micros, refused }
}

/** The reply to a claim: when, and the holder if it was refused. */
export interface Claimed {
  readonly micros: number
  readonly holder: Holder | undefined
}

export const claimed = (reply: unknown): Claimed | undefined => {
  if (!Array.isArray(reply)) return undefined
  const ours = integer(reply[0])
  const micros = microseconds(reply[1])
  if (micros === undefined) return undefined
  if (ours === 1 && reply.length === 2) return { micros, holder: undefined }
  const waiters = integer(reply[4])
  if (ours !== 0 || reply.length !== 5 || waiters === undefined) return undefined
  const holder = holderOf(reply[2], reply[3], waiters)
  return holder && { micros, holder }
}

/** The reply to many releases or extensions: which were not ours, and which of ours were granted to a waiter. */
export interface Among {
  readonly others: ReadonlySet<number>
  readonly handed: ReadonlyArray<number>
}

/** Also for a script without releases. */
export const allOurs: Among = { others: new Set(), handed: [] }

export const among = (reply: unknown, size: number): Among | undefined => {
  if (!Array.isArray(reply)) return integer(reply) === 0 ? allOurs : undefined
  if (reply.length === 0) return undefined
  const others = new Set<number>()
  const handed: Array<number> = []
  for (const other of reply) {
    const number = integer(other)
    const i = number === undefined ? undefined : index(Math.abs(number), size)
    if (i === undefined) return undefined
    if (number! < 0) handed.push(i)
    else others.add(i)
  }
  return { others, handed }
}

/** The reply to a look: how many listen on our channel, and for each waiter the rest of the holder's lease, -1 or -2. */
export interface Looked {
  readonly listeners: number
  readonly rests: ReadonlyArray<number>
}

export const looked = (reply: unknown, size: number): Looked | undefined => {
  if (!Array.isArray(reply) || reply.length !== size + 1) return undefined
  const numbers: Array<number> = []
  for (const value of reply) {
    const number = integer(value)
    if (number === undefined) return undefined
    numbers.push(number)
  }
  const [listeners, ...rests] = numbers
  return { listeners, rests }
}

/** A message: a lock was granted to one of our tokens, or there is a roll call if the lease is 0. */
export interface Message {
  readonly token: string
  readonly micros: number
  readonly leaseMillis: number
  /** Including the key prefix of the sender's client. */
  readonly lock: string
}

const pattern = /^([\w.-]+) (\d{1,16}) (\d{1,15}) (.+)$/s

export const message = (text: unknown): Message | undefined => {
  const match = typeof text === "string" ? pattern.exec(text) : null
  const micros = match === null ? undefined : microseconds(match[2])
  if (match === null || micros === undefined) return undefined
  return { token: match[1], micros, leaseMillis: Math.min(Number(match[3]), claimMillis), lock: match[4] }
}

/** The replies to the plain commands that inspect an exclusive lock; null if nobody holds it. */
export const inspected = (holder: unknown, rest: unknown, waiters: unknown): Holder | null | undefined => {
  if (holder === null || holder === undefined || holder === "") return null
  return holderOf(integer(rest) ?? NaN, holder, integer(waiters))
}

/** The reply to SCAN: the next cursor, "0" at the end, and names. */
export const scanned = (
  reply: unknown
): { readonly cursor: string; readonly names: ReadonlyArray<string> } | undefined => {
  if (!Array.isArray(reply) || reply.length !== 2) return undefined
  const [cursor, names] = reply as Array<unknown>
  if (!/^\d+$/.test(String(cursor)) || !Array.isArray(names)) return undefined
  return names.every((name) => typeof name === "string") ? { cursor: String(cursor), names } : undefined
}

interface Sharer {
  readonly token: string
  readonly permits: number
  readonly restMillis: number
}

/** The reply to an inspection of a shared lock: how many wait, and who holds it. */
export const sharers = (
  reply: unknown
): { readonly waiters: number; readonly sharers: ReadonlyArray<Sharer> } | undefined => {
  const waiters = Array.isArray(reply) ? integer(reply[0]) : undefined
  if (!Array.isArray(reply) || waiters === undefined || reply.length % 3 !== 1) return undefined
  const found: Array<Sharer> = []
  for (let i = 1; i < reply.length; i += 3) {
    const [token, permits, restMillis] = [reply[i] as unknown, integer(reply[i + 1]), integer(reply[i + 2])]
    if (typeof token !== "string" || permits === undefined || permits < 1 || restMillis === undefined) return undefined
    found.push({ token, permits, restMillis })
  }
  return { waiters, sharers: found }
}

/** Bytes that are not UTF-8 have been through a decoder, and cannot be a token. */
export const isText = (token: string): boolean => !token.includes("\ufffd")

/** Shows the type of the reply, but not its content. */
export const notUnderstood = (reply: unknown): NotUnderstood => new NotUnderstood(describe(reply))

const describe = (reply: unknown): string =>
  reply === "QUEUED" || reply === "OK" ? JSON.stringify(reply) : Array.isArray(reply) ? "a list" : typeof reply
