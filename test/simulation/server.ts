/** A lock server, as plain data: every function is one atomic operation. */
import type { LockStore } from "effect-lock"
import type { World } from "./world.ts"

type Share = LockStore.Share

/** One of those who have a key. */
interface Entry {
  readonly token: string
  /** By our clock. */
  readonly givenAt: number
  /** By the server's clock. */
  endsAt: number
  readonly share: Share | undefined
  /** Which of all that were given it was. */
  readonly order: number
}

interface Member {
  readonly token: string
  readonly expiresMillis: number
  readonly share?: Share | undefined
}

/** What is said to a process that listens: that a key is free, or that it has been given to a token. */
export interface News {
  readonly token: string
  readonly granted?: { readonly fencingToken: number; readonly atMillis: number; readonly leaseMillis: number }
}

export interface Features {
  /** Whether waiters are told of a release, and whether they queue and are given the key by it. */
  readonly listen: "no" | "told" | "given"
  readonly exchange: boolean
  readonly extendAll: boolean
  readonly handOver: boolean
  /** Whether it says who holds a key when it refuses it. */
  readonly names: boolean
  /** Whether its client calls back. */
  readonly callbacks: boolean
  /** Whether it lets keys be shared. */
  readonly shares: boolean
}

/** What a scenario needs of whatever keeps the locks. */
export interface Backing {
  /** Tokens whose lease it ended before its time. */
  readonly forgotten: Set<string>
  /** Whose lease has this fencing token; undefined if it cannot be told. */
  readonly tokenOf: (key: string, fencingToken: number) => string | undefined
  /** When the token's lease on the key ends, by our clock. */
  readonly endOf: (key: string, token: string) => number
  /** Those who have the key. */
  readonly holders: (key: string) => ReadonlyArray<string>
  /** When the token was given the key, by our clock; undefined if it has the key no more, or that cannot be told. */
  readonly givenAt: (key: string, token: string) => number | undefined
  /** Which of all grants the token's was; undefined if it has the key no more, or that cannot be told. */
  readonly orderOf: (key: string, token: string) => number | undefined
  /** Whether the key is to be had so, were nobody else waiting for it. */
  readonly fits: (key: string, share: Share | undefined) => boolean
  /** Whether somebody holds the key or is about to be given it. */
  readonly wanted: (key: string) => boolean
  /** Whether the first in its queue holds up those behind it. */
  readonly isHeldUp: (key: string) => boolean
  readonly held: ReadonlyArray<string>
  readonly listening: number
  /** Ends a lease before its time. */
  readonly forget: (key: string) => void
  readonly flush: () => void
}

/** A process's way to it. */
export interface Link {
  readonly store: LockStore.LockStore
  /** Tokens that the process has asked for. */
  readonly owned: ReadonlySet<string>
  /** Keys that the process has asked to be released by force. */
  readonly forcing: Set<string>
  /** Whether a release of the process is on its way. */
  readonly isReleasing: (key: string) => boolean
  /** From now on everything arrives. */
  readonly heal: () => void
}

/** How long a key that was given to a waiter stays its own until the waiter claims it. */
const claimMillis = 150

export class Server implements Backing {
  /** How much faster than ours its clock runs. */
  readonly drift: number
  readonly features: Features
  readonly entries = new Map<string, ReadonlyArray<Entry>>()
  readonly queues = new Map<string, Array<Member>>()
  /** Who asked to be told, by token. */
  readonly listeners = new Map<string, { readonly key: string; readonly tell: (news: News) => void }>()
  /** Who asked to be told of other holders. */
  readonly watchers = new Set<{ readonly key: string; readonly tell: () => void }>()
  /** Tokens whose lease the server ended before its time. */
  readonly forgotten = new Set<string>()
  private readonly world: World
  private readonly fences = new Map<string, Array<{ readonly fence: number; readonly token: string }>>()
  private fence = 0
  private grants = 0

