/**
 * One key in this process: who is waiting for it, who has the turn, and which lease the process holds. All changes
 * to these happen here.
 *
 * Only whoever has the turn talks to the store, so that a process is one contender however many of its fibers are
 * waiting. The turn is free, or belongs to a caller that is asking the store, or to an exclusive holder, who keeps
 * it until its lease is given back or lost. A holder that shares the key passes the turn on as soon as it has its
 * lease.
 */
import * as Duration from "effect/Duration"
import { constTrue } from "effect/Function"
import type { LockRequest } from "../../LockConfig.ts"
import type { BackendFailure } from "../../LockError.ts"
import type { Attempt, Held, Share } from "../../LockStore.ts"
import type { Ending } from "../ending.ts"
import { afterReplies, type Reply } from "./call.ts"
import { Claim } from "./claim.ts"
import { Common } from "./common.ts"
import { Contest } from "./contest.ts"
import { isFailure } from "./failures.ts"
import { isEnoughToReceive, suits } from "./handOver.ts"
import type { Place } from "./keyMap.ts"
import { Lease } from "./lease.ts"
import { Lending, type Parts, takeBack } from "./lender.ts"
import { type Baton, type Front, Waiter, type Waiting } from "./queue.ts"
import type { Next, Sharing } from "./sharing.ts"

export interface LineParts extends Parts {
  /** The lender of shared leases. */
  readonly sharing: Sharing
  /** The registry of lines. */
  readonly lines: {
    vacate(line: Line): void
    /** Nobody is waiting behind the lease any more. */
    fold(line: Line, lease: Lease): void
  }
}

const heldBy = (lease: Lease, at: number): Held => ({
  _tag: "Held",
  token: lease.token,
  remainingMillis: Math.max(0, lease.deadline - at)
})

export class Line extends Lending<LineParts> implements Place, Next, Waiting {
  /** Nobody has the turn and nobody is waiting. */
  vacant = true
  readonly key: string
  /** The lease that this process holds exclusively. */
  lease: Lease | undefined = undefined
  /** The claim with which whoever has the turn is asking the store. */
  claim: Claim | undefined = undefined
  private contest: Contest | undefined = undefined

  constructor(parts: LineParts, key: string) {
    super(parts)
    this.key = key
  }

  private get contended(): Contest {
    return this.contest ??= new Contest()
  }

  get front(): Front | undefined {
    return this.contest?.front
  }

  set front(front: Front | undefined) {
    if (front !== undefined) this.contended.front = front
    else if (this.contest !== undefined) this.contest.front = undefined
  }

  get isSought(): boolean {
    return this.contest?.isSought === true
  }

  // ---------------------------------------------------------------------------
  // Waiting
  // ---------------------------------------------------------------------------

  /**
   * Nothing is known of the key yet: the store has been asked for it (or to release it) and has not answered, or
   * whoever gets the turn now is about to ask.
   */
  get isInDoubt(): boolean {
    const { lease } = this
    return this.contest?.heard === undefined && (lease === undefined || lease.isBack)
  }

  private get head(): Waiter | undefined {
    return this.contest?.head
  }

  enter(request: LockRequest, since: number, endsAt: number): Waiter {
    const waiter = new Waiter(this, request, since)
    this.contended.add(waiter)
    if (request.timeoutMillis === 0) this.timeOut(waiter)
    else this.parts.port.alarms.set(waiter, endsAt)
    return waiter
  }

  /** The number of waiters, including the one that is asking the store. */
  get waiting(): number {
    return (this.contest?.size ?? 0) + (this.isAsking ? 1 : 0)
  }

  /** The number of waiters that the store does not know of. */
  get untold(): number {
    return this.isAsking && this.claim!.isListening ? this.waiting - 1 : this.waiting
  }

  private get isAsking(): boolean {
    return this.claim !== undefined && this.lease === undefined
  }

  /**
   * The waiter's timeout has passed. While nothing is known of the key, it stays until whoever has the turn hears
   * from the store.
   */
  timeOut(waiter: Waiter): void {
    if (waiter.baton !== undefined || waiter.isOverdue) return
    if (!this.isInDoubt) return this.give(waiter, "TimedOut")
    this.contended.keepOverdue(waiter)
    this.hearBy(waiter, this.now())
  }

  /**
   * Nothing was heard in time. Callers with the turn may have left one after the other before the store answered
   * any of them: that counts as silence, too.
   */
  hearNothing(waiter: Waiter): void {
    const { port } = this.parts
    afterReplies(port, () => {
      if (!waiter.isOverdue) return
      const { saidAt } = this.contended
      if (saidAt + port.patience > this.now()) this.hearBy(waiter, saidAt)
      else this.give(waiter, "TimedOut")
    })
  }

  private hearBy(waiter: Waiter, from: number): void {
    const { alarms, patience } = this.parts.port
    alarms.cancel(waiter)
    alarms.set(waiter, from + patience)
  }

