/**
 * How each operation changes the record of a key: plain functions of plain data, which run inside
 * one transaction, so that no other tab can interfere.
 *
 * A grant to a waiter is an *offer* at first: a short lease, which the waiter turns into a full one
 * when it hears of it. So a tab that hangs costs the others {@link offerMillis}, and not the lease
 * it wanted.
 *
 * When somebody leaves the key or the queue, as many waiters as fit are granted the key, from the
 * front of the queue. The first that does not fit blocks those behind it, so that it does not
 * starve.
 */
import type { Share } from "../../LockStore.ts"
import type { Stamp } from "./age.ts"
import { type Absent, type Holder, isHeldAlone, nobody, type Record, type Waiter } from "./record.ts"

/** How long a waiter has to accept an offer. */
export const offerMillis = 1_000

/**
 * How long the first waiter, which does not fit, may stay silent while others wait behind it. Then
 * it counts as gone, and is skipped.
 */
export const absentMillis = 10_000

/** After this it is asked to respond, which tabs can do even if their timers are throttled. */
const missedMillis = 5_000

/** How often it notes that it is there. */
const seenMillis = 3_000

/** What the current tab knows beyond the record. */
export interface View {
  readonly stamp: Stamp
  /** How long the lease still lasts, as far as this tab can tell; zero or less if it is over. */
  readonly remaining: (holder: Holder) => number
  /** How long a waiter has been silent, at least. */
  readonly absence: (absent: Absent) => number
  readonly isDead: (tab: string) => boolean
}

export interface Change<A> {
  readonly answer: A
  /** Undefined if nothing changes. */
  readonly next: Record | undefined
  /** The waiters to notify of an offer. */
  readonly offered?: ReadonlyArray<Waiter>
  /** The waiter that is asked to respond. */
  readonly missed?: string | undefined
}

const isLive = (holder: Holder, { isDead, remaining }: View): boolean => !isDead(holder.tab) && remaining(holder) > 0

/** The holders of the key, in the order in which their leases end. */
export const living = ({ holders }: Record, view: View): ReadonlyArray<Holder> =>
  holders.filter((holder) => isLive(holder, view)).toSorted((a, b) => view.remaining(a) - view.remaining(b))

const without = <A extends { readonly token: string }>(all: ReadonlyArray<A>, token: string): ReadonlyArray<A> =>
  all.filter((one) => one.token !== token)

const isAmong = (all: ReadonlyArray<{ readonly token: string }>, token: string): boolean =>
  all.some((one) => one.token === token)

const fits = (share: Share | undefined, holders: ReadonlyArray<Holder>): boolean => {
  if (share === undefined || isHeldAlone(holders)) return holders.length === 0
  return holders.reduce((used, { permits }) => used + permits!, share.permits) <= share.limit
}

interface Lease {
  readonly token: string
  readonly tab: string
  readonly expires: number
  /** Whether it outlives the tab. */
  readonly outlives?: boolean | undefined
}

/** A new lease. */
const holderOf = ({ expires, outlives, tab, token }: Lease, permits: number | undefined, { stamp }: View): Holder => {
  const holder = { ...stamp, token, tab: outlives === true ? nobody : tab, lease: expires }
  return permits === undefined ? holder : { ...holder, permits }
}

/** The record with a new lease for one of the holders, with as many permits as before. */
const renewed = (holders: ReadonlyArray<Holder>, lease: Lease, view: View): ReadonlyArray<Holder> =>
  holders.map((one) => one.token === lease.token ? holderOf(lease, one.permits, view) : one)

interface Passed {
  readonly next: Record
  readonly offered: ReadonlyArray<Waiter>
}

/**
 * Grants the key to the waiters that fit, from the front: the claim gets its full lease, the others
 * an offer.
 */
const passOn = (
  { absent, holders, queue }: Omit<Record, "version">,
  view: View,
  asking?: Lease
): Passed => {
  const those = [...holders]
  const offered: Array<Waiter> = []
  let n = 0
  for (; n < queue.length && fits(queue[n].share, those); n++) {
    const waiter = queue[n]
    const isAsking = waiter.token === asking?.token
    if (!isAsking) offered.push(waiter)
    const lease = isAsking ? asking : { ...waiter, expires: Math.min(waiter.expires, offerMillis) }
    those.push(holderOf(lease, waiter.share?.permits, view))
  }
  const left = queue.slice(n)
  const isFirst = absent !== undefined && absent.token === left[0]?.token && !isHeldAlone(those)
  return { offered, next: { version: 2, holders: those, queue: left, ...(isFirst && { absent }) } }
}

export interface Claim extends Lease {
  readonly share?: Share | undefined
  readonly wait: boolean
}

export interface Held {
  readonly _tag: "Held"
  readonly token: string | undefined
  readonly remaining: number
  readonly waiters: number
  /** The tabs whose end may let others in: those of the holders and of the first waiter. */
  readonly tabs: ReadonlyArray<string>
}

type Claimed = Held | { readonly _tag: "Acquired" }

