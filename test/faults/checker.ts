/**
 * Judges a recording. What a fault explains is counted; what nothing explains is
 * a violation. An explanation is always an event that was recorded: the store
 * forgot, or the holder's process did not run.
 */
import type { Operation, Recording, Section, Span } from "./record.ts"

interface Counts {
  readonly operations: number
  readonly sections: number
  readonly told: number
  readonly timeouts: number
  readonly failures: number
  readonly kills: number
  readonly strikes: number
  /** Two holders because the store had lost the lock, until the first one's renewal told it. */
  overlapsForgotten: number
  /** Two holders because the first one's process did not run when its deadline passed. */
  overlapsPaused: number
  /** Updates lost by either of them. All of them came with a lower fencing token. */
  lostUpdates: number
  /** Longest time from a holder's death to the next holder, while somebody waited. */
  takeOver: number
  /** Longest wait for a lock that was got in the end. */
  longestWait: number
}

export interface Verdict {
  readonly counts: Counts
  readonly violations: ReadonlyArray<string>
}

/** What timers, the scheduler of a busy machine and writing to a log may cost. */
const slack = 75

/** From the end of a lease to the next look: the jitter of stores that tell, the longest pause of those that poll. */
const wakeUp = 400

/** When callers who lose patience have lost it, at the latest. Interrupted, a call may wait for one more answer. */
const longestPatience = 300

const overlap = (a: Span, b: Span): number => Math.min(a.to, b.to) - Math.max(a.from, b.from)

const total = (spans: ReadonlyArray<Span>, within: Span): number =>
  spans.reduce((sum, span) => sum + Math.max(0, overlap(span, within)), 0)

/** How much of a time is covered by spans, which may overlap each other. */
const covered = (spans: ReadonlyArray<Span>, within: Span): number => {
  let end = within.from
  let sum = 0
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    const last = Math.min(to, within.to)
    sum += Math.max(0, last - Math.max(from, end))
    end = Math.max(end, last)
  }
  return sum
}

const show = ({ deadline, endedAt, enteredAt, fence, how, id, key }: Section): string =>
  `${id} on ${key} #${fence} ${enteredAt.toFixed(1)}..${endedAt.toFixed(1)} (${how}, deadline ${deadline.toFixed(1)})`

