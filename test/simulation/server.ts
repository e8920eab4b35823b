/** A lock server, as plain data: every function is one atomic operation. */
import type { LockStore } from "effect-lock"
import type { World } from "./world.ts"

interface Entry {
  token: string
  /** By the server's clock. */
  endsAt: number
}

interface Member {
  readonly token: string
  readonly expiresMillis: number
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
}

/** What a scenario needs of whatever keeps the locks. */
export interface Backing {
  /** Tokens whose lease it ended before its time. */
  readonly forgotten: Set<string>
  /** Whose lease has this fencing token; undefined if it cannot be told. */
  readonly tokenOf: (key: string, fencingToken: number) => string | undefined
  /** When the token's lease on the key ends, by our clock. */
  readonly endOf: (key: string, token: string) => number
  readonly holder: (key: string) => string | undefined
  /** Whether somebody holds the key or is about to be given it. */
  readonly wanted: (key: string) => boolean
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
  readonly entries = new Map<string, Entry>()
  readonly queues = new Map<string, Array<Member>>()
  /** Who asked to be told, by token. */
  readonly listeners = new Map<string, { readonly key: string; readonly tell: (news: News) => void }>()
  /** Tokens whose lease the server ended before its time. */
  readonly forgotten = new Set<string>()
  private readonly world: World
  private readonly fences = new Map<string, Array<{ readonly fence: number; readonly token: string }>>()
  private fence = 0

  constructor(world: World, features: Features) {
    this.world = world
    this.features = features
    this.drift = world.random.pick([0, 0.005, 0.01])
  }

  endOf(key: string, token: string): number {
    const entry = this.live(key)
    return entry?.token === token ? entry.endsAt / (1 + this.drift) : -Infinity
  }

  get held(): ReadonlyArray<string> {
    return Array.from(this.entries.keys()).filter((key) => this.live(key) !== undefined)
  }

  get listening(): number {
    return this.listeners.size
  }

  holder(key: string): string | undefined {
    return this.live(key)?.token
  }

  wanted(key: string): boolean {
    return this.queues.has(key) || this.live(key) !== undefined
  }

  /** After a fencing token come those that a process gives out itself when it hands the lease on. */
  tokenOf(key: string, fencingToken: number): string | undefined {
    return this.fences.get(key)?.findLast(({ fence }) => fence <= fencingToken)?.token
  }

  tryAcquire({ expiresMillis, key, token, wait }: LockStore.Claim): LockStore.Attempt {
    const entry = this.live(key)
    if (entry?.token === token) {
      entry.endsAt = this.endAfter(expiresMillis)
      return this.acquired(key, token)
    }
    const queues = this.features.listen === "given" && wait
    if (entry === undefined && (!queues || !this.queues.has(key))) return this.give(key, token, expiresMillis)
    if (queues) {
      this.join(key, { token, expiresMillis })
      if (entry === undefined && this.promote(key, token)) return this.acquired(key, token)
    }
    return this.refuse(key)
  }

  extend({ expiresMillis, key, token }: LockStore.Holding): boolean {
    const entry = this.live(key)
    if (entry?.token !== token) return false
    entry.endsAt = this.endAfter(expiresMillis)
    return true
  }

  release(key: string, token: string): boolean {
    this.leave(key, token)
    const entry = this.live(key)
    const ours = entry?.token === token
    if (ours) this.entries.delete(key)
    if (ours || entry === undefined) this.freed(key)
    return ours
  }

  exchange(token: string, claim: LockStore.Claim): LockStore.Attempt {
    const { expiresMillis, key } = claim
    const entry = this.live(key)
    if (entry?.token === claim.token) return this.tryAcquire(claim)
    const free = entry === undefined || entry.token === token
    if (free) this.entries.delete(key)
    if (this.features.listen !== "given") return this.tryAcquire(claim)
    if (free && !this.queues.has(key)) return this.give(key, claim.token, expiresMillis)
    this.join(key, { token: claim.token, expiresMillis })
    if (free && this.promote(key, claim.token)) return this.acquired(key, claim.token)
    return this.refuse(key)
  }

  transfer(token: string, { expiresMillis, key, token: next }: LockStore.Claim): LockStore.Attempt {
    const entry = this.live(key)
    return entry?.token === token || entry?.token === next ? this.give(key, next, expiresMillis) : this.refuse(key)
  }

  inspect(key: string): LockStore.Occupant | undefined {
    const entry = this.live(key)
    return entry && { token: entry.token, remainingMillis: entry.endsAt - this.clock() }
  }

  forget(key: string): void {
    const entry = this.live(key)
    if (entry === undefined) return
    this.world.log(() => `server      forgets ${key}`)
    this.forgotten.add(entry.token)
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

  private live(key: string): Entry | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined || this.clock() < entry.endsAt) return entry
    this.entries.delete(key)
    return undefined
  }

  private acquired(key: string, token: string): LockStore.Attempt {
    this.fence = Math.max(this.fence + 1, Math.floor(this.clock() * 1000))
    const given = this.fences.get(key) ?? []
    given.push({ fence: this.fence, token })
    this.fences.set(key, given)
    return { _tag: "Acquired", fencingToken: this.fence }
  }

  private refuse(key: string): LockStore.Attempt {
    const entry = this.live(key)
    const token = this.features.names ? entry?.token : undefined
    return { _tag: "Held", token, remainingMillis: entry && Math.max(0, entry.endsAt - this.clock()) }
  }

  private give(key: string, token: string, millis: number): LockStore.Attempt {
    this.entries.set(key, { token, endsAt: this.endAfter(millis) })
    return this.acquired(key, token)
  }

  private join(key: string, member: Member): void {
    const queue = this.queues.get(key) ?? []
    if (!queue.some(({ token }) => token === member.token)) queue.push(member)
    this.queues.set(key, queue)
  }

  private leave(key: string, token: string): void {
    const queue = this.queues.get(key)
    if (queue === undefined) return
    const rest = queue.filter((member) => member.token !== token)
    if (rest.length === 0) this.queues.delete(key)
    else this.queues.set(key, rest)
  }

  private freed(key: string): void {
    if (this.features.listen === "given") {
      this.promote(key, undefined)
      return
    }
    for (const [token, listener] of this.listeners) if (listener.key === key) listener.tell({ token })
  }

  /** Gives a free key to whoever waited longest; true when that is `self`. */
  private promote(key: string, self: string | undefined): boolean {
    const first = this.queues.get(key)?.[0]
    if (first === undefined) return false
    this.leave(key, first.token)
    if (first.token === self) {
      this.give(key, self, first.expiresMillis)
      return true
    }
    const listener = this.listeners.get(first.token)
    const leaseMillis = Math.min(first.expiresMillis, claimMillis)
    const attempt = this.give(key, first.token, leaseMillis)
    this.world.log(() => `server      gives ${key} to ${this.world.alias(first.token)}`)
    if (attempt._tag === "Acquired") {
      listener?.tell({
        token: first.token,
        granted: { fencingToken: attempt.fencingToken, atMillis: this.world.now, leaseMillis }
      })
    }
    return false
  }
}
