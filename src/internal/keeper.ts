/**
 * Keeps leases alive: renews every tenure at a third of its lease, all that are
 * due in one go, and gives up on those whose deadline has passed. It has one
 * alarm however many tenures it keeps, and none when it keeps none.
 *
 * A renewal that fails or stays unanswered changes nothing: it is tried again
 * after a third of what is left, and in the end the deadline decides
 * (compare Medallion's `LeaseMonitor`: only "renewed" resets the clock).
 */
import * as Effect from "effect/Effect"
import type { Alarm } from "./alarms.ts"
import type { Engine } from "./engine.ts"
import type { Tenure } from "./tenure.ts"

/** Renewals this much of a lease ahead of their time join a batch that goes out anyway. */
const ahead = 1 / 30

/** No two renewals of a tenure are closer than this. */
const minGapMillis = 5

export class Keeper implements Alarm {
  index = -1
  private at = Infinity
  private readonly engine: Engine
  private readonly tenures = new Set<Tenure>()

  constructor(engine: Engine) {
    this.engine = engine
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
    if (this.tenures.size === 0) this.engine.alarms.cancel(this)
  }

  /** The tenure's times have changed. */
  update(tenure: Tenure): void {
    const at = Math.min(tenure.renewAt, tenure.deadline)
    if ((this.index === -1 || at < this.at) && this.tenures.has(tenure)) this.wakeBy(at)
  }

  private wakeBy(at: number): void {
    if (this.index !== -1) {
      if (this.at <= at) return
      this.engine.alarms.cancel(this)
    }
    this.at = at
    this.engine.alarms.set(this, at)
  }

  ring(): void {
    const now = this.engine.alarms.now()
    const due: Array<Tenure> = []
    let next = Infinity
    let renewing = false
    for (const tenure of this.tenures) {
      if (tenure.deadline <= now) this.engine.lose(tenure, "Expired")
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

  private renew(due: ReadonlyArray<Tenure>, sentAt: number): void {
    const { engine } = this
    const { store } = engine
    const holdings = due.map((tenure) => engine.holding(tenure))
    const millis = due.map((tenure) => tenure.extensionMillis)
    const { extendAll } = store
    if (extendAll !== undefined && due.length > 1) {
      engine.sendExtension(due, Effect.suspend(() => extendAll(holdings)), (answers) => {
        for (let i = 0; i < due.length; i++) engine.extended(due[i], sentAt, millis[i], answers[i])
      })
    } else {
      for (let i = 0; i < due.length; i++) {
        engine.sendExtension(
          [due[i]],
          Effect.suspend(() => store.extend(holdings[i])),
          (extended) => engine.extended(due[i], sentAt, millis[i], extended)
        )
      }
    }
  }
}
