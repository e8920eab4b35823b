/**
 * The rules for a key that is shared, or that somebody wants to share, applied to a copy of its row.
 * `edits.ts` reads the row, changes the copy, and writes it if nobody has changed the row meanwhile.
 *
 * The row of a shared key has {@link shared} as its token, which is nobody's, and an entry for each
 * sharer: `<token> <permits> <fence> <end>`. It expires with the last of them, so statements that
 * know nothing of sharing see it as held until then.
 *
 * A waiter that wants to share has `<permits>/<limit>` at the end of its entry in the queue. Those
 * that fit are let in from the front, and the first that does not holds up all behind it.
 *
 * - A release lets in others, but still counts sharers whose lease has ended: only a claim removes
 *   these. A claim that finds one overtakes those before it that would fit: they had the same
 *   chance, and may be gone, too.
 * - The first waiter, if it does not fit, is noted by the next claim (`?<token> 0 0 <since>`, beside
 *   the sharers), and removes the note when it claims itself. If it has not done so for
 *   {@link goneMicros}, it counts as gone.
 */
import type { Share } from "../../LockStore.ts"
import { fenceRoom, shared } from "./statements/terms.ts"

/** How long the first waiter may stay away while others wait behind it, and how often it removes the note. */
const goneMicros = 10_000_000
const crossOutMicros = 3_000_000

/** A row as it was read at a moment of the server's clock. All times are in its microseconds. */
export interface Found {
  /** The version of the row; empty if there is none. */
  readonly version: string
  readonly token: string
  readonly fence: number
  readonly end: number
  readonly queue: ReadonlyArray<string>
  readonly sharers: ReadonlyArray<string>
  readonly now: number
}

interface Sharer {
  readonly token: string
  readonly permits: number
  readonly fence: number
  readonly end: number
}

/** A claim. */
export interface Asking {
  readonly token: string
  readonly leaseMillis: number
  readonly share: Share | undefined
  /** Its entry in the queue, if it waits. */
  readonly entry: string | undefined
}

/** The answer to it. */
export interface Told {
  readonly fencingToken: number | undefined
  readonly holder: string | undefined
  readonly leftMillis: number
  readonly waiters: number
}

/** A grant to a waiter, and the channel on which that is notified. */
interface Heard {
  readonly channel: string
  readonly token: string
  readonly fence: number
  readonly leaseMillis: number
}

interface Waiting {
  readonly token: string
  readonly leaseMillis: number
  readonly channel: string
  readonly share: Share | undefined
}

const entryForm = /^([\w.-]+) (\d{1,15}) (\d{1,15}) ([\w:-]{1,63})(?: (\d{1,16})\/(\d{1,16}))?$/

const parseEntry = (entry: string): Waiting | undefined => {
  const match = entryForm.exec(entry)
  if (match === null) return undefined
  const [, token, lease, grant, channel, permits, limit] = match
  return {
    token,
    channel,
    leaseMillis: Math.min(Number(lease), Number(grant)),
    share: permits === undefined ? undefined : { permits: Number(permits), limit: Number(limit) }
  }
}

/** The end of the entry of a waiter that wants to share. */
export const entryEnd = ({ limit, permits }: Share): string => ` ${permits}/${limit}`

const sharerForm = /^([\w.-]+) (\d{1,16}) (\d{1,16}) (\d{1,16})$/
const noteForm = /^\?([\w.-]+) 0 0 (\d{1,16})$/

const parseSharer = (text: string): Sharer | undefined => {
  const match = sharerForm.exec(text)
  if (match === null) return undefined
  const [, token, permits, fence, end] = match
  return { token, permits: Number(permits), fence: Number(fence), end: Number(end) }
}

const printSharer = ({ end, fence, permits, token }: Sharer): string => `${token} ${permits} ${fence} ${end}`

/** The sharers of the key, ordered by the ends of their leases. */
export const holders = ({ now, sharers, token }: Found): ReadonlyArray<Sharer> =>
  token !== shared
    ? []
    : sharers.flatMap((text) => parseSharer(text) ?? []).filter(({ end }) => end > now).toSorted((a, b) =>
      a.end - b.end
    )

