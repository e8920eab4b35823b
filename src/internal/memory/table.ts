/**
 * Who holds which key in the memory of this process, exclusively or shared, until when, and who waits for it, in
 * order of arrival.
 */
import type { Share } from "../../LockStore.ts"
import * as KeyMap from "../engine/keyMap.ts"
import type { Bearer, Hold, Looked } from "../shortcuts.ts"

/** Up to so many entries, none are swept. */
const smallestSweep = 64

const nobody: Bearer = { text: "", token: "" }

/** Tokens are generated on demand: a bearer whose token has not been asked for equals only itself. */
const areOne = (a: Bearer, b: Bearer): boolean => a === b || (a.text !== undefined && a.text === b.text)

/** One sharer of a key. */
class Sharer implements Hold {
  bearer: Bearer
  expiresAt: number
  fencingToken: number
  readonly permits: number
  private readonly entry: Entry

  constructor(entry: Entry, bearer: Bearer, permits: number, expiresAt: number, fencingToken: number) {
    this.entry = entry
    this.bearer = bearer
    this.permits = permits
    this.expiresAt = expiresAt
    this.fencingToken = fencingToken
  }

  free(bearer: Bearer): boolean {
    return areOne(this.bearer, bearer) && this.entry.part(this)
  }
}

interface Waiting {
  readonly bearer: Bearer
  /** A waiter that has not asked again by then is gone. */
  until: number
}

const none: ReadonlyArray<never> = []

/** The entry of a key, which is also the hold of an exclusive holder. */
class Entry implements KeyMap.Place, Hold {
  vacant = true
  bearer: Bearer = nobody
  expiresAt = -Infinity
  fencingToken = 0
  sharers: ReadonlyArray<Sharer> = none
  queue: ReadonlyArray<Waiting> = none
  readonly key: string
  private readonly table: Table

  constructor(table: Table, key: string) {
    this.table = table
    this.key = key
  }

  get isHeldAlone(): boolean {
    return this.bearer !== nobody
  }

  /** The bearer's hold on it. */
  heldBy(bearer: Bearer): Entry | Sharer | undefined {
    if (this.isHeldAlone) return areOne(this.bearer, bearer) ? this : undefined
    return this.sharers.find((sharer) => areOne(sharer.bearer, bearer))
  }

  free(bearer: Bearer): boolean {
    if (!this.isHeldAlone || !areOne(this.bearer, bearer)) return false
    this.bearer = nobody
    this.freed()
    return true
  }

  part(sharer: Sharer): boolean {
    if (!this.sharers.includes(sharer)) return false
    this.sharers = this.sharers.filter((other) => other !== sharer)
    this.freed()
    return true
  }

  /** Leaving the queue may let in those behind, although nothing was freed. */
  leave(bearer: Bearer): boolean {
    const queue = this.queue.filter((waiting) => !areOne(waiting.bearer, bearer))
    if (queue.length === this.queue.length) return false
    this.queue = queue
    this.freed()
    return true
  }

  private freed(): void {
    this.table.settle(this)
    this.table.notify(this.key)
  }

  /** Removes holders and waiters whose time is over. */
  expire(now: number): void {
    if (this.isHeldAlone && this.expiresAt <= now) this.bearer = nobody
    if (this.sharers.some(({ expiresAt }) => expiresAt <= now)) {
      this.sharers = this.sharers.filter(({ expiresAt }) => expiresAt > now)
    }
    if (this.queue.some(({ until }) => until <= now)) this.queue = this.queue.filter(({ until }) => until > now)
  }

  get isIdle(): boolean {
    return !this.isHeldAlone && this.sharers.length === 0 && this.queue.length === 0
  }

  /** Nobody is in front of the bearer. */
  isNext(bearer: Bearer): boolean {
    return this.queue.length === 0 || areOne(this.queue[0].bearer, bearer)
  }

  fits(share: Share | undefined): boolean {
    if (this.isHeldAlone) return false
    if (share === undefined) return this.sharers.length === 0
    return this.sharers.reduce((used, { permits }) => used + permits, share.permits) <= share.limit
  }

  enqueue(bearer: Bearer, until: number): void {
    const waiting = this.queue.find((waiting) => areOne(waiting.bearer, bearer))
    if (waiting === undefined) this.queue = [...this.queue, { bearer, until }]
    else waiting.until = until
  }
}

/** The entry of a holder that never frees its key ends with its lease. */
export class Table {
  private readonly entries: KeyMap.KeyMap<Entry>
  private readonly listeners = new Map<string, Set<() => void>>()
  private readonly watchers = new Map<string, Set<() => void>>()
  /** Whether anybody listens or watches, which is rare. */
  private isHeard = false
  /** For each backend on this table, how many wait there. */
  private readonly crowds = new Set<(key: string) => number>()
  private sweepAt = smallestSweep
  private fencingToken = 0

  private readonly soon: (task: () => void) => void

  constructor(soon: (task: () => void) => void) {
    this.soon = soon
    this.entries = KeyMap.make((key) => new Entry(this, key), soon)
  }

  readonly take = (
    key: string,
    bearer: Bearer,
    expiresMillis: number,
    now: number,
    share?: Share,
    wait = false
  ): Hold | undefined => {
    const { entries } = this
    const found = entries.find(key)
    if (found === undefined || found.vacant) {
      return this.give(entries.occupy(key, found), bearer, expiresMillis, now, share)
    }
    // It is held exclusively by somebody else: there is no more to look at.
    if (!wait && found.expiresAt > now && found.isHeldAlone && !areOne(found.bearer, bearer)) return undefined
    found.expire(now)
    const own = found.heldBy(bearer)
    if (own !== undefined && (share === undefined) === (own === found)) {
      own.expiresAt = now + expiresMillis
      own.fencingToken = ++this.fencingToken
      return own
    }
    if (found.isNext(bearer) && found.fits(share)) {
      if (found.queue.length > 0) found.queue = found.queue.slice(1)
      const hold = this.give(found, bearer, expiresMillis, now, share)
      // The next waiter may fit, too.
      if (share !== undefined && found.queue.length > 0) this.notify(key)
      return hold
    }
    if (wait) found.enqueue(bearer, now + expiresMillis)
    this.settle(found)
    return undefined
  }

