/**
 * Keeps leases alive: renews every tenure at a third of its lease, all that are
 * due in one go, and gives up on those whose deadline has passed. It has one
 * alarm however many tenures it keeps, and none when it keeps none.
 *
 * A renewal that fails or stays unanswered changes nothing: it is tried again
 * after a third of what is left, and in the end the deadline decides
 * (compare Medallion's `LeaseMonitor`: only "renewed" resets the clock).
 */
import type { Alarm, Alarms } from "./alarms.ts"
import type { Tenure } from "./tenure.ts"

/** Renewals this much of a lease ahead of their time join a batch that goes out anyway. */
const ahead = 1 / 30

/** No two renewals of a tenure are closer than this. */
const minGapMillis = 5

export class Keeper implements Alarm {
  index = -1
  private at = Infinity
  private readonly tenures = new Set<Tenure>()
  private readonly alarms: Alarms
  private readonly renew: (due: ReadonlyArray<Tenure>, sentAt: number) => void
  private readonly expire: (tenure: Tenure) => void

  constructor(
    alarms: Alarms,
    renew: (due: ReadonlyArray<Tenure>, sentAt: number) => void,
    expire: (tenure: Tenure) => void
  ) {
    this.alarms = alarms
    this.renew = renew
    this.expire = expire
  }

  get size(): number {
    return this.tenures.size
  }

  add(tenure: Tenure): void {
    this.tenures.add(tenure)
    this.wakeBy(Math.min(tenure.renewAt, tenure.deadline))
  }

  remove(tenure: Tenure): void {
    if (!this.tenures.delete(tenure)) return
    if (this.tenures.size === 0) this.alarms.cancel(this)
  }

  /** The tenure's times have changed. */
  update(tenure: Tenure): void {
    const at = Math.min(tenure.renewAt, tenure.deadline)
    if ((this.index === -1 || at < this.at) && this.tenures.has(tenure)) this.wakeBy(at)
  }

  private wakeBy(at: number): void {
    if (this.index !== -1) {
      if (this.at <= at) return
      this.alarms.cancel(this)
    }
    this.at = at
    this.alarms.set(this, at)
  }

  ring(): void {
    const now = this.alarms.now()
    const due: Array<Tenure> = []
    let next = Infinity
    let renewing = false
    for (const tenure of this.tenures) {
      if (tenure.deadline <= now) this.expire(tenure)
      else if (tenure.renewAt <= now) renewing = true
    }
    for (const tenure of this.tenures) {
      if (renewing && tenure.renewAt - now <= tenure.expiresMillis * ahead) {
        tenure.renewAt = now + Math.max(minGapMillis, (tenure.deadline - now) / 3)
        due.push(tenure)
      }
      next = Math.min(next, tenure.renewAt, tenure.deadline)
    }
    if (due.length > 0) this.renew(due, now)
    if (next < Infinity && this.tenures.size > 0) this.wakeBy(next)
  }
}
