/** The waiters of this process for a key, first come first served. */
import type { LockRequest } from "../../LockConfig.ts"
import type { BackendFailure } from "../../LockError.ts"
import type { Held } from "../../LockStore.ts"
import type { Alarm } from "./alarms.ts"
import type { Claim } from "./claim.ts"
import type { Lease } from "./lease.ts"

/** What a waiter gets: the turn, or something instead of it. */
export type Baton =
  /** The turn alone: ask the store. */
  | "Turn"
  /** The turn, and a claim that the previous holder has made for the waiter. */
  | Claim
  /** A lease that the previous holder hands over; or a shared one to join, which comes without the turn. */
  | Lease
  /** The timeout has passed, and others have the turn: it may ask once beside them, since it may share the key. */
  | "Beside"
  /** The wait is over. */
  | "TimedOut"
  | "Closed"

/** Whoever has the turn and could be served without it: while it asks the store, or sleeps between attempts. */
export interface Front {
  readonly request: LockRequest
  /** It gets this lease instead of the turn, which it passes on. */
  serve(lease: Lease): void
}

/** What a waiter needs of its line. */
export interface Waiting {
  /** The timeout has passed. */
  timeOut(waiter: Waiter): void
  /** Nothing was heard within the store's patience after the timeout. */
  hearNothing(waiter: Waiter): void
  pass(baton: "Turn" | Claim): void
}

export class Waiter implements Alarm, Front {
  index = -1
  readonly request: LockRequest
  previous: Waiter | undefined = undefined
  next: Waiter | undefined = undefined
  /** The timeout has passed, and it only waits for the reply to whoever has the turn. */
  isOverdue = false
  /** When it began to wait. */
  readonly since: number
  /** What was known of the holder when the wait ended. */
  known: Held | BackendFailure | undefined = undefined
  /** Set when it has left the line. */
  baton: Baton | undefined = undefined
  private readonly line: Waiting
  private served: (() => void) | undefined = undefined

  constructor(line: Waiting, request: LockRequest, since: number) {
    this.line = line
    this.request = request
    this.since = since
  }

  /** Calls back once there is a baton, in a later turn of the scheduler. */
  whenServed(then: () => void): void {
    this.served = then
    if (this.baton !== undefined) then()
  }

  wake(): void {
    this.served?.()
  }

  serve(lease: Lease): void {
    const turn = this.baton as "Turn" | Claim
    this.baton = lease
    this.line.pass(turn)
  }

  ring(): void {
    if (this.isOverdue) this.line.hearNothing(this)
    else this.line.timeOut(this)
  }
}

const none: ReadonlyArray<Waiter> = []

export class Queue {
  head: Waiter | undefined = undefined
  private last: Waiter | undefined = undefined
  private overdue = 0

  get size(): number {
    let size = 0
    for (let waiter = this.head; waiter !== undefined; waiter = waiter.next) size++
    return size
  }

  /** Adds it by the time it began to wait: a waiter comes back if the lease that it was handed was over. */
  add(waiter: Waiter): void {
    let previous = this.last
    while (previous !== undefined && previous.since > waiter.since) previous = previous.previous
    const next = previous === undefined ? this.head : previous.next
    waiter.previous = previous
    waiter.next = next
    if (previous === undefined) this.head = waiter
    else previous.next = waiter
    if (next === undefined) this.last = waiter
    else next.previous = waiter
  }

  remove(waiter: Waiter): void {
    const { next, previous } = waiter
    if (previous === undefined) this.head = next
    else previous.next = next
    if (next === undefined) this.last = previous
    else next.previous = previous
    waiter.previous = waiter.next = undefined
    if (waiter.isOverdue) this.overdue--
    waiter.isOverdue = false
  }

  /** It stays in the line after its timeout. */
  keepOverdue(waiter: Waiter): void {
    waiter.isOverdue = true
    this.overdue++
  }

  /** The waiters that stay after their timeout. */
  get allOverdue(): ReadonlyArray<Waiter> {
    if (this.overdue === 0) return none
    const all: Array<Waiter> = []
    for (let waiter = this.head; waiter !== undefined; waiter = waiter.next) if (waiter.isOverdue) all.push(waiter)
    return all
  }
}
