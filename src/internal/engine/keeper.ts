/**
 * Keeps leases alive: renews each at a third of its duration, all that are due in one operation, and ends those
 * whose deadline has passed. It has one alarm however many leases it keeps, and none when it keeps none.
 *
 * A renewal that fails or stays unanswered changes nothing: it is tried again after a third of what is left, and in
 * the end the deadline decides (compare Medallion's `LeaseMonitor`: only "renewed" resets the clock).
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constTrue, constVoid } from "effect/Function"
import type { LockError } from "../../LockError.ts"
import { failWith } from "../failing.ts"
import type { Meter } from "../meter.ts"
import type { Time } from "../time.ts"
import type { Alarm } from "./alarms.ts"
import { Bag } from "./bag.ts"
import { afterReplies, type Call, type Reply } from "./call.ts"
import { isFailure } from "./failures.ts"
import type { Lease } from "./lease.ts"
import { Sent } from "./outstanding.ts"
import type { Port } from "./port.ts"

/** Renewals that are due within this fraction of the lease join a batch that is sent anyway. */
const ahead = 1 / 30

/** The least time between two renewals of a lease. */
const minGapMillis = 2

/** How often the clocks are compared, to notice that the host was suspended. */
const beatMillis = 1_000

/** How far the wall clock may run ahead of the monotonic one between two beats. */
const jumpMillis = 500

/** A renewal that is executed after a longer extension would undo it, so none is sent while one is awaited. */
const isBeingLengthened = ({ expiresMillis, out }: Lease): boolean =>
  out.some(({ call, millis }) => millis > expiresMillis && call.index !== -1)

export class Keeper implements Alarm {
  index = -1
  private readonly port: Port
  private readonly time: Time
  private readonly meter: Meter
  private readonly leases = new Bag<Lease>()
  private wakeAt = Infinity
  private wallAhead = 0
  private isResting = false

  constructor(port: Port, time: Time, meter: Meter) {
    this.port = port
    this.meter = meter
    this.time = time
  }

  /** The number of leases it keeps. */
  get size(): number {
    return this.leases.size
  }

  all(): ReadonlyArray<Lease> {
    return this.leases.all()
  }

  add(lease: Lease): void {
    if (lease.place !== -1) return
    const isAwake = this.index !== -1
    if (!isAwake) this.wallAhead = this.lookAtWall()
    this.leases.add(lease)
    this.wakeBy(Math.min(lease.renewAt, lease.deadline, isAwake ? Infinity : lease.since + beatMillis))
  }

  remove(lease: Lease): void {
    if (lease.place === -1) return
    this.leases.remove(lease)
    if (this.leases.size === 0) this.rest()
  }

  /**
   * Cancels the alarm at the end of the turn: where one lease follows the other, neither alarm nor clocks are
   * touched in between.
   */
  private rest(): void {
    if (this.isResting) return
    this.isResting = true
    this.port.soon(() => {
      this.isResting = false
      if (this.leases.size === 0) this.port.alarms.cancel(this)
    })
  }

  /** The store has said that all leases may be held by others now. */
  endAll(): void {
    const now = this.port.alarms.now()
    for (const lease of this.all()) lease.lose("Taken", now)
  }

  ring(): void {
    const now = this.port.alarms.now()
    const jumped = this.wallJump()
    const hasJumped = jumped > 0
    let renewing = hasJumped
    for (const lease of this.all()) {
      // Renewed leases are renewed now, to ask the store; for the others the elapsed time is known.
      if (hasJumped && !lease.renews) lease.deadline = Math.floor(lease.deadline - jumped)
      if (lease.deadline <= now) lease.lose("Expired", now)
      else if (lease.renewAt <= now) renewing = true
    }
    const due: Array<Lease> = []
    // The suspension of a host that keeps leases shows in clocks that have moved apart.
    let next = now + beatMillis
    for (const lease of this.leases) {
      if (renewing && lease.renews && (hasJumped || lease.renewAt - now <= lease.expiresMillis * ahead)) {
        lease.renewAt = Math.ceil(now + Math.max(minGapMillis, (lease.deadline - now) / 3))
        if (!isBeingLengthened(lease)) due.push(lease)
      }
      next = Math.min(next, lease.renewAt, lease.deadline)
    }
    if (due.length > 0) this.renew(due, now)
    if (this.leases.size > 0) this.wakeBy(next)
  }

  /**
   * How far the wall clock has run ahead since the last beat. The monotonic clock may stand still while the host is
   * suspended, and the leases may be over whatever it says.
   */
  private wallJump(): number {
    const { wallAhead } = this
    this.wallAhead = this.lookAtWall()
    const jumped = this.wallAhead - wallAhead
    return jumped > jumpMillis ? jumped : 0
  }

  private lookAtWall(): number {
    return this.time.wallMillis() - this.time.now()
  }

  private wakeBy(at: number): void {
    const { alarms } = this.port
    if (this.index !== -1) {
      if (this.wakeAt <= at) return
      alarms.cancel(this)
    }
    this.wakeAt = at
    alarms.set(this, at)
  }

  // ---------------------------------------------------------------------------
  // Extending
  // ---------------------------------------------------------------------------