  private give(entry: Entry, bearer: Bearer, expiresMillis: number, now: number, share: Share | undefined): Hold {
    const expiresAt = now + expiresMillis
    const fencingToken = ++this.fencingToken
    let hold: Hold = entry
    if (share === undefined) {
      entry.bearer = bearer
      entry.expiresAt = expiresAt
      entry.fencingToken = fencingToken
    } else {
      const sharer = new Sharer(entry, bearer, share.permits, expiresAt, fencingToken)
      entry.sharers = [...entry.sharers, sharer]
      hold = sharer
    }
    if (this.entries.size() > this.sweepAt) this.sweep(now)
    this.tellWatchers(entry.key)
    return hold
  }

  readonly leave = (key: string, bearer: Bearer): void => {
    this.entries.get(key)?.leave(bearer)
  }

  readonly holder = (key: string): Bearer | undefined => this.entries.get(key)?.bearer

  /** The holder; of several sharers the one whose lease ends first. */
  readonly look = (key: string, now: number): Looked | undefined => this.all(key, now)[0]

  /** All holders of the key, ordered by the end of their leases. */
  all(key: string, now: number): ReadonlyArray<Looked & { readonly permits?: number }> {
    const entry = this.live(key, now)
    if (entry === undefined) return none
    if (entry.isHeldAlone) return [{ bearer: entry.bearer, remainingMillis: entry.expiresAt - now }]
    return entry.sharers
      .map(({ bearer, expiresAt, permits }) => ({ bearer, permits, remainingMillis: expiresAt - now }))
      .toSorted((a, b) => a.remainingMillis - b.remainingMillis)
  }

  extend(key: string, token: string, expiresMillis: number, now: number): boolean {
    const entry = this.live(key, now)
    const bearer: Bearer = { text: token, token }
    const own = entry?.heldBy(bearer)
    if (own === undefined) return false
    own.expiresAt = now + expiresMillis
    return true
  }

  /** Transfers an exclusive hold from one token to another. */
  transfer(key: string, from: string, to: string, expiresMillis: number, now: number): Hold | undefined {
    const entry = this.live(key, now)
    if (entry === undefined || !entry.isHeldAlone) return undefined
    const bearer: Bearer = { text: to, token: to }
    if (!areOne(entry.bearer, { text: from, token: from }) && !areOne(entry.bearer, bearer)) return undefined
    entry.bearer = bearer
    entry.expiresAt = now + expiresMillis
    entry.fencingToken = ++this.fencingToken
    this.tellWatchers(key)
    return entry
  }

  /** Releases the token's hold and its place in the queue. Returns whether it had the key. */
  release(key: string, token: string, now: number): boolean {
    const entry = this.live(key, now)
    if (entry === undefined) return false
    const bearer: Bearer = { text: token, token }
    entry.leave(bearer)
    return entry.heldBy(bearer)?.free(bearer) ?? false
  }

  private live(key: string, now: number): Entry | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    entry.expire(now)
    this.settle(entry)
    return entry.vacant ? undefined : entry
  }

  /** Removes an entry without holders and waiters. */
  settle(entry: Entry): void {
    if (!entry.vacant && entry.isIdle) this.entries.vacate(entry)
  }

  /**
   * Removes expired entries once they could be half of all, so that the table is never more than twice as large as
   * what is held.
   */
  private sweep(now: number): void {
    for (const entry of this.entries.values()) {
      entry.expire(now)
      this.settle(entry)
    }
    this.sweepAt = Math.max(smallestSweep, 2 * this.entries.size())
  }

  /** The keys that are held, or were held until recently. */
  keys(): ReadonlyArray<string> {
    return this.entries.values().map(({ key }) => key)
  }

  /** How many wait for a key: for its release, or behind another waiter of their backend. */
  waiting(key: string): number {
    let count = this.listeners.get(key)?.size ?? 0
    for (const waitersOf of this.crowds) count += waitersOf(key)
    return count
  }

  readonly count = (waitersOf: (key: string) => number): () => void => {
    this.crowds.add(waitersOf)
    return () => void this.crowds.delete(waitersOf)
  }

  /** Subscribes a waiter. */
  listen(key: string, listener: () => void): () => void {
    return this.join(this.listeners, key, listener)
  }

  /** Subscribes an observer. */
  watch(key: string, watcher: () => void): () => void {
    return this.join(this.watchers, key, watcher)
  }

  notify(key: string): void {
    if (!this.isHeard) return
    this.listeners.get(key)?.forEach((listener) => listener())
    this.tellWatchers(key)
  }

  /** In a later turn, because whoever has just taken a key has not said yet who it is. */
  private tellWatchers(key: string): void {
    if (!this.isHeard) return
    const those = this.watchers.get(key)
    those?.forEach((watcher) =>
      this.soon(() => {
        if (those.has(watcher)) watcher()
      })
    )
  }

  private join(all: Map<string, Set<() => void>>, key: string, listener: () => void): () => void {
    const those = all.get(key) ?? new Set()
    all.set(key, those.add(listener))
    this.isHeard = true
    return () => {
      if (those.delete(listener) && those.size === 0) all.delete(key)
      this.isHeard = this.listeners.size + this.watchers.size > 0
    }
  }
}
