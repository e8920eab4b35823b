/**
 * The record of a key: its holders and waiters, as plain data. A key that nobody holds or wants has
 * no record.
 */
import type { Share } from "../../LockStore.ts"
import type { Stamp } from "./age.ts"

export interface Waiter {
  readonly token: string
  readonly tab: string
  readonly expires: number
  /** How it wants to share the key; undefined for exclusive. */
  readonly share?: Share | undefined
}

export interface Holder extends Stamp {
  readonly token: string
  /** Or {@link nobody}. */
  readonly tab: string
  readonly lease: number
  /** How it shares the key; undefined for exclusive. */
  readonly permits?: number | undefined
}

/** The first waiter, when somebody behind it saw that it does not fit, and when that was. */
export interface Absent extends Stamp {
  readonly token: string
}

export interface Record {
  readonly version: 2
  /** The exclusive holder, or all who share the key. */
  readonly holders: ReadonlyArray<Holder>
  readonly queue: ReadonlyArray<Waiter>
  readonly absent?: Absent | undefined
}

/** The tab of a lease that outlives its tab: it is never gone. */
export const nobody = ""

export const free: Record = { version: 2, holders: [], queue: [] }

export const isFree = ({ holders, queue }: Record): boolean => holders.length === 0 && queue.length === 0

export const isHeldAlone = (holders: ReadonlyArray<Holder>): boolean =>
  holders.some(({ permits }) => permits === undefined)

export const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const isShare = (value: unknown): value is Share =>
  isObject(value) && "permits" in value && Number.isSafeInteger(value.permits) &&
  "limit" in value && Number.isSafeInteger(value.limit)

export const isWaiter = (value: unknown): value is Waiter =>
  isObject(value) &&
  "token" in value && typeof value.token === "string" &&
  "tab" in value && typeof value.tab === "string" &&
  "expires" in value && typeof value.expires === "number" && value.expires > 0 &&
  (!("share" in value) || isShare(value.share))

const isNoted = (value: unknown): value is Absent =>
  isObject(value) &&
  "token" in value && typeof value.token === "string" &&
  "wall" in value && Number.isFinite(value.wall) &&
  "steady" in value && Number.isFinite(value.steady)

const isHolder = (value: unknown): value is Holder =>
  isNoted(value) &&
  "tab" in value && typeof value.tab === "string" &&
  "lease" in value && Number.isFinite(value.lease) &&
  (!("permits" in value) || Number.isSafeInteger(value.permits))

/** Decodes a stored record; undefined if it is not ours. */
export const decode = (value: unknown): Record | undefined => {
  if (value === undefined) return free
  if (!isObject(value) || !("version" in value) || value.version !== 2) return undefined
  const { absent, holders, queue } = value as Partial<Record>
  return Array.isArray(holders) && holders.every(isHolder) && (holders.length < 2 || !isHeldAlone(holders)) &&
      Array.isArray(queue) && queue.every(isWaiter) && (absent === undefined || isNoted(absent))
    ? value as Record
    : undefined
}