  /** Renews all that are due, in one operation if the store can. */
  private renew(due: ReadonlyArray<Lease>, sentAt: number): void {
    if (this.port.store.extendAll === undefined || due.length === 1) {
      for (const lease of due) this.send(lease, lease.expiresMillis, sentAt)
      return
    }
    const call = this.port.extendAll(due.map(({ expiresMillis, key, token }) => ({ key, token, expiresMillis })))
    let sent: Sent | undefined
    for (const lease of due) {
      const { expiresMillis } = lease
      if (sent?.millis !== expiresMillis) sent = new Sent(call, expiresMillis)
      lease.sends(sent)
    }
    call.wait(sentAt + this.port.patience, constVoid)
    call.onReply((reply) => {
      for (let i = 0; i < due.length; i++) {
        this.answered(due[i], call, sentAt, isFailure(reply) ? reply : reply[i])
      }
    })
  }

  /**
   * `isWanted` tells whether later renewals are as long, too: not if the caller has been told that the extension
   * failed.
   */
  private send(
    lease: Lease,
    millis: number,
    sentAt: number,
    isWanted: () => boolean = constTrue,
    outlives = false
  ): Call<boolean> {
    const { key, token } = lease
    const call = this.port.extend({ key, token, expiresMillis: millis, ...(outlives && { outlives }) })
    lease.sends(new Sent(call, millis))
    call.wait(sentAt + this.port.patience, constVoid)
    call.onReply((reply) => this.answered(lease, call, sentAt, reply, isWanted()))
    return call
  }

  /** The store has answered an extension that was sent at `sentAt`. */
  private answered(
    lease: Lease,
    call: Call<unknown>,
    sentAt: number,
    reply: Reply<boolean>,
    isWanted = true
  ): void {
    const now = this.port.alarms.now()
    const sent = lease.answered(call, now)
    if (!lease.isHeld || sent === undefined) return
    this.meter.renewals[isFailure(reply) ? "failed" : reply ? "renewed" : "lost"]++
    if (isFailure(reply)) {
      if (lease.failure === undefined && !reply.retryable) {
        this.port.log(
          Effect.logWarning("A lock could not be renewed; that is tried until its lease ends", reply),
          lease.key
        )
      }
      lease.failure = reply
      return
    }
    if (!reply) return lease.lose("Taken", now)
    // Later renewals stay as short as before, so nothing longer may be relied on.
    const millis = isWanted ? sent.millis : Math.min(sent.millis, lease.expiresMillis)
    const sure = Math.min(sent.sure, millis)
    lease.extended(sentAt + sure - this.port.margin(sure), sentAt + sure / 3, millis)
    if (lease.place !== -1) this.wakeBy(Math.min(lease.renewAt, lease.deadline))
  }

  /** See `Lease.extend` in the public module. */
  extend(lease: Lease, asked: number | undefined, outlives = false): Effect.Effect<void, LockError> {
    return Effect.gen({ self: this }, function*() {
      const { alarms, maxExpires, patience } = this.port
      if (asked !== undefined && asked > maxExpires) return yield* Exit.fail(this.port.invalidExpires(asked, false)!)
      yield* lease.check
      const millis = Math.max(asked ?? 0, lease.expiresMillis)
      // A shorter extension that is executed after this one would undo it.
      yield* this.answers(lease, lease.out.filter((sent) => sent.millis < millis))
      yield* lease.check
      const sentAt = alarms.now()
      let isWanted = true
      const reply = yield* this.outcome(this.send(lease, millis, sentAt, () => isWanted, outlives), sentAt + patience)
      isWanted = reply !== undefined
      yield* lease.check
      if (reply === undefined) return yield* failWith(this.port.failures.noReply("extend", lease.key))
      if (isFailure(reply)) return yield* failWith(reply)
    })
  }

  /**
   * Extends the lease and leaves it. Calls that are still out could be executed while its next holder has the key,
   * so all are waited for, and no renewal is sent.
   */
  detach(lease: Lease, asked: number | undefined): Effect.Effect<void, LockError> {
    if (this.port.store.transfer === undefined) return failWith(this.port.failures.untransferable(lease.key))
    return Effect.uninterruptibleMask((restore) => {
      const { renewAt } = lease
      lease.renewAt = Infinity
      const settled = Effect.suspend(() => this.answers(lease, lease.out))
      const extended = Effect.andThen(settled, this.extend(lease, asked, true))
      return Effect.flatMap(Effect.exit(restore(extended)), (exit) => {
        if (exit._tag === "Success" && lease.isHeld && lease.out.length === 0) {
          lease.leave()
          return Effect.void
        }
        lease.renewAt = renewAt
        if (lease.place !== -1) this.wakeBy(Math.min(renewAt, lease.deadline))
        return exit._tag === "Failure" ? exit : Effect.andThen(
          lease.check,
          failWith(this.port.failures.noReply("extend", lease.key, "another extension is unanswered"))
        )
      })
    })
  }

  /** Waits until all of these are answered, for the store's patience altogether. */
  private answers(lease: Lease, sent: ReadonlyArray<Sent>): Effect.Effect<void, LockError> {
    const until = this.port.alarms.now() + this.port.patience
    return Effect.forEach(sent, ({ call }) =>
      Effect.flatMap(this.outcome(call, until), (reply) =>
        reply !== undefined
          ? Effect.void
          : failWith(this.port.failures.noReply("extend", lease.key, "an earlier extension is unanswered"))), {
      discard: true
    })
  }

  /** The reply to a call; undefined if there is none by `until`. */
  private outcome<A>(call: Call<A>, until: number): Effect.Effect<Reply<A> | undefined> {
    return Effect.callback((resume) => {
      const { alarms } = this.port
      const alarm = { index: -1, ring: () => afterReplies(this.port, () => resume(Effect.undefined)) }
      alarms.set(alarm, until)
      call.onReply((reply) => {
        alarms.cancel(alarm)
        resume(Effect.succeed(reply))
      })
      return Effect.sync(() => alarms.cancel(alarm))
    })
  }
}
