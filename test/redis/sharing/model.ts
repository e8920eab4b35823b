/** What the scripts must do, in memory: who has one lock, who waits for it, and who is told. */

export interface Claim {
  readonly token: string
  readonly lease: number
  readonly mode: 1 | 2
  readonly share: { readonly permits: number; readonly limit: number } | undefined
  /** Microseconds; what puts it in its place. */
  readonly arrival: number
}

interface Rules {
  readonly claimMillis: number
  readonly awaySeconds: number
  /** Of the token's process; undefined if the server cannot know. */
  readonly listens: ((token: string) => boolean) | undefined
}

export class Model {
  now: number
  /** Who has it alone. */
  alone: { readonly token: string; end: number } | undefined
  /** A roll call, which may be over. */
  calling: "on" | "over" | undefined
  readonly sharers = new Map<string, { readonly permits: number; end: number }>()
  queue: Array<Claim> = []
  /** Tokens in the order in which they are told, those that are called marked. */
  readonly told: Array<string> = []
  /** When the first waiter came by. */
  private readonly seen = new Map<string, number>()
  /** There is a sum of permits at the key, be it 0. */
  private sum = false
  private readonly rules: Rules

  constructor(now: number, rules: Rules) {
    this.now = now
    this.rules = rules
  }

  private get isText(): boolean {
    return this.alone !== undefined || this.calling !== undefined
  }

  private get isShared(): boolean {
    return this.sharers.size > 0 || this.seen.size > 0 || this.sum
  }

  used(): number {
    let used = 0
    for (const [token, { end, permits }] of this.sharers) {
      if (end <= this.now) this.sharers.delete(token)
      else used += permits
    }
    return used
  }

  private clear(): void {
    this.alone = this.calling = undefined
    this.sharers.clear()
    this.seen.clear()
    this.sum = false
  }

  private set(token: string, lease: number): void {
    this.clear()
    this.alone = { token, end: this.now + lease }
  }

  private give(token: string, lease: number, permits: number): void {
    if (this.isText) this.clear()
    this.sum ||= permits > 1
    this.sharers.set(token, { permits, end: this.now + lease + 2 })
  }

  private drop(token: string | undefined): boolean {
    const sharer = token === undefined ? undefined : this.sharers.get(token)
    if (sharer === undefined) return false
    this.sharers.delete(token!)
    return sharer.end > this.now
  }

  private take({ lease, share, token }: Claim): void {
    if (share === undefined) this.set(token, lease)
    else this.give(token, lease, share.permits)
  }

  private join(claim: Claim): void {
    if (this.queue.some(({ token }) => token === claim.token)) return
    this.queue = [...this.queue, claim].toSorted((a, b) => a.arrival - b.arrival)
  }

  private rollCall(): void {
    for (const { mode, token } of this.queue) if (mode === 1) this.tell(token, " called")
    this.queue = []
    this.clear()
    this.calling = "on"
  }

  private tell(token: string, how = ""): void {
    if (this.rules.listens?.(token) !== false) this.told.push(token + how)
  }

  private isGone({ mode, token }: Claim): boolean {
    return mode === 1 && this.rules.listens?.(token) === false
  }

  private isAway(claim: Claim, self: string | undefined): boolean {
    const { mode, token } = claim
    if (mode === 1 && this.rules.listens !== undefined) return token !== self && this.isGone(claim)
    const seconds = Math.floor(this.now / 1000)
    const seen = token === self ? undefined : this.seen.get(token)
    if (seen !== undefined) return seconds - seen > this.rules.awaySeconds
    this.seen.set(token, seconds)
    return false
  }

  private promote(self: string | undefined): boolean {
    for (;;) {
      const [first] = this.queue
      if (first === undefined) {
        this.clear()
        return false
      }
      if (first.share !== undefined) return this.admit(self)
      this.queue.shift()
      if (first.token === self) {
        this.set(self, first.lease)
        return true
      }
      if (this.isGone(first)) continue
      this.set(first.token, Math.min(first.lease, this.rules.claimMillis))
      if (first.mode === 1) this.tell(first.token)
      return false
    }
  }