  /** The waiter leaves, whatever it has been given meanwhile. */
  leave(waiter: Waiter): void {
    const { baton } = waiter
    if (baton === undefined) this.remove(waiter)
    else if (baton instanceof Lease && baton.share !== undefined) this.forsake(baton)
    else if (baton === "Turn" || typeof baton === "object") this.pass(baton)
  }

  /** Sends all waiters away. */
  close(): void {
    for (let { head } = this; head !== undefined; head = this.head) this.give(head, "Closed")
    this.claim?.news.tell(undefined)
  }

  /**
   * What the store said to whoever has the turn is also the answer for the waiters whose timeout has passed. A
   * lease that was over by the time it arrived says nothing of other holders, so the key is in doubt again; the
   * second in a row means that the store takes too long.
   */
  hear(reply: Reply<Attempt>): void {
    const { contended } = this
    const { wasOver } = contended
    contended.saidAt = this.now()
    contended.wasOver = reply._tag === "Acquired"
    if (reply._tag !== "Acquired") contended.heard = reply
    else contended.heard = wasOver ? this.parts.port.failures.late(this.key) : undefined
    if (contended.heard !== undefined) this.dismissOverdue()
  }

  /** What is known of the key's holder. */
  known(at: number): Held | BackendFailure | undefined {
    const { lease } = this
    if (lease === undefined || lease.isBack) return this.contest?.heard
    return heldBy(lease, at)
  }

  private dismissOverdue(isAnswered: (waiter: Waiter) => boolean = constTrue): void {
    for (const waiter of this.allOverdue) if (isAnswered(waiter)) this.give(waiter, "TimedOut")
  }

  private get allOverdue(): ReadonlyArray<Waiter> {
    return this.contest?.allOverdue ?? []
  }

  private remove(waiter: Waiter): void {
    this.parts.port.alarms.cancel(waiter)
    this.contended.remove(waiter)
  }

  private give(waiter: Waiter, baton: Baton): void {
    const { isOverdue } = waiter
    this.remove(waiter)
    waiter.baton = baton
    // Recorded now: by the time the waiter wakes, the line may have moved on.
    if (baton === "TimedOut") {
      waiter.known = this.known(this.now())
      if (isOverdue) waiter.known ??= this.parts.port.failures.noReply("acquire", this.key)
    }
    // Not synchronously: a chain of holders that finish at once would grow the stack.
    this.parts.port.soon(() => waiter.wake())
  }

  // ---------------------------------------------------------------------------
  // The turn
  // ---------------------------------------------------------------------------

  /** Passes the turn to the next waiter. Without one, whatever came with the turn is released. */
  pass(baton: "Turn" | Claim | Lease): void {
    this.claim = baton instanceof Claim ? baton : undefined
    const { contest } = this
    const isPassing = baton instanceof Lease
    if (!isPassing) this.letJoin()
    const head = contest?.head
    if (contest !== undefined && head !== undefined) {
      contest.isPassing = isPassing
      contest.front = isPassing ? undefined : head
      this.give(head, baton)
      if (!isPassing) this.letAskBeside()
      return
    }
    if (baton instanceof Claim) baton.disown()
    else if (baton instanceof Lease) this.forsake(baton)
    this.lease = this.claim = this.contest = undefined
    this.parts.lines.vacate(this)
  }

  /** Waiters whose timeout has passed, and who may share the key, ask the store now instead of waiting for the turn. */
  private letAskBeside(): void {
    for (const waiter of this.allOverdue) {
      const { share } = waiter.request
      if (share !== undefined && !this.parts.sharing.isJoining(share)) this.give(waiter, "Beside")
    }
  }

  /** Readers at the head of the line join the lease that a reader of this process has just got. */
  private letJoin(): void {
    for (let { head } = this; head?.request.share !== undefined; head = this.head) {
      const lease = this.parts.sharing.join(head.request, this.now())
      if (lease === undefined) return
      this.give(head, lease)
    }
  }

  /** Gives a shared lease that a holder has just given back to the next caller, if it suits it. */
  serve(common: Common, at: number): boolean {
    const { front } = this
    if (front === undefined || !common.serves(front.request, at)) return false
    front.serve(common.pass(at))
    return true
  }

  // ---------------------------------------------------------------------------
  // The lease
  // ---------------------------------------------------------------------------

  /** Whoever has the turn has got the lease. `isSought` says that others were in front of it in the store's queue. */
  hold(lease: Lease, share: Share | undefined, isSought: boolean): Lease {
    const { since } = lease
    const { contest } = this
    contest?.isHad(since, isSought)
    if (share !== undefined) {
      // A sharer does not keep the turn: others may join it.
      const own = this.parts.sharing.lend(lease, share)
      if (contest !== undefined) {
        // This answers the waiters whose timeout has passed and who want the key exclusively.
        contest.heard = heldBy(lease, since)
        this.dismissOverdue((waiter) => waiter.request.share === undefined)
        contest.heard = undefined
      }
      this.pass("Turn")
      return own
    }
    this.lease = lease
    this.claim = undefined
    this.dismissOverdue()
    if (this.head === undefined) this.parts.lines.fold(this, lease)
    return lease
  }

