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
import * as Exit from "effect/Exit"
import type { Alarm } from "./alarms.ts"
import type { Engine } from "./engine.ts"
import type { Tenure } from "./tenure.ts"

/** Renewals this much of a lease ahead of their time join a batch that goes out anyway. */
const ahead = 1 / 30

/** No two renewals of a tenure are closer than this. */
const minGapMillis = 5

export class Keeper {
  private readonly engine: Engine
  private readonly tenures = new Set<Tenure>()
  private alarm: Alarm | undefined = undefined

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
    if (this.tenures.size === 0 && this.alarm !== undefined) {
      this.engine.alarms.cancel(this.alarm)
      this.alarm = undefined
    }
  }

  /** The tenure's times have changed. */
  update(tenure: Tenure): void {
    if (this.tenures.has(tenure)) this.wakeBy(Math.min(tenure.renewAt, tenure.deadline))
  }

  private wakeBy(at: number): void {
    if (this.alarm !== undefined) {
      if (this.alarm.at <= at) return
      this.engine.alarms.cancel(this.alarm)
    }
    this.alarm = this.engine.alarms.set(at, this.tick)
  }

  private readonly tick = (): void => {
    this.alarm = undefined
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
    const { store } = this.engine
    const holdings = due.map((tenure) => this.engine.holding(tenure))
    const { extendAll } = store
    if (extendAll !== undefined && due.length > 1) {
      this.engine.sendExtension(due, Effect.suspend(() => extendAll(holdings)), (exit) => {
        for (let i = 0; i < due.length; i++) {
          this.engine.extended(due[i], sentAt, holdings[i].expiresMillis, Exit.map(exit, (answers) => answers[i]))
        }
      })
    } else {
      for (let i = 0; i < due.length; i++) {
        this.engine.sendExtension(
          [due[i]],
          Effect.suspend(() => store.extend(holdings[i])),
          (exit) => this.engine.extended(due[i], sentAt, holdings[i].expiresMillis, exit)
        )
      }
    }
  }
}
