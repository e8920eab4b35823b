/**
 * What is known of a key, and how each operation changes it. All of this is
 * plain data and runs inside one transaction, so that tabs cannot come between.
 *
 * A lease that is passed on is an *offer* at first: a lease too short to be
 * worked under, which whoever hears of it turns into a full one. So a tab that
 * hangs costs the others {@link offerMillis}, and not the lease it wanted.
 */
import type { Stamp } from "./age.ts"

/** How long one who waits has to take what it is offered. */
export const offerMillis = 1_000

export interface Waiter {
  readonly token: string
  readonly tab: string
  readonly expires: number
}

export interface Holder extends Stamp {
  readonly token: string
  /** Or {@link nobody}. */
  readonly tab: string
  readonly lease: number
}

export interface Record {
  readonly version: 1
  readonly holder: Holder | undefined
  readonly queue: ReadonlyArray<Waiter>
}

/** The tab of a lease that lasts though its tab is closed: it is never gone. */
export const nobody = ""

export const free: Record = { version: 1, holder: undefined, queue: [] }

export const isFree = ({ holder, queue }: Record): boolean => holder === undefined && queue.length === 0

/** What the tab that looks knows of the world outside the record. */
export interface View {
  readonly stamp: Stamp
  /** How long the lease lasts still, as far as this tab can tell; zero or less when it is over. */
  readonly remaining: (holder: Holder) => number
  readonly isDead: (tab: string) => boolean
}

export interface Change<A> {
  readonly answer: A
  /** Undefined where nothing changes. */
  readonly next: Record | undefined
  /** Who is to be told that the key is theirs to take. */
  readonly offered?: Waiter | undefined
}

const isLive = (holder: Holder, { isDead, remaining }: View): boolean => !isDead(holder.tab) && remaining(holder) > 0

const without = (queue: ReadonlyArray<Waiter>, token: string): ReadonlyArray<Waiter> =>
  queue.filter((waiter) => waiter.token !== token)

/** Passes the key on to the first of the queue that is not known to be gone. */
const passOn = (queue: ReadonlyArray<Waiter>, view: View): Omit<Change<unknown>, "answer"> & { next: Record } => {
  const [offered, ...rest] = queue.filter(({ tab }) => !view.isDead(tab))
  if (offered === undefined) return { next: free }
  const { expires, tab, token } = offered
  const holder = { ...view.stamp, token, tab, lease: Math.min(expires, offerMillis) }
  return { offered, next: { version: 1, holder, queue: rest } }
}

export interface Claim {
  readonly token: string
  readonly tab: string
  readonly expires: number
  readonly wait: boolean
  /** It lasts though the tab is closed. */
  readonly outlives?: boolean | undefined
}

/** A new lease. */
const holderOf = (
  { expires, outlives, tab, token }: Omit<Claim, "wait">,
  { stamp }: View
): Holder => ({ ...stamp, token, tab: outlives === true ? nobody : tab, lease: expires })

export interface Held {
  readonly _tag: "Held"
  readonly token: string | undefined
  readonly tab: string
  readonly remaining: number
  readonly waiters: number
}

export type Claimed = Held | { readonly _tag: "Acquired" }

/** Takes the key if it is free, ours, or offered to nobody before us; else remembers that we wait. */
export const claim = (record: Record, claim: Claim, view: View): Change<Claimed> => {
  const { expires, tab, token, wait } = claim
  const { holder, queue } = record
  const held = ({ holder, queue }: Record, offered?: Waiter): Change<Claimed> => {
    const queued = !wait || queue.some((waiter) => waiter.token === token)
    const next: Record = { version: 1, holder, queue: queued ? queue : [...queue, { token, tab, expires }] }
    const { tab: by, token: whose } = holder!
    return {
      answer: { _tag: "Held", token: whose, tab: by, remaining: view.remaining(holder!), waiters: queue.length },
      next: queued && offered === undefined ? undefined : next,
      offered
    }
  }
  if (holder?.token !== token) {
    if (holder !== undefined && isLive(holder, view)) return held(record)
    // Who let a lease or an offer end is not asked again: its tab hangs, or it would wait no more.
    const there = queue.filter((waiter) =>
      waiter.token === token || (!view.isDead(waiter.tab) && waiter.tab !== holder?.tab)
    )
    if (there.length > 0 && there[0].token !== token) {
      const { next, offered } = passOn(there, view)
      return held(next, offered)
    }
  }
  return {
    answer: { _tag: "Acquired" },
    next: { version: 1, holder: holderOf(claim, view), queue: without(queue, token) }
  }
}