  constructor(world: World, features: Features) {
    this.world = world
    this.features = features
    this.drift = world.random.pick([0, 0.005, 0.01])
  }

  endOf(key: string, token: string): number {
    const entry = this.entryOf(key, token)
    return entry === undefined ? -Infinity : entry.endsAt / (1 + this.drift)
  }

  givenAt(key: string, token: string): number | undefined {
    return this.entryOf(key, token)?.givenAt
  }

  orderOf(key: string, token: string): number | undefined {
    return this.entryOf(key, token)?.order
  }

  get held(): ReadonlyArray<string> {
    return Array.from(this.entries.keys()).filter((key) => this.live(key).length > 0)
  }

  get listening(): number {
    return this.listeners.size + this.watchers.size
  }

  holders(key: string): ReadonlyArray<string> {
    return this.live(key).map(({ token }) => token)
  }

  fits(key: string, share: Share | undefined): boolean {
    const others = this.live(key)
    if (share === undefined) return others.length === 0
    if (others.some((other) => other.share === undefined)) return false
    return others.reduce((used, other) => used + other.share!.permits, share.permits) <= share.limit
  }

  wanted(key: string): boolean {
    return this.queues.has(key) || this.live(key).length > 0
  }

  isHeldUp(key: string): boolean {
    const first = this.queues.get(key)?.[0]
    return first !== undefined && !this.fits(key, first.share)
  }

  /** After a fencing token come those that a process gives out itself when it hands the lease on. */
  tokenOf(key: string, fencingToken: number): string | undefined {
    return this.fences.get(key)?.findLast(({ fence }) => fence <= fencingToken)?.token
  }

  tryAcquire(claim: LockStore.Claim): LockStore.Attempt {
    const { expiresMillis, key, share, token, wait } = claim
    const own = this.entryOf(key, token)
    if (own !== undefined) {
      own.endsAt = this.endAfter(expiresMillis)
      return this.acquired(key, token)
    }
    const queues = this.features.listen === "given" && wait
    if (this.fits(key, share) && (!queues || !this.queues.has(key))) return this.give(key, claim)
    if (queues) {
      this.join(key, { token, expiresMillis, share })
      if (this.promote(key, token)) return this.acquired(key, token)
    }
    return this.refuse(key)
  }

  extend({ expiresMillis, key, token }: LockStore.Extension): boolean {
    const entry = this.entryOf(key, token)
    if (entry === undefined) return false
    entry.endsAt = this.endAfter(expiresMillis)
    return true
  }

  release(key: string, token: string): boolean {
    const hasLeft = this.leave(key, token)
    const ours = this.remove(key, token)
    if (ours || hasLeft || this.live(key).length === 0) this.freed(key)
    return ours
  }

  exchange(token: string, claim: LockStore.Claim): LockStore.Attempt {
    const { key } = claim
    if (this.entryOf(key, claim.token) !== undefined) return this.tryAcquire(claim)
    this.remove(key, token)
    const attempt = this.tryAcquire(claim)
    this.freed(key)
    return attempt
  }

  transfer(token: string, claim: LockStore.Claim): LockStore.Attempt {
    const [entry] = this.live(claim.key)
    if (entry === undefined || entry.share !== undefined || (entry.token !== token && entry.token !== claim.token)) {
      return this.refuse(claim.key)
    }
    this.entries.delete(claim.key)
    return this.give(claim.key, { ...claim, share: undefined })
  }

  occupants(key: string): ReadonlyArray<LockStore.Holder> {
    return this.live(key).map(({ endsAt, share, token }) => ({
      token,
      remainingMillis: endsAt - this.clock(),
      ...(share !== undefined && { permits: share.permits })
    }))
  }

  forget(key: string): void {
    for (const { token } of this.live(key)) {
      this.world.log(() => `server      forgets ${key} of ${this.world.alias(token)}`)
      this.forgotten.add(token)
    }
    this.entries.delete(key)
  }