/** A copy of the row, which the rules change. */
export class Row {
  readonly found: Found
  token: string
  fence: number
  end: number
  queue: ReadonlyArray<string>
  private sharers: ReadonlyArray<Sharer>
  /** The first waiter that did not fit, and since when. */
  private note: { readonly token: string; readonly since: number } | undefined
  /** A sharer was removed because its lease has ended. */
  private putOut = false
  /** Somebody was granted a lease, or a longer one. */
  given = false
  readonly heard: Array<Heard> = []

  constructor(found: Found) {
    this.found = found
    this.token = found.token
    this.fence = found.fence
    this.end = found.end
    this.queue = found.queue
    const isShared = found.token === shared
    this.sharers = isShared ? found.sharers.flatMap((text) => parseSharer(text) ?? []) : []
    const [, token, since] = isShared ? found.sharers.map((text) => noteForm.exec(text)).find(Boolean) ?? [] : []
    this.note = token === undefined ? undefined : { token, since: Number(since) }
  }

  /** The column `sharers`. */
  get entries(): ReadonlyArray<string> {
    const entries = this.sharers.map(printSharer)
    return this.note === undefined ? entries : [...entries, `?${this.note.token} 0 0 ${this.note.since}`]
  }

  get isChanged(): boolean {
    const { found } = this
    const isSame = (a: ReadonlyArray<string>, b: ReadonlyArray<string>) =>
      a.length === b.length && a.every((text, i) => text === b[i])
    return this.given || this.token !== found.token || !isSame(this.queue, found.queue) ||
      (found.token === shared && !isSame(this.entries, found.sharers))
  }

  /**
   * Whether the write has to wait for fenced transactions: because somebody gets the key exclusively, gives it back, or was
   * removed. Other sharers may come and go meanwhile.
   */
  get isGivenAway(): boolean {
    const { found: { token: before }, token } = this
    return this.putOut || (token !== before && (before !== shared || token !== ""))
  }

  /** Claims the key. A holder that claims it again gets a new lease. */
  ask(asking: Asking): Told {
    const { entry, leaseMillis, token } = asking
    const end = this.found.now + leaseMillis * 1000
    const own = this.token === token
      ? this
      : this.sharers.find((sharer) => sharer.token === token && this.lives(sharer))
    if (own !== undefined) {
      this.queue = this.queue.filter((other) => other !== entry)
      if (own === this) this.end = Math.max(this.end, end)
      else this.keep(this.sharers.map((one) => one === own ? { ...one, end: Math.max(one.end, end) } : one))
      this.given = true
      return this.tell(own.fence)
    }
    if (entry === undefined) {
      // Perhaps nobody else asks who would find out.
      if (this.first !== undefined && this.isGone(this.first.token)) this.admit(true)
      const isNext = this.queue.length === 0 || this.isOver
      const fence = isNext && this.fits(asking.share, this.living) ? this.give(asking, leaseMillis) : undefined
      this.mind(token)
      return this.tell(fence)
    }
    if (!this.queue.includes(entry)) this.queue = [...this.queue, entry]
    if (this.isAlone) return this.tell(undefined)
    const isDead = this.isOver || this.living.length < this.sharers.length
    if (isDead && this.ahead(entry).every(({ share }) => this.fits(share, this.living))) {
      this.queue = this.queue.slice(this.queue.indexOf(entry))
    }
    const fence = this.admit(true, asking)
    this.mind(token)
    return this.tell(fence)
  }

  /** Releases the token's lease and its place in the queue; returns whether it had a live lease. */
  leave(token: string, entry: string | undefined): boolean {
    const { queue, sharers } = this
    const own = sharers.find((sharer) => sharer.token === token)
    const isHolder = this.token === token
    this.queue = queue.filter((other) => other !== entry)
    if (own === undefined && !isHolder && queue.length === this.queue.length) return false
    const isLive = own !== undefined ? this.lives(own) : isHolder && this.end > this.found.now
    if (own !== undefined) this.keep(sharers.filter((sharer) => sharer !== own))
    if (isHolder) this.free()
    if (!this.isAlone) this.admit(false)
    return isLive
  }