  /** Takes over a lease that was taken without a line. */
  adopt(lease: Lease): void {
    lease.lender = this
    this.lease = lease
  }

  /**
   * Checks a lease on arrival. One that is over, or nearly so, is dropped, and its receiver is left with the turn,
   * if it has that.
   */
  receive(lease: Lease, at: number, waited: number): Lease | undefined {
    if (lease.share === undefined && this.contest !== undefined) this.contest.isPassing = false
    if (!lease.isHeld || !isEnoughToReceive(lease, at)) {
      this.forsake(lease)
      return undefined
    }
    lease.since = at
    lease.waitedMillis = waited
    return lease
  }

  /** Releases a lease that nobody holds. */
  forsake(lease: Lease): void {
    if (lease.lender instanceof Common) return lease.lender.forsake(lease, this.now())
    if (this.lease === lease) this.lease = undefined
    if (!takeBack(this.parts, lease, this.now())) return
    this.parts.keeper.remove(lease)
    this.owe(lease)
  }

  override lost(lease: Lease): void {
    super.lost(lease)
    // The waiter that it was being handed to has the turn, and will notice.
    if (this.contest?.isPassing === true && this.lease === lease) return this.forsake(lease)
    if (this.lease !== lease) return
    this.lease = undefined
    this.pass("Turn")
  }

  override gone(lease: Lease, at: number): void {
    super.gone(lease, at)
    this.over(lease)
  }

  back(lease: Lease, at: number): Ending | undefined {
    const { closed, port } = this.parts
    // The turn was passed on when the lease was lost.
    if (lease.why !== "Released") return this.owe(lease)
    this.returned(lease, at)
    const next = this.head
    if (next !== undefined && !closed && lease.out.length === 0 && lease.stay <= at) {
      if (this.mayHandOver(lease, next.request, at)) {
        this.handOver(lease, at)
        return undefined
      }
      if (port.store.exchange !== undefined) {
        const exchanged = this.exchange(lease, next.request, at)
        if (exchanged !== undefined) return exchanged
      }
    }
    const debt = this.owe(lease)
    if (debt === undefined) {
      this.over(lease)
      return undefined
    }
    // Not earlier: the next caller would compete with our own lease.
    debt.whenOver(() => this.over(lease))
    return debt
  }

  private over(lease: Lease): void {
    if (this.contest !== undefined) this.contest.saidAt = this.now()
    if (this.lease === lease) this.lease = undefined
    this.pass("Turn")
  }

  /**
   * Limited in number and time, so that other processes get their turn; and no faster than the store's fencing
   * tokens are sure to grow.
   */
  private mayHandOver(lease: Lease, next: LockRequest, at: number): boolean {
    const { handOver } = this.parts.port.store
    if (handOver === undefined) return false
    const { handed, leasedAt } = this.contended
    const elapsed = at - (handed === 0 ? lease.since : leasedAt)
    return handed + 1 < handOver.times && elapsed < Duration.toMillis(handOver.within) &&
      handed + 1 <= elapsed * 1000 && suits(lease, next, at)
  }

  /** The next holder gets a lease of its own with the same token. The keeper renews it on the way. */
  private handOver(lease: Lease, at: number): void {
    const { contended } = this
    if (contended.handed++ === 0) contended.leasedAt = lease.since
    const heir = lease.heir(this, lease.fencingToken + 1, at)
    heir.lastEnd = lease.lastEnd
    this.lease = heir
    this.parts.journal.handedOver(heir)
    this.parts.keeper.add(heir)
    this.pass(heir)
  }

  /**
   * Releases, and claims for the next waiter, in one store operation, unless it takes time to start listening for
   * that claim.
   */
  private exchange(lease: Lease, next: LockRequest, at: number): Ending | undefined {
    const { debts, nextToken, port } = this.parts
    const claim = new Claim(port, debts, nextToken(at, next.owner), next)
    if (port.store.listen !== undefined && claim.listen().reply !== true) {
      claim.disown()
      return undefined
    }
    this.lease = undefined
    this.claim = claim
    const exchange = new Exchange()
    claim.exchange(lease.token, at).wait(at + port.patience, (reply = port.failures.noReply("release", this.key)) => {
      claim.reply = reply
      if (isFailure(reply)) this.owe(lease)
      if (reply._tag !== "Acquired") this.hear(reply)
      exchange.end()
      this.pass(claim)
    })
    return exchange
  }
}

class Exchange implements Ending {
  private isOver = false
  private observers: ReadonlyArray<() => void> = []

  whenOver(then: () => void): void {
    if (this.isOver) then()
    else this.observers = [...this.observers, then]
  }

  end(): void {
    this.isOver = true
    for (const then of this.observers) then()
  }
}
