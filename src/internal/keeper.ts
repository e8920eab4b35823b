/**
 * Keeps leases alive: renews every tenure at a third of its lease, all that are
 * due in one go, and gives up on those whose deadline has passed. It has one
 * alarm however many tenures it keeps, and none when it keeps none.
 *
 * A renewal that fails or stays unanswered changes nothing: it is tried again
 * after a third of what is left, and in the end the deadline decides
 * (compare Medallion's `LeaseMonitor`: only "renewed" resets the clock).
 */
import type { Alarms } from "./alarms.ts"
import type { Tenure } from "./tenure.ts"

/** Renewals this much of a lease ahead of their time join a batch that goes out anyway. */
const ahead = 1 / 30

/** No two renewals of a tenure are closer than this. */
const minGapMillis = 5

export interface Keeper {
  readonly add: (tenure: Tenure) => void
  readonly remove: (tenure: Tenure) => void
  /** The tenure's times have changed. */
  readonly update: (tenure: Tenure) => void
  /** How many it keeps. */
  readonly size: () => number
}

export const make = (
  alarms: Alarms,
  renew: (due: ReadonlyArray<Tenure>, sentAt: number) => void,
  expire: (tenure: Tenure) => void
): Keeper => {
  const tenures = new Set<Tenure>()
  let wakeAt = Infinity

  const ring = (): void => {
    const now = alarms.now()
    const due: Array<Tenure> = []
    let next = Infinity
    let renewing = false
    for (const tenure of tenures) {
      if (tenure.deadline <= now) expire(tenure)
      else if (tenure.renewAt <= now) renewing = true
    }
    for (const tenure of tenures) {
      if (renewing && tenure.renewAt - now <= tenure.expiresMillis * ahead) {
        tenure.renewAt = now + Math.max(minGapMillis, (tenure.deadline - now) / 3)
        due.push(tenure)
      }
      next = Math.min(next, tenure.renewAt, tenure.deadline)
    }
    if (due.length > 0) renew(due, now)
    if (next < Infinity && tenures.size > 0) wakeBy(next)
  }

  const alarm = { index: -1, ring }

  const wakeBy = (at: number): void => {
    if (alarm.index !== -1) {
      if (wakeAt <= at) return
      alarms.cancel(alarm)
    }
    wakeAt = at
    alarms.set(alarm, at)
  }

  return {
    add: (tenure) => {
      tenures.add(tenure)
      wakeBy(Math.min(tenure.renewAt, tenure.deadline))
    },
    remove: (tenure) => {
      if (tenures.delete(tenure) && tenures.size === 0) alarms.cancel(alarm)
    },
    update: (tenure) => {
      const at = Math.min(tenure.renewAt, tenure.deadline)
      if ((alarm.index === -1 || at < wakeAt) && tenures.has(tenure)) wakeBy(at)
    },
    size: () => tenures.size
  }
}
