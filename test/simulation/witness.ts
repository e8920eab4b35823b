/** Sees every step, and objects to what must not be. */
import { Duration, Effect } from "effect"
import type { Lock } from "effect-lock"
import type { Call } from "./plan.ts"
import type { Backing, Link } from "./server.ts"
import type { Subject } from "./subject.ts"
import type { Process, World } from "./world.ts"

/** What must hold, in a word each. */
export const rules = {
  overlap: "two are in the section of a key, each within its lease",
  belief: "a holder counts on its lease for longer than the store keeps it",
  over: "work starts under a lease that is over",
  untold: "a lease is over, and its work goes on",
  fence: "a fencing token does not rise",
  length: "an extension that failed is sent again with a renewal",
  outlasts: "a call takes longer than its timeout and a round trip",
  slow: "a call takes too long for what it has left to do",
  clings: "what was interrupted does not end",
  early: "a call gives up before its time",
  refused: "a call does not get a key that nobody else has or wants",
  looksHeld: "a call is told that others have a key that nobody had",
  failed: "a store that answers is said not to",
  lost: "a lease that renews itself is lost though every message arrives",
  asleep: "somebody waits for a key that is free",
  order: "a fiber gets a key before one of its process that came first",
  hangs: "a call never ends",
  orphan: "a key that nobody has stays in the store",
  residue: "something stays in the process",
  result: "a call ends with something else than its work",
  died: "a call dies of what is not its work's",
  uncaught: "the process would have ended by an exception",
  after: "a lease that was given back is still good",
  context: "a store's operation sees the services of a caller",
  closing: "closing takes too long, or fails",
  options: "options are judged wrongly"
} as const

export type Rule = keyof typeof rules

/** A process, and what it locks with. */
export interface Host {
  readonly process: Process
  readonly link: Link
  readonly subject: Subject
  /** Scripts that have not come to their end. */
  scripts: number
  closed: boolean
}

/** Work under a lease. */
export interface Section {
  readonly host: Host
  readonly key: string
  readonly name: string
  /** For how long it was asked for. */
  readonly expires: number
  readonly lease: Lock.Lease
  /** Whose lease it is in the store, as far as that can be told. */
  readonly token: string | undefined
  /** It is in a part that cannot be interrupted, or it is up to others when it ends. */
  deaf: number
  /** The deadline last seen. */
  deadline: number
  /** When it was first seen to be over. */
  overAt: number | undefined
  /** Its work has ended; its finalizers may still run. */
  ended: boolean
}

/** Alarms ring up to a millisecond after their time. */
const alarmMillis = 1.5

export class Witness {
  entered = 0
  told = 0
  objection: { readonly rule: Rule; readonly text: string } | undefined = undefined
  readonly sections = new Set<Section>()
  private readonly fences = new Map<string, number>()
  private readonly world: World
  private readonly backing: Backing
  private readonly only: ((rule: Rule) => boolean) | undefined

  constructor(world: World, backing: Backing, only: ((rule: Rule) => boolean) | undefined) {
    this.world = world
    this.backing = backing
    this.only = only
  }

  /** `fresh` says that nothing could come between taking the lease and this. */
  enter(host: Host, lease: Lock.Lease, { expires, id }: Call, deaf: boolean, fresh: boolean): Section {
    const { fencingToken, key } = lease
    const left = this.remaining(host, lease)
    const section: Section = {
      host,
      key,
      name: `#${id}`,
      expires,
      lease,
      token: this.backing.tokenOf(key, fencingToken) ?? (left > 0 ? this.backing.holder(key) : undefined),
      deaf: deaf ? 1 : 0,
      deadline: host.process.now + left,
      overAt: undefined,
      ended: false
    }
    this.world.log(() => `${this.show(section)} ENTERS until ${section.deadline.toFixed(3)}`)
    this.entered++
    if (!Number.isSafeInteger(fencingToken)) this.object("fence", `${this.show(section)} is no token`)
    if (fresh && left === 0 && !host.closed && !this.isForgotten(section)) this.object("over", this.show(section))
    // A lease that was ended by force before its holder heard of it comes after others, and so may one that is over.
    if (left > 0 && !this.isForgotten(section)) {
      const last = this.fences.get(key) ?? -Infinity
      if (fencingToken <= last) this.object("fence", `${this.show(section)} after ${last}`)
      this.fences.set(key, Math.max(last, fencingToken))
    }
    this.sections.add(section)
    return section
  }

  leave(section: Section): void {
    if (!this.sections.delete(section)) return
    if (section.overAt !== undefined) this.told++
    this.world.log(() => `${this.show(section)} leaves`)
  }

  /** After every step. */
  look(): void {
    const holding = new Map<string, Array<Section>>()
    for (const section of this.sections) {
      const { process } = section.host
      if (process.crashed) continue
      if (!process.isBlocked) this.lookAt(section)
      // One that is told early is in the section until its work has ended, finalizers and all, or its time is over.
      if (this.world.now >= section.deadline || this.isForgotten(section)) continue
      const others = holding.get(section.key) ?? []
      for (const other of others) {
        // A process that is busy is ahead of the others, and may have seen the end of a lease.
        const now = other.host.process === process ? process.now : this.world.now
        if (now < Math.min(section.deadline, other.deadline)) {
          this.object("overlap", `${this.show(section)} and ${this.show(other)}`)
        }
      }
      holding.set(section.key, [...others, section])
    }
  }

  private lookAt(section: Section): void {
    const { host, lease } = section
    const { now } = host.process
    const left = this.remaining(host, lease)
    if (left > 0) {
      section.deadline = now + left
      // An extension may be answered between the end of a lease and the alarm.
      section.overAt = undefined
      const end = section.token === undefined ? Infinity : this.backing.endOf(section.key, section.token)
      if (end < section.deadline - 0.001 && !this.isForgotten(section)) {
        this.object("belief", `${this.show(section)} believes in ${section.deadline}, but its lease ends at ${end}`)
      }
      return
    }
    section.overAt ??= now
    const since = Math.max(section.overAt, host.process.busyUntil)
    if (!section.ended && section.deaf === 0 && host.process.isIdle && now > since + alarmMillis) {
      this.object("untold", `${this.show(section)} goes on since ${section.overAt}`)
    }
  }

  remaining({ process }: Host, lease: Lock.Lease): number {
    return Duration.toMillis(Effect.runSyncWith(process.context)(lease.remaining))
  }

  isForgotten({ token }: Section): boolean {
    return token !== undefined && this.backing.forgotten.has(token)
  }

  private show({ host, key, lease: { fencingToken }, name, token }: Section): string {
    const whose = token === undefined ? "" : ` ${this.world.alias(token)}`
    return `${host.process.name} ${name} ${key}${whose} fence ${fencingToken}`
  }

  /** The first counts. It ends the world when its step is over, since inside a fiber a throw would be part of the play. */
  object(rule: Rule, text: string): void {
    if (this.only?.(rule) === false) return
    this.objection ??= { rule, text: `at ${this.world.now.toFixed(3)}: ${text} (${rules[rule]})` }
  }
}
