/**
 * Tokens that have to be released: from the moment somebody gives one up until the store confirms that it is gone,
 * or cannot hold it any more. All releases are sent from here.
 */
import type { BackendFailure } from "../../LockError.ts"
import type { Share } from "../../LockStore.ts"
import type { Ending } from "../ending.ts"
import type { Alarm } from "./alarms.ts"
import { Bag, type Placed } from "./bag.ts"
import type { Call, Reply } from "./call.ts"
import { isFailure, isRefusal } from "./failures.ts"
import type { Sent } from "./outstanding.ts"
import type { Port } from "./port.ts"

const firstGapMillis = 20
const longestGapMillis = 1_000

const none: ReadonlyArray<Call<unknown>> = []

/** A token that its owner gives up. */
export interface Owed {
  readonly key: string
  readonly token: string
  /** The latest end in the store of the calls that were answered for it. */
  readonly until: number
  /** Calls that may still be executed. */
  readonly out: ReadonlyArray<Sent>
  /** It may have a place in the store's queue. */
  readonly isQueued: boolean
  readonly share: Share | undefined
  /** It has to keep the key until then, and no longer (`atLeast`). */
  readonly stay: number
}

export class Debt implements Alarm, Ending, Placed {
  index = -1
  place = -1
  readonly key: string
  readonly token: string
  /** The store may hold the token until then, even if nothing more is executed for it. */
  private until: number
  private readonly stay: number
  private readonly isQueued: boolean
  private readonly share: Share | undefined
  /** Claims and extensions that may still be executed. */
  private out: ReadonlyArray<Call<unknown>> = none
  /** The release that is out. */
  private asked: Call<boolean> | undefined = undefined
  /** A claim may have been executed after the release that is out. */
  private isStale = false
  /** The store has confirmed that it is gone, unless something that is out is executed. */
  private isConfirmed = false
  /** The store has been told, or has had its time to answer. */
  private isTold = false
  private hasFailed = false
  private observer: (() => void) | undefined = undefined
  private gap = firstGapMillis
  private readonly port: Port
  private readonly debts: Debts

  constructor(port: Port, debts: Debts, { isQueued, key, share, stay, token, until }: Owed) {
    this.port = port
    this.debts = debts
    this.key = key
    this.token = token
    this.until = until
    this.isQueued = isQueued
    this.share = share
    this.stay = stay
  }

  whenOver(then: () => void): void {
    const { observer } = this
    if (this.isTold) then()
    else if (observer === undefined) this.observer = then
    else {
      this.observer = () => {
        observer()
        then()
      }
    }
  }

  /** Watches a call for the token: once it is answered, the store may hold the token again. */
  watch(call: Call<unknown>, millis: number): void {
    if (call.reply === undefined) {
      this.out = [...this.out, call]
      // Its sender may have been interrupted before it came to wait, so nobody has marked it as left.
      if (!call.isAwaited) call.leave()
    }
    call.onReply((reply) => {
      this.out = this.out.filter((other) => other !== call)
      if (this.place === -1) return
      const isRefused = isRefusal(reply) && !this.isQueued
      if (!isRefused) this.until = Math.max(this.until, this.port.alarms.now() + millis)
      // An extension never restores a released token, but it lengthens one that stays.
      const isClaim = (call.operation !== "extend" || this.stay > 0) && !isRefused
      if (isClaim && this.asked === undefined) this.ask()
      else if (isClaim) this.isStale = true
      else this.rest()
    })
  }

  /**
   * Sends a release in place of one that is out; or shortens the lease to the rest of the time that the token
   * stays.
   */
  ask(): void {
    const { port } = this
    port.alarms.cancel(this)
    this.isConfirmed = this.isStale = false
    const { asked } = this
    this.asked = undefined
    if (asked !== undefined) port.abandon(asked)
    const at = port.alarms.now()
    const rest = Math.ceil(this.stay - at)
    const { key, share, token } = this
    const call = this.asked = rest > 0
      ? port.extend({ key, token, expiresMillis: rest })
      : port.release(key, token, share)
    // The reply, however late; or undefined before that, if there is none in time.
    const heard = (reply: Reply<boolean> | undefined) => {
      if (reply === undefined) this.failed()
      else if (this.asked === call) this.answered(reply)
    }
    call.onReply(heard)
    if (call.reply === undefined) call.wait(at + port.patience, heard)
  }

  get isAsked(): boolean {
    return this.asked !== undefined
  }

  /** There is nothing to ask now. */
  get isSettled(): boolean {
    return this.isConfirmed && this.isStaying
  }

  private answered(reply: unknown): void {
    this.asked = undefined
    if (isFailure(reply)) return this.failed(reply)
    this.port.alarms.cancel(this)
    this.gap = firstGapMillis
    this.tell()
    if (this.isStale) return this.ask()
    this.isConfirmed = true
    this.rest()
  }

  /** The debt is paid once the store has confirmed, nothing is out, and the token need not stay. */
  private rest(): void {
    if (!this.isConfirmed || this.out.length > 0) return
    if (!this.isStaying) return this.forget()
    this.port.alarms.cancel(this)
    this.port.alarms.set(this, this.stay)
  }

  private get isStaying(): boolean {
    return this.stay > 0 && this.stay > this.port.alarms.now()
  }

  /** The store holds the token for as long as it has to stay: there is nothing to ask until then. */
  settle(): void {
    this.isConfirmed = true
    this.tell()
    this.rest()
  }

  private failed(failure?: BackendFailure): void {
    const { port } = this
    const at = port.alarms.now()
    if (!this.isTold) this.debts.failed(failure)
    this.tell()
    if (port.closed || (at >= this.until && this.out.length === 0)) return this.forget()
    // Tried once more at once, if the store has answered that it could not.
    const isFirst = !this.hasFailed && this.asked === undefined
    this.hasFailed = true
    if (isFirst) return this.ask()
    port.alarms.cancel(this)
    port.alarms.set(this, at + this.gap)
    this.gap = Math.min(longestGapMillis, 2 * this.gap)
  }

  ring(): void {
    this.ask()
  }

  forget(): void {
    const { asked } = this
    this.port.alarms.cancel(this)
    this.debts.remove(this)
    this.asked = undefined
    if (asked !== undefined) this.port.abandon(asked)
    this.tell()
  }

  private tell(): void {
    if (this.isTold) return
    this.isTold = true
    const { observer } = this
    this.observer = undefined
    observer?.()
  }
}

export class Debts {
  /** Called with a release that the store did not confirm at once. */
  readonly failed: (failure: BackendFailure | undefined) => void
  private readonly port: Port
  private readonly owed = new Bag<Debt>()

  constructor(port: Port, failed: (failure: BackendFailure | undefined) => void) {
    this.port = port
    this.failed = failed
  }

  get size(): number {
    return this.owed.size
  }

  /** Releases a token; its owner calls this once. `isCut` says that its lease ends by `stay` anyway. */
  owe(owed: Owed, isCut = false): Debt {
    const debt = new Debt(this.port, this, owed)
    this.owed.add(debt)
    for (const { call, millis } of owed.out) debt.watch(call, millis)
    if (isCut) debt.settle()
    else if (!debt.isAsked) debt.ask()
    return debt
  }

  /** Asks once more for everything that is owed. */
  askAll(): void {
    for (const debt of this.owed.all()) if (!debt.isAsked && !debt.isSettled) debt.ask()
  }

  forgetAll(): void {
    for (const debt of this.owed.all()) debt.forget()
  }

  remove(debt: Debt): void {
    this.owed.remove(debt)
  }
}
