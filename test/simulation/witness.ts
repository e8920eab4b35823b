/** Sees every step, and objects to what must not be. */
import { Duration, Effect } from "effect"
import type { Lock, LockStore } from "effect-lock"
import type { Call } from "./plan.ts"
import type { Backing, Link } from "./server.ts"
import { type Subject, tokenOf } from "./subject.ts"
import type { Process, World } from "./world.ts"

/** What must hold, in a word each. */
export const rules = {
  overlap: "more are in the section of a key, each within its lease, than may be",
  belief: "a holder counts on its lease for longer than the store keeps it",
  over: "work starts under a lease that is over",
  stay: "a key is free before its time",
  unsupported: "a store is asked for what it cannot do",
  events: "what happens is told wrongly",
  untold: "a lease is over, and its work goes on",
  fence: "a fencing token does not rise",
  length: "an extension that failed is sent again with a renewal",
  outlasts: "a call takes longer than its timeout and a round trip",
  slow: "a call takes too long for what it has left to do",
  clings: "what was interrupted does not end",
  early: "a call gives up before its time",
  refused: "a call does not get a key that nobody else has or wants",
  looksHeld: "a call is told that others have a key that nobody had",
  looksFree: "a call is told that a key is free which others had all the time",
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
  readonly share: LockStore.Share | undefined
  readonly lease: Lock.Lease
  /** Whose lease it is in the store. */
  readonly token: string
  /** Which of all grants it was: who came before those of other sections. Undefined if that cannot be told. */
  readonly order: number | undefined
  /** When the lease began, at the latest: by what was left of it when the work began. */
  readonly takenAt: number
  /** It is in a part that cannot be interrupted, or it is up to others when it ends. */
  deaf: number
  /** The deadline last seen. */
  deadline: number
  /** When it was first seen to be over. */
  overAt: number | undefined
  /** Its work has ended; its finalizers may still run. */
  ended: boolean
}

/** What a section needs to know of its call. */
type Entering = Pick<Call, "id" | "atLeast" | "expires" | "share">

const isBefore = (one: Section, other: Section): boolean => {
  if (one.order !== undefined && other.order !== undefined) return one.order < other.order
  const [first = 0, second = 0] = [one.share?.limit, other.share?.limit]
  return first < second || (first === second && one.lease.fencingToken < other.lease.fencingToken)
}

/** Alarms ring up to a millisecond after their time. */
const alarmMillis = 1.5

export class Witness {
  entered = 0
  told = 0
  objection: { readonly rule: Rule; readonly text: string } | undefined = undefined
  readonly sections = new Set<Section>()
  /** The last fencing token of each key, and that of the last who had it alone. */
  private readonly fences = new Map<string, { any: number; alone: number }>()
  private readonly world: World
  private readonly backing: Backing
  private readonly only: ((rule: Rule) => boolean) | undefined

  constructor(world: World, backing: Backing, only: ((rule: Rule) => boolean) | undefined) {
    this.world = world
    this.backing = backing
    this.only = only
  }

  /** `fresh` says that nothing could come between taking the lease and this. */
  enter(
    host: Host,
    lease: Lock.Lease,
    { atLeast, expires, id, share }: Entering,
    deaf: boolean,
    fresh: boolean
  ): Section {
    const { fencingToken, key } = lease
    const left = this.remaining(host, lease)
    const token = this.backing.tokenOf(key, fencingToken) ?? tokenOf(lease)
    const section: Section = {
      host,
      key,
      name: `#${id}`,
      expires,
      share,
      lease,
      token,
      order: this.backing.orderOf(key, token),
      takenAt: host.process.now + Math.min(0, left - Math.max(expires, atLeast)),
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
      const last = this.fences.get(key) ?? { any: -Infinity, alone: -Infinity }
      // Those who share a key have theirs in any order, after whoever had it alone.
      const before = share === undefined ? last.any : last.alone
      if (fencingToken <= before) this.object("fence", `${this.show(section)} after ${before}`)
      this.fences.set(key, {
        any: Math.max(last.any, fencingToken),
        alone: share === undefined ? fencingToken : last.alone
      })
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
      this.lookBeside(section, others)
      holding.set(section.key, [...others, section])
    }
    for (const sections of holding.values()) if (sections.length > 1) this.count(sections)
  }

  /** A process that is busy is ahead of the others, and may have seen the end of a lease. */
  private areBoth(one: Section, other: Section): boolean {
    const now = other.host.process === one.host.process ? one.host.process.now : this.world.now
    return now < Math.min(one.deadline, other.deadline)
  }

  /** Who has a key alone has it alone. */
  private lookBeside(section: Section, others: ReadonlyArray<Section>): void {
    for (const other of others) {
      const areSharing = section.share !== undefined && other.share !== undefined
      if (!areSharing && this.areBoth(section, other)) {
        this.object("overlap", `${this.show(section)} and ${this.show(other)}`)
      }
    }
  }

  /**
   * With those who were there before it, nobody's limit is exceeded. Those of one token have their permits in
   * common. Where nobody knows who came before whom, the smaller limits did, if any order would do.
   */
  private count(sections: ReadonlyArray<Section>): void {
    for (const section of sections) {
      const { share, token } = section
      if (share === undefined) continue
      const before = new Map(
        sections
          .filter((other) => other.token !== token && isBefore(other, section) && this.areBoth(section, other))
          .map((other) => [other.token, other])
      )
      let used = share.permits
      for (const other of before.values()) used += other.share?.permits ?? 0
      if (used <= share.limit) continue
      const who = Array.from(before.values(), (other) => this.show(other)).join(", ")
      this.object("overlap", `${this.show(section)} of ${share.limit}, beside ${who}`)
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
      const end = this.backing.endOf(section.key, section.token)
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
    return this.backing.forgotten.has(token)
  }

  private show({ host, key, lease: { fencingToken }, name, token }: Section): string {
    return `${host.process.name} ${name} ${key} ${this.world.alias(token)} fence ${fencingToken}`
  }

  /** The first counts. It ends the world when its step is over, since inside a fiber a throw would be part of the play. */
  object(rule: Rule, text: string): void {
    if (this.only?.(rule) === false) return
    this.objection ??= { rule, text: `at ${this.world.now.toFixed(3)}: ${text} (${rules[rule]})` }
  }
}
