/** Sees every step, and objects to what must not be. */
import type { Lease } from "effect-lock"
import type { Lease as HeldLease } from "../../src/internal/engine/lease.ts"
import type { Process, World } from "./world.ts"

export class Violation extends Error {}

/** Work under a lease. */
export interface Section {
  readonly process: Process
  readonly key: string
  readonly lease: HeldLease
  /** It cannot be interrupted, so it cannot be told either. */
  readonly deaf: boolean
  active: boolean
}

/** What the witness asks of the store. */
export interface Truth {
  /** When the store ends the lease, by our clock. */
  readonly endOf: (key: string, token: string) => number
  /** Whether the store ended the lease before its time. */
  readonly isForgotten: (token: string) => boolean
}

/** Alarms ring up to a millisecond after their time. */
const alarmMillis = 1.5

const short = ({ lease: { fencingToken, key, token }, process }: Section) =>
  `${process.name} ${key} ${token.slice(-4)} #${fencingToken}`

const isLost = ({ why }: HeldLease): boolean => why !== undefined && why !== "Released"

export class Witness {
  entered = 0
  told = 0
  objection: string | undefined = undefined
  private readonly sections = new Set<Section>()
  private readonly fences = new Map<string, number>()
  private readonly world: World
  private readonly truth: Truth

  constructor(world: World, truth: Truth) {
    this.world = world
    this.truth = truth
  }

  enter(process: Process, lease: Lease.Lease, deaf: boolean, begunAt: number): Section {
    const section: Section = { process, key: lease.key, lease: lease as unknown as HeldLease, deaf, active: true }
    this.world.log(() => `${short(section)} ENTERS until ${section.lease.deadline.toFixed(3)}`)
    this.entered++
    const { key, lease: { deadline, fencingToken, token } } = section
    // A process may be stopped within its work, until its lease is over.
    const isOver = begunAt < deadline && deadline <= this.world.now
    // A lease that was ended by force before its holder heard of it comes after others.
    if (!isOver && !this.truth.isForgotten(token)) {
      const last = this.fences.get(key) ?? -Infinity
      if (fencingToken <= last) this.object(`fencing token ${fencingToken} after ${last} on ${key}`)
      this.fences.set(key, fencingToken)
    }
    this.sections.add(section)
    return section
  }

  leave(section: Section): void {
    if (!section.active) return
    section.active = false
    this.sections.delete(section)
    if (isLost(section.lease)) this.told++
    this.world.log(() => `${short(section)} leaves`)
  }

  /** After every step. */
  look(): void {
    const holding = new Map<string, Section>()
    for (const section of this.sections) {
      const { key, lease, process } = section
      if (process.crashed) continue
      const { deadline, token, why } = lease
      if (this.world.now >= deadline) {
        if (process.isIdle && !section.deaf && this.world.now > Math.max(deadline, process.busyUntil) + alarmMillis) {
          this.object(`${short(section)} was not told by its deadline ${deadline} (${why ?? "held"})`)
        }
        continue
      }
      if (why !== undefined) continue
      if (this.truth.isForgotten(token)) continue
      const end = this.truth.endOf(key, token)
      if (end < deadline - 0.001) this.object(`${short(section)} believes in ${deadline}, but its lease ends at ${end}`)
      const other = holding.get(key)
      if (other !== undefined) this.object(`${short(section)} and ${short(other)} hold ${key}`)
      holding.set(key, section)
    }
  }

  object(what: string): never {
    this.objection ??= `at ${this.world.now.toFixed(3)}: ${what}`
    throw new Violation(this.objection)
  }
}
