/** One token's way through the store: from the first attempt until it is won or disowned. */
import type * as Fiber from "effect/Fiber"
import type { LockRequest } from "../../LockConfig.ts"
import type { Attempt, Claim as Sending, Share } from "../../LockStore.ts"
import type { Bearer, Hold } from "../shortcuts.ts"
import * as Token from "../token.ts"
import type { Call, Reply } from "./call.ts"
import type { Debts } from "./debts.ts"
import { isRefusal } from "./failures.ts"
import { isSame } from "./handOver.ts"
import { Lease, type Lender } from "./lease.ts"
import { News } from "./news.ts"
import { nothingSent, Sent, without } from "./outstanding.ts"
import type { Port } from "./port.ts"
import { horizonMillis } from "./unheard.ts"

/** At most so many attempts may be unanswered; the oldest is abandoned for a new one. */
const mostOut = 3

export class Claim implements Bearer {
  readonly key: string
  readonly token: string
  readonly expiresMillis: number
  readonly share: Share | undefined
  /** Its lease has to last even if this process ends (`atLeast`). */
  readonly outlives: boolean
  /** When the last attempt was sent. */
  askedAt = 0
  /** The reply to the last attempt. */
  reply: Reply<Attempt> | undefined = undefined
  /** The entry that it has won in the table of a store in this process. */
  hold: Hold | undefined = undefined
  /** The last attempt. */
  private last: Call<Attempt> | undefined = undefined
  /** Attempts without a reply so far. */
  private out: ReadonlyArray<Sent> = nothingSent
  /** The store may know the token, which has to be released unless the claim is won. */
  private isInDoubt = false
  /** It may have a place in the store's queue. */
  private isQueued = false
  /** An answered attempt may have left something in the store. */
  private mayBeThere = false
  private heard: News | undefined = undefined
  private readonly port: Port
  private readonly debts: Debts

  constructor(port: Port, debts: Debts, token: string, { atLeastMillis, expiresMillis, key, share }: LockRequest) {
    this.port = port
    this.debts = debts
    this.key = key
    this.token = token
    this.expiresMillis = expiresMillis
    this.share = share
    this.outlives = atLeastMillis > 0
  }

  /** Whether the request would make the same claim. */
  isFor({ atLeastMillis, expiresMillis, owner, share }: LockRequest): boolean {
    return this.expiresMillis === expiresMillis && isSame(this.share, share) &&
      this.outlives === atLeastMillis > 0 && Token.isOf(this.token, owner)
  }

  /** Asks a store in this process, synchronously. */
  take(at: number): Reply<Attempt> {
    const direct = this.port.direct!
    this.askedAt = at
    const wait = this.isListening
    this.isInDoubt = true
    const hold = this.hold = direct.take(this.key, this, this.expiresMillis, at, this.share, wait)
    if (hold !== undefined) {
      return this.reply = { _tag: "Acquired", fencingToken: hold.fencingToken }
    }
    const holder = direct.look(this.key, at)
    return this.reply = { _tag: "Held", token: holder?.bearer.token, remainingMillis: holder?.remainingMillis }
  }

  get text(): string {
    return this.token
  }

  /** Sends an attempt, which takes a place in the store's queue if somebody would hear of a grant. */
  ask(at: number, caller?: Fiber.Fiber<unknown, unknown>): Call<Attempt> {
    const wait = this.isListening
    return this.sent(this.port.tryAcquire(this.made(wait), caller), at, wait)
  }

  /** Sends an attempt together with the release of `token`. */
  exchange(token: string, at: number): Call<Attempt> {
    return this.sent(this.port.exchange(token, this.made(true)), at, true)
  }

  /** The last attempt if it is not answered yet, for a call that inherits this claim. */
  get unanswered(): Call<Attempt> | undefined {
    return this.last?.reply === undefined ? this.last : undefined
  }

  /** Takes the key over from `token`. */
  transfer(token: string, at: number): Call<Attempt> {
    return this.sent(this.port.transfer(token, this.made(false)), at, false)
  }

  private made(wait: boolean): Sending {
    const { expiresMillis, key, outlives, share, token } = this
    const claim: Sending = { key, token, expiresMillis, wait }
    if (share === undefined && !outlives) return claim
    return { ...claim, ...(share !== undefined && { share }), ...(outlives && { outlives }) }
  }

  private sent(call: Call<Attempt>, at: number, isQueued: boolean): Call<Attempt> {
    this.askedAt = at
    this.last = call
    this.isInDoubt = true
    this.isQueued ||= isQueued
    if (call.reply !== undefined) {
      this.answered(call.reply)
      return call
    }
    if (this.out.length >= mostOut) this.port.abandon(this.out[0].call)
    const sent = new Sent(call, this.expiresMillis)
    this.out = this.out.length === 0 ? [sent] : [...this.out, sent]
    call.onReply((reply) => {
      this.out = without(this.out, call)
      this.answered(reply)
    })
    return call
  }

  /** The deadline of the lease if the last attempt has acquired it; undefined if that is too near by now. */
  deadline(at: number): number | undefined {
    const { askedAt, expiresMillis, port } = this
    const deadline = askedAt + expiresMillis - port.margin(expiresMillis)
    return deadline - at > expiresMillis / 10 ? deadline : undefined
  }

  private answered(reply: Reply<Attempt>): void {
    this.reply = reply
    if (!isRefusal(reply)) this.mayBeThere = true
    // A refused attempt leaves nothing behind, unless it is queued or others may still be executed.
    else if (!this.isQueued && this.out.length === 0 && !this.mayBeThere) this.isInDoubt = false
  }

  // ---------------------------------------------------------------------------
  // News
  // ---------------------------------------------------------------------------

  get news(): News {
    return this.heard ??= new News(this.port)
  }

  get isListening(): boolean {
    return this.heard !== undefined && this.heard.isListening
  }

  listen(): Call<boolean> {
    return this.news.listen(this.key, this.token)
  }

  // ---------------------------------------------------------------------------
  // Its end
  // ---------------------------------------------------------------------------

  /** The lease, now that the claim has got the key. Attempts that are still unanswered may restart it in the store. */
  won(
    lender: Lender,
    { atLeastMillis, renew }: LockRequest,
    fencingToken: number,
    at: number,
    deadline: number,
    waitedMillis: number
  ): Lease {
    this.isInDoubt = false
    this.heard?.end()
    const { expiresMillis, hold, key, out, token } = this
    this.out = nothingSent
    const lease = new Lease(lender, { key, token, fencingToken, expiresMillis, renew, since: at, deadline })
    lease.waitedMillis = waitedMillis
    if (hold !== undefined) lease.carriedBy(hold)
    if (atLeastMillis > 0) lease.stay = at + atLeastMillis
    lease.follow(out)
    return lease
  }

  /** Gives the claim up. Nobody waits for its release. */
  disown(): void {
    this.heard?.end()
    if (!this.isInDoubt) return
    this.isInDoubt = false
    const { expiresMillis, hold, isQueued, key, out, port, share, token } = this
    this.out = nothingSent
    if (port.direct !== undefined) {
      hold?.free(this)
      return port.direct.leave(key, this)
    }
    // Answered attempts have been executed; but a store with a queue may give the key to the token until it is told
    // otherwise.
    const lastGiven = port.alarms.now() + (isQueued ? horizonMillis : 0)
    this.debts.owe({ key, token, until: lastGiven + expiresMillis, out, isQueued, share, stay: 0 })
  }
}