export const check = (recording: Recording): Verdict => {
  const { deaths, expires, operations, overtime, patience, recovery, sections, strikes, workers } = recording
  const violations: Array<string> = workers.flatMap(({ complaints }) => complaints)
  const gapsOf = new Map(workers.map(({ gaps, name }) => [name, gaps]))
  const forgetting = strikes.filter(({ forgets }) => forgets)
  const counts: Counts = {
    operations: operations.length,
    sections: sections.length,
    told: operations.filter(({ result }) => result === "LockLost").length,
    timeouts: operations.filter(({ result }) => result === "LockTimeout").length,
    failures: operations.filter(({ result }) => result?.startsWith("BackendFailure")).length,
    kills: deaths.length,
    strikes: strikes.length,
    overlapsForgotten: 0,
    overlapsPaused: 0,
    lostUpdates: 0,
    takeOver: 0,
    longestWait: 0
  }

  /**
   * Whether the store forgot the first one's lock after it was last claimed or
   * renewed, and before the other got it. A renewal after that would have been told.
   */
  const forgottenBetween = (first: Section, second: Section): boolean =>
    forgetting.some(({ from, to }) => first.deadline - expires <= to && second.enteredAt >= from)

  /** How long the work went on after its deadline although its process ran. */
  const lateness = ({ deadline, endedAt, worker }: Section): number =>
    endedAt - deadline - total(gapsOf.get(worker) ?? [], { from: deadline, to: endedAt })

  /** Its process stood still between being given the lock and using it, until that was over. */
  const cameLate = ({ deadline, enteredAt }: Section): boolean => deadline < enteredAt

  const cutOffs = strikes.flatMap(({ cutsOff, from, to }) => cutsOff ? { from, to: to + recovery } : [])

  /** Those who wait when the workers are told to stop wait on. */
  const end = Math.max(recording.stoppedAt, ...operations.map(({ endedAt }) => endedAt ?? 0))

  const sectionOf = new Map(sections.map((section) => [section.id, section]))
  const explained = new Set<Section>()

  for (const key of new Set(operations.map(({ key }) => key))) {
    const list = sections.filter((section) => section.key === key).toSorted((a, b) => a.enteredAt - b.enteredAt)
    for (let i = 0; i < list.length; i++) {
      for (let j = i + 1; j < list.length; j++) {
        const first = list[i]
        const second = list[j]
        if (second.enteredAt >= first.endedAt || (first.share !== undefined && second.share !== undefined)) continue
        // Who came first may have the newer lease: a fiber that inherits one comes late.
        const [older, newer] = first.fence < second.fence ? [first, second] : [second, first]
        const within = Math.min(first.deadline, first.endedAt) > second.enteredAt && !cameLate(second)
        if (within && forgottenBetween(older, newer)) counts.overlapsForgotten++
        else if (within) {
          violations.push(`two holders: ${show(first)} and ${show(second)}`)
          continue
        } else {
          const late = lateness(cameLate(second) ? second : first)
          if (late <= slack) counts.overlapsPaused++
          else violations.push(`told ${late.toFixed(0)} ms late, two holders: ${show(first)} and ${show(second)}`)
        }
        explained.add(first).add(second)
      }
    }
    limits(list)
    fences(list)
    updates(list)
    takeOvers(key, list)
  }

  /** No more permits than the limit, unless the store forgot some, or somebody came late. */
  function limits(list: ReadonlyArray<Section>): void {
    for (const section of list) {
      const { enteredAt, share } = section
      if (share === undefined) continue
      const beside = list.filter((other) =>
        other !== section && other.share !== undefined && other.enteredAt <= enteredAt &&
        enteredAt < Math.min(other.deadline, other.endedAt)
      )
      const used = beside.reduce((sum, other) => sum + other.share!.permits, share.permits)
      if (used <= share.limit) continue
      if (beside.some((other) => forgottenBetween(other, section))) counts.overlapsForgotten++
      else if (cameLate(section) || beside.some(cameLate)) counts.overlapsPaused++
      else violations.push(`more than ${share.limit}: ${show(section)} beside ${beside.map(show).join()}`)
    }
  }

  /** Each is above those that it must not have been in with. */
  function fences(list: ReadonlyArray<Section>): void {
    let highestAlone: Section | undefined
    let highestOfAll: Section | undefined
    for (const section of list) {
      const highest = section.share === undefined ? highestOfAll : highestAlone
      if (section.fence > (highestOfAll?.fence ?? -Infinity)) highestOfAll = section
      if (highest !== undefined && section.fence <= highest.fence) {
        // It was given the lock first and learned of it last.
        const late = section.fence < highest.fence && (forgottenBetween(section, highest) || cameLate(section))
        if (!late) violations.push(`fencing tokens: ${show(section)} after ${show(highest)}`)
      } else if (section.share === undefined) highestAlone = section
    }
  }

  /** An update is lost when another one was written between its reading and its writing. */
  function updates(list: ReadonlyArray<Section>): void {
    const writers = list.filter(({ writtenAt }) => writtenAt !== undefined)
    for (const writer of writers) {
      for (const other of writers) {
        if (other === writer) continue
        if (other.writtenAt! <= writer.readAt! || other.writtenAt! >= writer.writtenAt!) continue
        counts.lostUpdates++
        // Whoever came later has the higher token, so storage that looks at it loses nothing.
        if (!explained.has(writer) && !explained.has(other)) {
          violations.push(`lost update: ${show(writer)} and ${show(other)}`)
        }
      }
    }
  }

  /** Nobody wants for a lock that nobody has, for longer than a lease of the dead and a wake-up. */
  function takeOvers(key: string, list: ReadonlyArray<Section>): void {
    let free = 0
    let last: Section | undefined
    const entries = [...list.map((section) => ({ at: section.enteredAt, section })), {
      at: end,
      section: undefined
    }]
    const waits = operations.flatMap((operation) => {
      const wait = { from: operation.startedAt, to: sectionOf.get(operation.id)?.enteredAt ?? endOf(operation) }
      return operation.timeout > 0 && operation.key === key ? wait : []
    })
    for (const { at, section } of entries) {
      const gap = { from: free, to: at }
      const millis = covered(waits, gap)
      if (millis > 0) {
        if (last?.how === "killed") counts.takeOver = Math.max(counts.takeOver, millis)
        const cutOff = covered(cutOffs, gap)
        const paused = pausedIn(gap)
        // Whoever died, stood still or was cut off while it was given the lock, keeps it for a lease.
        const died = Math.min(2, deaths.filter((death) => overlap(death, { from: free - expires, to: at }) >= 0).length)
        const leases = (died + (cutOff + paused > slack ? 1 : 0)) * (expires + overtime)
        const hindered = cutOff + paused
        if (millis > leases + hindered + wakeUp + slack) {
          const next = section === undefined ? "the end" : show(section)
          violations.push(
            `stuck: free for ${millis.toFixed(0)} ms until ${next}, last ${last === undefined ? "nobody" : show(last)}`
          )
        }
      }
      if (section !== undefined && section.endedAt > free) {
        free = section.endedAt
        last = section
      }
    }
  }

  function endOf({ endedAt, worker }: Operation): number {
    return endedAt ?? deathOf(worker) ?? recording.stoppedAt
  }

  function deathOf(worker: string): number | undefined {
    return deaths.find((death) => death.worker === worker)?.to
  }

  function pausedIn(window: Span): number {
    return Math.max(0, ...workers.map(({ gaps }) => total(gaps, window)))
  }

  for (const section of sections) {
    counts.longestWait = Math.max(counts.longestWait, section.enteredAt - section.startedAt)
    if (section.how === "killed" && deathOf(section.worker) === undefined) {
      violations.push(`never left: ${show(section)}`)
    }
    // Told in time, unless the process did not run then.
    const late = lateness(section)
    if (section.how !== "killed" && late > slack) violations.push(`told ${late.toFixed(0)} ms late: ${show(section)}`)
  }

  for (const operation of operations) inTime(operation)

  function inTime({ endedAt, id, key, result, startedAt, timeout, worker }: Operation): void {
    const gaps = gapsOf.get(worker) ?? []
    const late = (from: number, to: number, allowed: number) => to - from - total(gaps, { from, to }) - allowed - slack
    const section = sectionOf.get(id)
    const over = endedAt ?? deathOf(worker) ?? recording.stoppedAt
    const name = `${id} on ${key} (${result ?? "unfinished"}, timeout ${timeout})`
    const limit = result === "interrupted" ? Math.max(timeout, longestPatience) : timeout
    const waited = late(startedAt, section?.enteredAt ?? over, limit + patience)
    if (waited > 0) violations.push(`outlived its timeout by ${waited.toFixed(0)} ms: ${name}`)
    if (section !== undefined && section.endedAt < over) {
      const released = late(section.endedAt, over, 2 * patience)
      if (released > 0) violations.push(`its release took ${released.toFixed(0)} ms too long: ${name}`)
    }
    if (endedAt === undefined && deathOf(worker) === undefined) violations.push(`never ended: ${name}`)
    if (result?.startsWith("died") === true || result === "InvalidOptions") violations.push(`${name}`)
  }

  return { counts, violations }
}
