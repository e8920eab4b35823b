/** What a run leaves behind: the lines of the workers, and what the nemeses did. Times in milliseconds. */
import { readFileSync } from "node:fs"

/** A worker's stay in a critical section. */
export interface Section {
  readonly id: string
  readonly worker: string
  readonly key: string
  readonly fence: number
  /** How it shares its key; without, it has it alone. */
  readonly share: { readonly permits: number; readonly limit: number } | undefined
  readonly startedAt: number
  readonly enteredAt: number
  /** The holder's own deadline, as it last knew it; before it entered if its process stood still in between. */
  deadline: number
  /** When the work had ended; for a killed worker, when it was dead. */
  endedAt: number
  how: "done" | "told" | "killed"
  /** When the number in the file was read, and when the next was written. */
  readAt: number | undefined
  writtenAt: number | undefined
  value: number | undefined
}

/** One call of the library. */
export interface Operation {
  readonly id: string
  readonly worker: string
  readonly key: string
  readonly startedAt: number
  readonly timeout: number
  endedAt: number | undefined
  result: string | undefined
}

export interface Span {
  readonly from: number
  readonly to: number
}

/** What a nemesis did. */
export interface Strike extends Span {
  readonly name: string
  /** The server lost locks, or whole ranges of what it had been told. */
  readonly forgets: boolean
  /** Requests or replies could not get through. */
  readonly cutsOff: boolean
}

export interface Death {
  readonly worker: string
  readonly from: number
  readonly to: number
}

interface Worker {
  readonly name: string
  /** Times at which it did not run. */
  readonly gaps: ReadonlyArray<Span>
  readonly complaints: ReadonlyArray<string>
  readonly saidBye: boolean
}

export interface Recording {
  readonly workers: ReadonlyArray<Worker>
  readonly operations: ReadonlyArray<Operation>
  readonly sections: ReadonlyArray<Section>
  readonly strikes: ReadonlyArray<Strike>
  readonly deaths: ReadonlyArray<Death>
  readonly expires: number
  /** How long the engine waits for a reply. */
  readonly patience: number
  /** How long a client may take to notice that its connection is dead, and to connect anew. */
  readonly recovery: number
  /** How much longer than `expires` the server keeps a lease. */
  readonly overtime: number
  /** When the workers were told to stop. */
  readonly stoppedAt: number
}

interface Parsed {
  readonly worker: Worker
  readonly operations: ReadonlyArray<Operation>
  readonly sections: ReadonlyArray<Section>
}

type Line = readonly [kind: string, at: number, ...rest: ReadonlyArray<never>]

/** How much later than it should a process that runs may say something. */
const mostBetween = 75

/** Reads the log of one worker; a last line that a SIGKILL cut short is left out. */
export const readLog = (name: string, path: string, death: Death | undefined, expires: number): Parsed => {
  const operations = new Map<string, Operation>()
  const sections = new Map<string, Section>()
  const gaps: Array<Span> = []
  const complaints: Array<string> = []
  let saidBye = false
  let last = 0
  for (const text of readFileSync(path, "utf8").split("\n").slice(0, -1)) {
    const [kind, at, ...rest] = JSON.parse(text) as Line
    last = at
    if (kind === "gap") gaps.push({ from: at, to: rest[0] })
    if (kind === "unhandled" || kind === "warning") complaints.push(`${name}: ${kind}: ${String(rest[0])}`)
    if (kind === "bye") {
      saidBye = true
      if (rest[0] !== "ok") complaints.push(`${name} ended: ${String(rest[0])}`)
    }
    const [id] = rest as ReadonlyArray<string>
    const section = sections.get(id)
    const operation = operations.get(id)
    if (kind === "start") {
      const [, key, timeout] = rest
      operations.set(id, { id, worker: name, key, startedAt: at, timeout, endedAt: undefined, result: undefined })
    }
    if (kind === "enter") {
      const [, key, fence, deadline, share] = rest
      sections.set(id, {
        id,
        worker: name,
        key,
        fence,
        share: share ?? undefined,
        startedAt: operation!.startedAt,
        enteredAt: at,
        deadline,
        // Dead from the signal on: others may know it before we are told.
        endedAt: death === undefined ? Infinity : Math.max(at, death.from),
        how: "killed",
        readAt: undefined,
        writtenAt: undefined,
        value: undefined
      })
    }
    if (section !== undefined) {
      if (kind === "lease") section.deadline = Math.max(section.deadline, rest[1])
      if (kind === "writing") {
        section.readAt = at
        section.value = rest[1]
      }
      if (kind === "written") section.writtenAt = at
      if (kind === "exit") {
        section.endedAt = at
        section.how = rest[1]
      }
    }
    if (kind === "end" && operation !== undefined) {
      operation.endedAt = at
      operation.result = rest[1]
    }
  }
  // While a section lasts its process says so again and again, until its deadline: it did not run when it was killed.
  const isSilent = ({ deadline, how }: Section) => how === "killed" && last + expires / 8 + mostBetween < deadline
  if (death !== undefined && Array.from(sections.values()).some(isSilent)) gaps.push({ from: last, to: death.to })
  for (const section of sections.values()) {
    // Nothing was left of the lease when it entered, so it ended while the process stood still.
    const { deadline, enteredAt } = section
    const gap = gaps.findLast(({ from, to }) => from < enteredAt && to > enteredAt - 20)
    if (deadline - enteredAt < 1 && gap !== undefined) section.deadline = Math.min(deadline, gap.from)
  }
  return {
    worker: { name, gaps, complaints, saidBye },
    operations: Array.from(operations.values()),
    sections: Array.from(sections.values())
  }
}
