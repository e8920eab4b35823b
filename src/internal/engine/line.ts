/**
 * One key in this process: who waits, who has the turn, and which lease the
 * process has. Whatever of these changes hands does so here.
 *
 * Whoever has the turn talks to the store, so a process is one contender however
 * many of its fibers wait. The turn is free, or it is with one who asks, or with
 * who holds the key alone, and keeps it until the lease is back or lost. Who shares
 * the key passes it on as soon as it has its lease.
 */
import * as Duration from "effect/Duration"
import { constTrue } from "effect/Function"
import type { LockRequest } from "../../LockConfig.ts"
import type { BackendFailure } from "../../LockError.ts"
import type { Attempt, Held, Share } from "../../LockStore.ts"
import type { Ending } from "../ending.ts"
import type { Reply } from "./call.ts"
import { Claim } from "./claim.ts"
import { Common } from "./common.ts"
import { Contest } from "./contest.ts"
import { isFailure } from "./failures.ts"
import { isEnoughToReceive, suits } from "./handOver.ts"
import type { Place } from "./keyMap.ts"
import { Lease } from "./lease.ts"
import { Lending, takeBack } from "./lender.ts"
import { type Baton, type Front, Waiter, type Waiting } from "./queue.ts"
import type { Next, SharingParts } from "./sharing.ts"

export interface LineParts extends SharingParts {
  /** Where lines are known. */
  readonly lines: {
    vacate(line: Line): void
    /** Nobody waits for the lease that it has. */
    fold(line: Line, lease: Lease): void
  }
}

const heldBy = (lease: Lease, at: number): Held => ({
  _tag: "Held",
  token: lease.token,
  remainingMillis: Math.max(0, lease.deadline - at)
})

export class Line extends Lending<LineParts> implements Place, Next, Waiting {
  /** Nobody has the turn, and nobody waits. */
  vacant = true
  readonly key: string
  /** The lease that this process has. */
  lease: Lease | undefined = undefined
  /** What the one with the turn asks the store with. */
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

  /** The store has been asked, for the key or to take it back, or will be by who gets the turn now; and nothing is known yet. */
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

  /** How many wait, whoever asks the store for them included. */
  get waiting(): number {
    return (this.contest?.size ?? 0) + (this.isAsking ? 1 : 0)
  }

  /** How many of them the store has not been told of. */
  get untold(): number {
    return this.isAsking && this.claim!.isListening ? this.waiting - 1 : this.waiting
  }

  private get isAsking(): boolean {
    return this.claim !== undefined && this.lease === undefined
  }

  /** Its time is over. While nothing is known, it waits for what the one with the turn hears. */
  timeOut(waiter: Waiter): void {
    if (waiter.baton !== undefined || waiter.isOverdue) return
    if (!this.isInDoubt) return this.give(waiter, "TimedOut")
    this.contended.keepOverdue(waiter)
    this.hearBy(waiter, this.now())
  }

  /** Those with the turn may leave before they hear anything, one after the other: that is silence, too. */
  hearNothing(waiter: Waiter): void {
    const { port } = this.parts
    // As for any call, what has arrived while the event loop was late is read first.
    port.soon(() =>
      port.soon(() => {
        if (!waiter.isOverdue) return
        const { saidAt } = this.contended
        if (saidAt + port.patience > this.now()) this.hearBy(waiter, saidAt)
        else this.give(waiter, "TimedOut")
      })
    )
  }

  private hearBy(waiter: Waiter, from: number): void {
    const { alarms, patience } = this.parts.port
    alarms.cancel(waiter)
    alarms.set(waiter, from + patience)
  }

  /** It goes, whatever it has been given. */
  leave(waiter: Waiter): void {
    const { baton } = waiter
    if (baton === undefined) this.remove(waiter)
    else if (baton instanceof Lease && baton.share !== undefined) this.forsake(baton)
    else if (baton === "Turn" || typeof baton === "object") this.pass(baton)
  }

  /** Everybody goes. */
  close(): void {
    for (let { head } = this; head !== undefined; head = this.head) this.give(head, "Closed")
    this.claim?.news.tell(undefined)
  }