  private lives({ end }: { readonly end: number }): boolean {
    return end > this.found.now
  }

  private get living(): ReadonlyArray<Sharer> {
    return this.sharers.filter((sharer) => this.lives(sharer))
  }

  /** Nobody holds the key. */
  private get isOver(): boolean {
    return this.token === "" || this.end <= this.found.now
  }

  private get isAlone(): boolean {
    return this.token !== shared && !this.isOver
  }

  /** The waiters up to this one, included. */
  private ahead(entry: string): ReadonlyArray<Waiting> {
    return this.queue.slice(0, this.queue.indexOf(entry) + 1).flatMap((other) => parseEntry(other) ?? [])
  }

  private fits(share: Share | undefined, beside: ReadonlyArray<Sharer>): boolean {
    if (this.isAlone) return false
    if (share === undefined) return beside.length === 0
    return beside.reduce((used, { permits }) => used + permits, share.permits) <= share.limit
  }

  /** Lets in as many waiters as fit; returns the fencing token of the claim, if it is among them. */
  private admit(putsOut: boolean, asking?: Asking): number | undefined {
    let ours: number | undefined
    while (this.queue.length > 0) {
      const [entry] = this.queue
      const waiting = parseEntry(entry)
      if (waiting !== undefined && !(this.isGone(waiting.token) && entry !== asking?.entry)) {
        if (!this.fits(waiting.share, putsOut ? this.living : this.sharers)) break
        const isOurs = entry === asking?.entry
        const leaseMillis = isOurs ? asking.leaseMillis : waiting.leaseMillis
        const fence = this.give(waiting, leaseMillis)
        if (isOurs) ours = fence
        else if (waiting.channel !== "-") {
          this.heard.push({ channel: waiting.channel, token: waiting.token, fence, leaseMillis })
        }
      }
      this.queue = this.queue.slice(1)
    }
    return ours
  }

  private give({ share, token }: Pick<Waiting, "share" | "token">, leaseMillis: number): number {
    const { living } = this
    this.given = true
    this.putOut ||= living.length < this.sharers.length
    this.fence = Math.max(this.fence + (this.token === shared ? 1 : fenceRoom), this.found.now)
    const end = this.found.now + leaseMillis * 1000
    if (share !== undefined) {
      this.keep([...living, { token, permits: share.permits, fence: this.fence, end }])
    } else {
      this.token = token
      this.end = end
      this.sharers = []
      this.note = undefined
    }
    return this.fence
  }

  private keep(sharers: ReadonlyArray<Sharer>): void {
    if (sharers.length === 0) return this.free()
    this.token = shared
    this.sharers = sharers
    this.end = Math.max(...sharers.map(({ end }) => end))
  }

  private free(): void {
    this.token = ""
    this.end = this.found.now
    this.sharers = []
    this.note = undefined
  }

  private isGone(token: string): boolean {
    return this.note?.token === token && this.note.since + goneMicros < this.found.now
  }

  private get first(): Waiting | undefined {
    const [entry] = this.queue
    return entry === undefined ? undefined : parseEntry(entry)
  }

  /** Notes the first waiter if it did not fit, or removes the note. */
  private mind(self: string): void {
    const token = this.token === shared ? this.first?.token : undefined
    const { now } = this.found
    if (token === undefined) this.note = undefined
    else if (token !== this.note?.token) this.note = token === self ? undefined : { token, since: now }
    else if (token === self && this.note.since + crossOutMicros < now) this.note = undefined
  }

  private tell(fencingToken: number | undefined): Told {
    const { now } = this.found
    const [first] = this.isAlone ? [this] : this.living.toSorted((a, b) => a.end - b.end)
    return {
      fencingToken,
      holder: first?.token,
      leftMillis: first === undefined ? 0 : (first.end - now) / 1000,
      waiters: this.queue.length
    }
  }
}