  private admit(self: string | undefined): boolean {
    let used = this.isText ? 0 : this.used()
    let ours = false
    for (;;) {
      const [first] = this.queue
      if (first === undefined) break
      const { lease, mode, share, token } = first
      if (share === undefined && used === 0) return this.promote(self)
      if (share !== undefined && share.permits <= share.limit - used) {
        if (token === self || !this.isGone(first)) {
          this.give(token, token === self ? lease : Math.min(lease, this.rules.claimMillis), share.permits)
          used += share.permits
          if (token === self) ours = true
          else if (mode === 1) this.tell(token)
        }
      } else if (!this.isAway(first, self)) break
      this.queue.shift()
      if (used > 0) this.seen.delete(token)
    }
    if (used === 0) this.clear()
    return ours
  }

  attempt(token: string, lease: number): boolean {
    if (this.alone?.token === token) {
      this.alone.end = this.now + lease
      return true
    }
    const live = Array.from(this.sharers.values()).some(({ end }) => end > this.now)
    if (this.alone !== undefined || this.calling === "on" || live || this.queue.length > 0) return false
    this.set(token, lease)
    return true
  }

  claim(claim: Claim, waits: boolean, previous: string | undefined): boolean {
    const { lease, share, token } = claim
    if (this.alone?.token === token) {
      this.alone.end = this.now + lease
      return true
    }
    const isNobodys = !this.isText
    let given = this.alone === undefined ? this.calling === "over" : this.alone.token === previous
    let used = 0
    if (isNobodys) {
      given = this.drop(previous)
      used = this.used()
      const fits = share !== undefined && share.permits <= share.limit - used && this.queue.length === 0
      if (share !== undefined && used > 0 && (this.sharers.has(token) || fits)) {
        this.give(token, lease, share.permits)
        return true
      }
    }
    if (used === 0 && (given || isNobodys) && this.queue.length === 0) {
      this.take(claim)
      return true
    }
    if (!waits) return false
    this.join(claim)
    let ours = false
    if (used > 0) ours = this.admit(token)
    else if (given || (isNobodys && this.queue[0].token === token)) ours = this.promote(token)
    else if (isNobodys) this.rollCall()
    if (!ours && this.calling !== undefined) this.join(claim)
    return ours
  }

  release(token: string): boolean {
    if (this.alone?.token !== token) return false
    this.promote(undefined)
    return true
  }

  withdraw(token: string): boolean {
    this.queue = this.queue.filter((waiter) => waiter.token !== token)
    if (this.isText) return this.release(token)
    if (!this.isShared) return false
    const ours = this.drop(token)
    this.seen.delete(token)
    if (this.isShared || this.queue.length > 0) this.admit(undefined)
    return ours
  }

  extend(token: string, lease: number): boolean {
    const sharer = this.sharers.get(token)
    if (this.alone?.token === token) this.alone.end = this.now + lease
    else if (sharer !== undefined && sharer.end > this.now) sharer.end = this.now + lease + 2
    else return false
    return true
  }

  /** What the look says: have it, ask for it, or wait. */
  look(claim: Claim): "have" | "ask" | "wait" {
    const { lease, token } = claim
    if (this.alone?.token === token || this.sharers.has(token)) return "have"
    if (!this.isText && this.used() === 0) return "ask"
    this.join(claim)
    if (this.isText) return this.calling === "over" ? "ask" : "wait"
    if (!this.admit(token)) return "wait"
    this.sharers.get(token)!.end = this.now + Math.min(lease, this.rules.claimMillis) + 2
    return "ask"
  }

  recall(): void {
    if (this.queue.length === 0 || this.isText) return
    if (this.used() === 0) this.rollCall()
    else this.admit(undefined)
  }
}