const heldBy = (record: Record, view: View): Held => {
  const { queue } = record
  const holders = living(record, view)
  const [first] = holders
  return {
    _tag: "Held",
    token: first?.token,
    remaining: first === undefined ? 0 : view.remaining(first),
    waiters: queue.length,
    tabs: Array.from(new Set([...holders, ...queue.slice(0, 1)].map(({ tab }) => tab)))
  }
}

/**
 * Acquires the key if it is ours, or if the claim fits and nobody is in front; otherwise adds the
 * claim to the queue.
 */
export const claim = (record: Record, claim: Claim, view: View): Change<Claimed> => {
  const { expires, share, tab, token, wait } = claim
  const { holders } = record
  if (isAmong(holders, token)) {
    const next = { ...record, holders: renewed(holders, claim, view), queue: without(record.queue, token) }
    return { answer: { _tag: "Acquired" }, next }
  }
  const there = living(record, view)
  // A waiter that let a lease or an offer end is skipped: its tab hangs, or it no longer waits.
  const hung = new Set(holders.filter((one) => !there.includes(one)).map((one) => one.tab))
  // A tab that was away now has another name.
  const present = record.queue
    .filter((one) => one.token === token || !(view.isDead(one.tab) || hung.has(one.tab)))
    .map((one) => one.token === token && one.tab !== tab ? { ...one, tab } : one)
  const queue = isGone(present, record.absent, token, view) ? present.slice(1) : present
  const joins = !isAmong(queue, token) && (wait || (queue.length === 0 && fits(share, there)))
  const own: Waiter = share === undefined ? { token, tab, expires } : { token, tab, expires, share }
  const { next: passed, offered } = passOn(
    { holders: there, queue: joins ? [...queue, own] : queue, absent: record.absent },
    view,
    claim
  )
  const next = minded(passed, token, view)
  if (isAmong(next.holders, token)) return { answer: { _tag: "Acquired" }, next, offered }
  const isSame = offered.length === 0 && next.absent === record.absent && next.queue.length === record.queue.length &&
    next.queue.every((waiter, i) => waiter === record.queue[i])
  const { absent } = next
  return {
    answer: heldBy(next, view),
    next: isSame ? undefined : next,
    offered,
    missed: absent !== undefined && view.absence(absent) >= missedMillis ? absent.token : undefined
  }
}

/** Whether the first waiter has been silent for so long that it counts as gone. */
const isGone = (
  [first]: ReadonlyArray<Waiter>,
  absent: Absent | undefined,
  asking: string,
  view: View
): boolean =>
  absent !== undefined && first?.token === absent.token && first.token !== asking &&
  view.absence(absent) >= absentMillis

/** Notes the first waiter, if it does not fit in addition to the holders, or that it has responded. */
const minded = (record: Record, asking: string, view: View): Record => {
  const { absent, holders, queue: [first] } = record
  if (first === undefined || isHeldAlone(holders)) return record
  if (first.token !== asking) {
    return absent === undefined ? { ...record, absent: { ...view.stamp, token: first.token } } : record
  }
  return absent !== undefined && view.absence(absent) >= seenMillis ? { ...record, absent: undefined } : record
}

/** Turns an offer into a full lease. False if the offer is over. */
export const accept = (record: Record, lease: Lease, view: View): Change<boolean> =>
  isAmong(record.holders, lease.token)
    ? { answer: true, next: { ...record, holders: renewed(record.holders, lease, view) } }
    : { answer: false, next: undefined }

export const extend = (
  record: Record,
  token: string,
  expires: number,
  view: View,
  outlives = false
): Change<boolean> => {
  const own = record.holders.find((one) => one.token === token)
  if (own === undefined || !isLive(own, view)) return { answer: false, next: undefined }
  const { tab } = own
  return {
    answer: true,
    next: { ...record, holders: renewed(record.holders, { token, tab, expires, outlives }, view) }
  }
}

/** Transfers an exclusive key from one token to another, past the waiters. */
export const transfer = (record: Record, from: string, lease: Lease, view: View): Change<Claimed> => {
  const [holder] = living(record, view)
  if (holder === undefined || holder.permits !== undefined || (holder.token !== from && holder.token !== lease.token)) {
    return { answer: heldBy(record, view), next: undefined }
  }
  return { answer: { _tag: "Acquired" }, next: { ...record, holders: [holderOf(lease, undefined, view)] } }
}

/**
 * Releases the token's lease and its place in the queue, and grants the key to the waiters that
 * then fit.
 */
export const release = (record: Record, token: string, view: View): Change<boolean> => {
  const own = record.holders.find((one) => one.token === token)
  const queue = without(record.queue, token)
  if (own === undefined && queue.length === record.queue.length) return { answer: false, next: undefined }
  // Of the waiters, only those whose tabs are known to be gone are removed here; a claim finds out whose time is over.
  const there = queue.filter(({ tab }) => !view.isDead(tab))
  const passed = passOn({ holders: without(record.holders, token), queue: there, absent: record.absent }, view)
  return { answer: own !== undefined && isLive(own, view), ...passed }
}
