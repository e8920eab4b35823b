/**
 * How each operation changes what is known of a key. All of this is plain functions
 * of plain data and runs inside one transaction, so that tabs cannot come between.
 *
 * A lease that is passed on is an *offer* at first: a lease too short to be
 * worked under, which whoever hears of it turns into a full one. So a tab that
 * hangs costs the others {@link offerMillis}, and not the lease it wanted.
 *
 * Whoever leaves, the key or the queue, lets in as many from the front of the queue
 * as fit. The first that does not fit holds up those behind it, so that nobody is
 * passed by lighter ones for ever.
 */
import type { Share } from "../../LockStore.ts"
import type { Stamp } from "./age.ts"
import { type Absent, type Holder, isHeldAlone, nobody, type Record, type Waiter } from "./record.ts"

/** How long one who waits has to take what it is offered. */
export const offerMillis = 1_000

/**
 * How long the first of the queue may stay away while it does not fit and others wait
 * behind it. Then it is gone, and they go on.
 */
export const absentMillis = 10_000

/** When it is told to come by, which tabs do whose timers are put off. */
const missedMillis = 5_000

/** How often it says that it has come. */
const seenMillis = 3_000

/** What the tab that looks knows of the world outside the record. */
export interface View {
  readonly stamp: Stamp
  /** How long the lease lasts still, as far as this tab can tell; zero or less when it is over. */
  readonly remaining: (holder: Holder) => number
  /** For how long one has been absent, at the least. */
  readonly absence: (absent: Absent) => number
  readonly isDead: (tab: string) => boolean
}

export interface Change<A> {
  readonly answer: A
  /** Undefined where nothing changes. */
  readonly next: Record | undefined
  /** Who are to be told that the key is theirs to take. */
  readonly offered?: ReadonlyArray<Waiter>
  /** Who is to be told to come by. */
  readonly missed?: string | undefined
}

const isLive = (holder: Holder, { isDead, remaining }: View): boolean => !isDead(holder.tab) && remaining(holder) > 0

/** Those who have the key, the first to end in front. */
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
  /** It lasts though the tab is closed. */
  readonly outlives?: boolean | undefined
}

/** A new lease. */
const holderOf = ({ expires, outlives, tab, token }: Lease, permits: number | undefined, { stamp }: View): Holder => {
  const holder = { ...stamp, token, tab: outlives === true ? nobody : tab, lease: expires }
  return permits === undefined ? holder : { ...holder, permits }
}

/** With a new lease for one of the holders, who has as much of the key as before. */
const renewed = (holders: ReadonlyArray<Holder>, lease: Lease, view: View): ReadonlyArray<Holder> =>
  holders.map((one) => one.token === lease.token ? holderOf(lease, one.permits, view) : one)

interface Passed {
  readonly next: Record
  readonly offered: ReadonlyArray<Waiter>
}

/** Lets in who fits, from the front: who asks with its full lease, the others by an offer. */
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
  /** Those whose end may let others in: of who has the key, and of who waits first. */
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

/** Takes the key if it is ours, or if we fit and nobody is in front; else remembers that we wait. */
export const claim = (record: Record, claim: Claim, view: View): Change<Claimed> => {
  const { expires, share, tab, token, wait } = claim
  const { holders } = record
  if (isAmong(holders, token)) {
    const next = { ...record, holders: renewed(holders, claim, view), queue: without(record.queue, token) }
    return { answer: { _tag: "Acquired" }, next }
  }
  const there = living(record, view)
  // Who let a lease or an offer end is not asked again: its tab hangs, or it would wait no more.
  const hung = new Set(holders.filter((one) => !there.includes(one)).map((one) => one.tab))
  // A tab that was away has another name now.
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

/** Whether the first has not come for so long that nobody waits for it any more. */
const isGone = (
  [first]: ReadonlyArray<Waiter>,
  absent: Absent | undefined,
  asking: string,
  view: View
): boolean =>
  absent !== undefined && first?.token === absent.token && first.token !== asking &&
  view.absence(absent) >= absentMillis

/** Has it noted who is first and does not fit beside those who share, or that it has come. */
const minded = (record: Record, asking: string, view: View): Record => {
  const { absent, holders, queue: [first] } = record
  if (first === undefined || isHeldAlone(holders)) return record
  if (first.token !== asking) {
    return absent === undefined ? { ...record, absent: { ...view.stamp, token: first.token } } : record
  }
  return absent !== undefined && view.absence(absent) >= seenMillis ? { ...record, absent: undefined } : record
}

/** Turns an offer into a full lease. False if it is not ours any more. */
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

/** From one token, which has the key alone, to another, past those who wait. */
export const transfer = (record: Record, from: string, lease: Lease, view: View): Change<Claimed> => {
  const [holder] = living(record, view)
  if (holder === undefined || holder.permits !== undefined || (holder.token !== from && holder.token !== lease.token)) {
    return { answer: heldBy(record, view), next: undefined }
  }
  return { answer: { _tag: "Acquired" }, next: { ...record, holders: [holderOf(lease, undefined, view)] } }
}

/** Gives back what the token has of the key, and its place in the queue, and lets in who fits then. */
export const release = (record: Record, token: string, view: View): Change<boolean> => {
  const own = record.holders.find((one) => one.token === token)
  const queue = without(record.queue, token)
  if (own === undefined && queue.length === record.queue.length) return { answer: false, next: undefined }
  // Of who waits only those are out of the way that are known to be gone; whose time is over, who asks finds out.
  const there = queue.filter(({ tab }) => !view.isDead(tab))
  const passed = passOn({ holders: without(record.holders, token), queue: there, absent: record.absent }, view)
  return { answer: own !== undefined && isLive(own, view), ...passed }
}