  /**
   * What the turn has heard is what those hear whose time is over. What it had for a moment, and found over, says
   * nothing of others: it is in doubt again who has the key. Twice in a row it says that the store takes too long.
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

  /** What is known of the key. */
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
    // Fixed now: when it wakes, the line may have gone on.
    if (baton === "TimedOut") {
      waiter.known = this.known(this.now())
      if (isOverdue) waiter.known ??= this.parts.port.failures.noReply("acquire", this.key)
    }
    // Not in place: a chain of holders that finish at once would grow the stack.
    this.parts.port.soon(() => waiter.wake())
  }

  // ---------------------------------------------------------------------------
  // The turn
  // ---------------------------------------------------------------------------

  /** The one with the turn gives it up, to the next in line. Without a next, what came with it goes back. */
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

  /** Those whose time is over do not wait for one after another that asks for a share. */
  private letAskBeside(): void {
    for (const waiter of this.allOverdue) {
      const { share } = waiter.request
      if (share !== undefined && !this.parts.sharing.isJoining(share)) this.give(waiter, "Beside")
    }
  }

  /** Readers that are next share the lease that one here has just got. */
  private letJoin(): void {
    for (let { head } = this; head?.request.share !== undefined; head = this.head) {
      const lease = this.parts.sharing.join(head.request, this.now())
      if (lease === undefined) return
      this.give(head, lease)
    }
  }

  /** Who is next has what somebody here has given back, if it wants that. */
  serve(common: Common, at: number): boolean {
    const { front } = this
    if (front === undefined || !common.serves(front.request, at)) return false
    front.serve(common.pass(at))
    return true
  }

  // ---------------------------------------------------------------------------
  // The lease
  // ---------------------------------------------------------------------------

  /** The one with the turn has become the holder; others stood in front of it if it is sought. */
  hold(lease: Lease, share: Share | undefined, isSought: boolean): Lease {
    const { since } = lease
    const { contest } = this
    contest?.isHad(since, isSought)
    if (share !== undefined) {
      // Who shares has no need of the turn: others may come in beside it.
      const own = this.parts.sharing.lend(lease, share)
      if (contest !== undefined) {
        // Whoever wants the key alone, and waits only to hear of it, has heard enough.
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

  /** Takes over a lease that was had without a line. */
  adopt(lease: Lease): void {
    lease.lender = this
    this.lease = lease
  }

  /** Whoever is handed a lease looks at it: what is over or nearly so is none, and the turn, if it is theirs, is all there is. */
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

  /** Of a lease that nobody has. */
  forsake(lease: Lease): void {
    if (lease.lender instanceof Common) return lease.lender.forsake(lease, this.now())
    if (this.lease === lease) this.lease = undefined
    if (!takeBack(this.parts, lease, this.now())) return
    this.parts.keeper.remove(lease)
    this.owe(lease)
  }

  override lost(lease: Lease): void {
    super.lost(lease)
    // The one that it was on its way to has the turn, and will see.
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
    // The turn has gone on when it was lost.
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
    // Not before: the next one would be asking against our own lease.
    debt.whenOver(() => this.over(lease))
    return debt
  }

  private over(lease: Lease): void {
    if (this.contest !== undefined) this.contest.saidAt = this.now()
    if (this.lease === lease) this.lease = undefined
    this.pass("Turn")
  }

  /**
   * So often in a row, and for so long, that other processes have their turn; and
   * no faster than fencing tokens of the store are sure to grow.
   */
  private mayHandOver(lease: Lease, next: LockRequest, at: number): boolean {
    const { handOver } = this.parts.port.store
    if (handOver === undefined) return false
    const { handed, leasedAt } = this.contended
    const elapsed = at - (handed === 0 ? lease.since : leasedAt)
    return handed + 1 < handOver.times && elapsed < Duration.toMillis(handOver.within) &&
      handed + 1 <= elapsed * 1000 && suits(lease, next, at)
  }

  /** A lease of its own for the next one, of the same token. It is kept meanwhile. */
  private handOver({ deadline, expiresMillis, fencingToken, key, lastEnd, since, token }: Lease, at: number): void {
    const { contended } = this
    if (contended.handed++ === 0) contended.leasedAt = since
    const heir = new Lease(this, key, token, fencingToken + 1, expiresMillis, true, at, deadline, 0)
    heir.lastEnd = lastEnd
    this.lease = heir
    this.parts.journal.handedOver(heir)
    this.parts.keeper.add(heir)
    this.pass(heir)
  }

  /** Releases, and claims for the next in line, in one operation; unless listening for that takes time. */
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