  /** Restarts without its data. */
  flush(): void {
    for (const key of Array.from(this.entries.keys())) this.forget(key)
    this.queues.clear()
  }

  private clock(): number {
    return this.world.now * (1 + this.drift)
  }

  /** It counts in milliseconds, and looked at its clock a moment ago. */
  private endAfter(millis: number): number {
    return Math.floor(this.clock()) - this.world.random.int(2) + millis
  }

  private live(key: string): ReadonlyArray<Entry> {
    const entries = this.entries.get(key) ?? []
    const left = entries.filter(({ endsAt }) => this.clock() < endsAt)
    if (left.length === 0) this.entries.delete(key)
    else if (left.length < entries.length) this.entries.set(key, left)
    return left
  }

  private entryOf(key: string, token: string): Entry | undefined {
    return this.live(key).find((entry) => entry.token === token)
  }

  private remove(key: string, token: string): boolean {
    const entries = this.live(key)
    const others = entries.filter((entry) => entry.token !== token)
    if (others.length === 0) this.entries.delete(key)
    else this.entries.set(key, others)
    if (others.length === entries.length) return false
    this.changed(key)
    return true
  }

  private acquired(key: string, token: string): LockStore.Attempt {
    this.fence = Math.max(this.fence + 1, Math.floor(this.clock() * 1000))
    const given = this.fences.get(key) ?? []
    given.push({ fence: this.fence, token })
    this.fences.set(key, given)
    return { _tag: "Acquired", fencingToken: this.fence }
  }

  private refuse(key: string): LockStore.Attempt {
    const [entry] = this.live(key)
    const token = this.features.names ? entry?.token : undefined
    return { _tag: "Held", token, remainingMillis: entry && Math.max(0, entry.endsAt - this.clock()) }
  }

  private give(key: string, { expiresMillis, share, token }: Member): LockStore.Attempt {
    const endsAt = this.endAfter(expiresMillis)
    const entry: Entry = { token, givenAt: this.world.now, endsAt, share, order: ++this.grants }
    this.entries.set(key, [...this.live(key), entry])
    this.changed(key)
    return this.acquired(key, token)
  }

  private join(key: string, member: Member): void {
    const queue = this.queues.get(key) ?? []
    if (!queue.some(({ token }) => token === member.token)) queue.push(member)
    this.queues.set(key, queue)
  }

  private leave(key: string, token: string): boolean {
    const queue = this.queues.get(key)
    if (queue === undefined) return false
    const rest = queue.filter((member) => member.token !== token)
    if (rest.length === 0) this.queues.delete(key)
    else this.queues.set(key, rest)
    return rest.length < queue.length
  }

  private changed(key: string): void {
    for (const watcher of this.watchers) if (watcher.key === key) watcher.tell()
  }

  private freed(key: string): void {
    if (this.features.listen === "given") {
      this.promote(key, undefined)
      return
    }
    for (const [token, listener] of this.listeners) if (listener.key === key) listener.tell({ token })
  }

  /** Gives the key to as many of those who waited longest as fit; true when `self` is among them. */
  private promote(key: string, self: string | undefined): boolean {
    let ours = false
    for (let first = this.queues.get(key)?.[0]; first !== undefined; first = this.queues.get(key)?.[0]) {
      const { expiresMillis, share, token } = first
      if (!this.fits(key, share)) break
      this.leave(key, token)
      if (token === self) {
        this.give(key, first)
        ours = true
        continue
      }
      const listener = this.listeners.get(token)
      const leaseMillis = Math.min(expiresMillis, claimMillis)
      const attempt = this.give(key, { ...first, expiresMillis: leaseMillis })
      this.world.log(() => `server      gives ${key} to ${this.world.alias(token)}`)
      if (attempt._tag === "Acquired") {
        const { fencingToken } = attempt
        listener?.tell({ token, granted: { fencingToken, atMillis: this.world.now, leaseMillis } })
      }
    }
    return ours
  }
}
