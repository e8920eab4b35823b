/**
 * Tokens that must be released: from the moment somebody gives up on one until
 * the store confirms that it is gone, or cannot hold it any more. Only here is a
 * release sent.
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

export class Debt implements Alarm, Ending, Placed {
  index = -1
  place = -1
  readonly key: string
  readonly token: string
  /** The store may hold the token until then, even if nothing more of it is executed. */
  private until: number
  /** Until then the token is to keep the key, and no longer. */
  private readonly stay: number
  /** A claim of it has a place in the store's queue. */
  private readonly isQueued: boolean
  private readonly share: Share | undefined
  /** Claims and extensions that may still be executed. */
  private out: ReadonlyArray<Call<unknown>> = none
  /** The release that is out. */
  private asked: Call<boolean> | undefined = undefined
  /** A claim of it may have been executed after the release that is out. */
  private isStale = false
  /** There is nothing of it in the store, unless what is out is executed. */
  private isConfirmed = false
  /** The store has been told, or has had its time. */
  private isTold = false
  private hasFailed = false
  private observer: (() => void) | undefined = undefined
  private gap = firstGapMillis
  private readonly port: Port
  private readonly debts: Debts

  constructor(
    port: Port,
    debts: Debts,
    key: string,
    token: string,
    until: number,
    isQueued: boolean,
    share: Share | undefined,
    stay: number
  ) {
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

  /** When something of the token is answered, the store may have it anew. */
  watch(call: Call<unknown>, millis: number): void {
    if (call.reply === undefined) {
      this.out = [...this.out, call]
      // Whoever sent it may have been interrupted before it came to wait: then it is not known yet that nobody does.
      if (!call.isAwaited) call.leave()
    }
    call.onReply((reply) => {
      this.out = this.out.filter((other) => other !== call)
      if (this.place === -1) return
      const isRefused = isRefusal(reply) && !this.isQueued
      if (!isRefused) this.until = Math.max(this.until, this.port.alarms.now() + millis)
      // An extension never brings back what has been released, but makes longer what stays.
      const isClaim = (call.operation !== "extend" || this.stay > 0) && !isRefused
      if (isClaim && this.asked === undefined) this.ask()
      else if (isClaim) this.isStale = true
      else this.rest()
    })
  }

  /** Sends a release, in place of one that is out; or cuts the lease to what is left of the time it is to stay. */
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
    // The reply, however late; or, in between, that there is none in time.
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

  /** Nothing more is to be asked now. */
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

  /** It is paid when the store has confirmed and nothing of it is out, once it need not stay any more. */
  private rest(): void {
    if (!this.isConfirmed || this.out.length > 0) return
    if (!this.isStaying) return this.forget()
    this.port.alarms.cancel(this)
    this.port.alarms.set(this, this.stay)
  }

  private get isStaying(): boolean {
    return this.stay > 0 && this.stay > this.port.alarms.now()
  }

  /** The store has it for as long as it is to stay: there is nothing to ask until then. */
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
    // Once more at once, if the store says at once that it could not.
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
  /** Told of a release that the store did not confirm at once. */
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

  /**
   * From now on the token is to be gone; who had it says so once. `until` is the latest end in the store of
   * what has been answered for it, `out` what may still be executed.
   */
  owe(
    key: string,
    token: string,
    until: number,
    out: ReadonlyArray<Sent>,
    isQueued: boolean,
    share: Share | undefined
  ): Debt {
    const debt = this.begin(new Debt(this.port, this, key, token, until, isQueued, share, 0), out)
    if (!debt.isAsked) debt.ask()
    return debt
  }

  /** The same for a token that is to keep the key until `stay`; `isCut` says that its lease ends by then. */
  oweLater(
    key: string,
    token: string,
    until: number,
    out: ReadonlyArray<Sent>,
    share: Share | undefined,
    stay: number,
    isCut: boolean
  ): Debt {
    const debt = this.begin(new Debt(this.port, this, key, token, until, false, share, stay), out)
    if (isCut) debt.settle()
    else if (!debt.isAsked) debt.ask()
    return debt
  }

  private begin(debt: Debt, out: ReadonlyArray<Sent>): Debt {
    this.owed.add(debt)
    for (const { call, millis } of out) debt.watch(call, millis)
    return debt
  }

  /** Whatever is owed is asked for once more. */
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
