/** Those in this process who wait for a key, first come first served. */
import type { LockRequest } from "../../LockConfig.ts"
import type { BackendFailure } from "../../LockError.ts"
import type { Held } from "../../LockStore.ts"
import type { Alarm } from "./alarms.ts"
import type { Claim } from "./claim.ts"
import type { Lease } from "./lease.ts"

/** What comes with the turn, or instead of it. */
export type Baton =
  /** Nothing: ask the store. */
  | "Turn"
  /** The one before has claimed the key for us. */
  | Claim
  /** The one before hands its lease over, or lets us join a shared one: then without the turn. */
  | Lease
  /** Its time is over, and others have the turn: it asks once beside them, since it may share the key with them. */
  | "Beside"
  /** The wait is over without a turn. */
  | "TimedOut"
  | "Closed"

/** Who has the turn and can do without: on its way to the store, or asleep in front of it. */
export interface Front {
  readonly request: LockRequest
  /** It has this instead of the turn, which it passes on. */
  serve(lease: Lease): void
}

/** What a waiter has to do with its line. */
export interface Waiting {
  /** Its time is over. */
  timeOut(waiter: Waiter): void
  /** It has waited for what the one with the turn hears, for as long as the store may take. */
  hearNothing(waiter: Waiter): void
  pass(baton: "Turn" | Claim): void
}

export class Waiter implements Alarm, Front {
  index = -1
  readonly request: LockRequest
  previous: Waiter | undefined = undefined
  next: Waiter | undefined = undefined
  /** Its time is over, and it only waits for what the one with the turn hears. */
  isOverdue = false
  /** When it began to wait. */
  readonly since: number
  /** What was known of the key when its time was over. */
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

  /** Calls back once there is a baton, in a turn of its own. */
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

  /** At its end, but in front of those who came later: some come back, since what they were handed was over. */
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

  /** It stays, though its time is over. */
  keepOverdue(waiter: Waiter): void {
    waiter.isOverdue = true
    this.overdue++
  }

  /** Those that stay so. */
  get allOverdue(): ReadonlyArray<Waiter> {
    if (this.overdue === 0) return none
    const all: Array<Waiter> = []
    for (let waiter = this.head; waiter !== undefined; waiter = waiter.next) if (waiter.isOverdue) all.push(waiter)
    return all
  }
}