/** Turns an offer into a full lease. False if it is not ours any more. */
export const accept = (record: Record, claim: Omit<Claim, "wait">, view: View): Change<boolean> =>
  record.holder?.token === claim.token
    ? { answer: true, next: { ...record, holder: holderOf(claim, view) } }
    : { answer: false, next: undefined }

export const extend = (
  record: Record,
  token: string,
  lease: number,
  view: View,
  outlives = false
): Change<boolean> => {
  const { holder } = record
  if (holder === undefined || holder.token !== token || !isLive(holder, view)) return { answer: false, next: undefined }
  const tab = outlives ? nobody : holder.tab
  return { answer: true, next: { ...record, holder: { ...holder, ...view.stamp, tab, lease } } }
}

/** From one token to another, past those who wait. */
export const transfer = (record: Record, from: string, claim: Omit<Claim, "wait">, view: View): Change<Claimed> => {
  const { holder, queue } = record
  if (holder === undefined || !isLive(holder, view) || (holder.token !== from && holder.token !== claim.token)) {
    const { tab = nobody, token } = holder !== undefined && isLive(holder, view) ? holder : { token: undefined }
    const remaining = holder === undefined ? 0 : view.remaining(holder)
    return { answer: { _tag: "Held", token, tab, remaining, waiters: queue.length }, next: undefined }
  }
  return { answer: { _tag: "Acquired" }, next: { version: 1, holder: holderOf(claim, view), queue } }
}

/** Frees the key of its holder, and passes it on; or takes one who waits out of the queue. */
export const release = (record: Record, token: string, view: View): Change<boolean> => {
  const { holder, queue } = record
  if (holder?.token === token) return { answer: isLive(holder, view), ...passOn(without(queue, token), view) }
  const rest = without(queue, token)
  return { answer: false, next: rest.length === queue.length ? undefined : { ...record, queue: rest } }
}

const isWaiter = (value: unknown): value is Waiter =>
  typeof value === "object" && value !== null &&
  "token" in value && typeof value.token === "string" &&
  "tab" in value && typeof value.tab === "string" &&
  "expires" in value && typeof value.expires === "number" && value.expires > 0

const isHolder = (value: unknown): value is Holder =>
  typeof value === "object" && value !== null &&
  "token" in value && typeof value.token === "string" &&
  "tab" in value && typeof value.tab === "string" &&
  "lease" in value && Number.isFinite(value.lease) &&
  "wall" in value && Number.isFinite(value.wall) &&
  "steady" in value && Number.isFinite(value.steady)

/** Reads what is stored; undefined for what is no record of ours. */
export const decode = (value: unknown): Record | undefined => {
  if (value === undefined) return free
  if (typeof value !== "object" || value === null || !("version" in value) || value.version !== 1) return undefined
  const { holder, queue } = value as Partial<Record>
  if (holder !== undefined && !isHolder(holder)) return undefined
  return Array.isArray(queue) && queue.every(isWaiter) ? { version: 1, holder, queue } : undefined
}

/** What is said when a key is offered. */
export interface Offer {
  readonly version: 1
  readonly key: string
  readonly to: Waiter
}

/** A message of ours, or undefined: anybody of the origin can say anything on the channel. */
export const decodeOffer = (value: unknown): Offer | undefined => {
  if (typeof value !== "object" || value === null || !("version" in value) || value.version !== 1) return undefined
  const { key, to } = value as Partial<Offer>
  return typeof key === "string" && isWaiter(to) ? { version: 1, key, to } : undefined
}
