/**
 * Changes of rows that one statement cannot express: the row is read, a copy is changed (see
 * `sharing.ts`), and the copy is written if nobody has changed the row meanwhile (optimistic
 * locking); otherwise the row is read again. A claim that is refused and changes nothing writes nothing.
 *
 * A process changes a row once at a time. Calls that arrive meanwhile are all applied in the next
 * change: many that share a key share the commit, too.
 */
import { numberOf } from "./answers.ts"
import * as Batches from "./batches.ts"
import * as Failure from "./failure.ts"
import type { Row } from "./link.ts"
import type { Server } from "./server.ts"
import * as Sharing from "./sharing.ts"

type OnEnd<A> = (answer: A | undefined, error: unknown) => void

export interface Edits {
  /**
   * Applies the change to the row, and reports what `apply` returned once the row is written.
   * `apply` may be called with several copies, of which one counts.
   */
  readonly run: <A>(row: string, apply: (row: Sharing.Row) => A, onEnd: OnEnd<A>) => void
}

interface Asked {
  readonly apply: (row: Sharing.Row) => unknown
  readonly onEnd: (answer: unknown, error: unknown) => void
}

interface Edit {
  readonly row: string
  /** The changes that are not applied yet. */
  asked: Array<Asked>
  /** The changes in flight, with their answers. */
  out: Array<{ readonly asked: Asked; readonly answer: unknown }>
  copy: Sharing.Row | undefined
  tries: number
  /** When the first try was made. */
  since: number
}

/**
 * A row that was changed or locked by somebody else is read again after about so many milliseconds,
 * since that lasts as long as a commit; the last pause repeats. If many change the row, one of them
 * always succeeds, so the others retry often.
 */
const pauses = [1, 2, 3, 5, 10, 20]
/** Only after so many tries and milliseconds is the row considered to be kept locked. */
const leastTries = 10
const leastMillis = 400

const texts = (value: unknown): ReadonlyArray<string> | undefined => {
  const parsed: unknown = typeof value === "string" ? JSON.parse(value) : undefined
  return Array.isArray(parsed) ? parsed.map(String) : undefined
}

/** A row of `read`. */
export const foundOf = ([, version, token, fence, end, queue, sharers, now]: Row): Sharing.Found | undefined => {
  const at = numberOf(now)
  if (!Number.isSafeInteger(at)) return undefined
  if (version === null) {
    return { version: "", token: "", fence: numberOf(fence), end: 0, queue: [], sharers: [], now: at }
  }
  const found = {
    version: String(version),
    token: String(token),
    fence: numberOf(fence),
    end: numberOf(end),
    queue: texts(queue),
    sharers: texts(sharers),
    now: at
  }
  const isUnderstood = Number.isSafeInteger(found.fence) && Number.isSafeInteger(found.end) &&
    found.queue !== undefined && found.sharers !== undefined
  return isUnderstood ? found as Sharing.Found : undefined
}

/** As a literal of an array. */
const array = (entries: ReadonlyArray<string>): string =>
  `{${entries.map((entry) => `"${entry.replace(/["\\]/g, "\\$&")}"`).join()}}`

export const make = ({ ask, later, latest, now, serverClock, statements }: Server): Edits => {
  const edits = new Map<string, Edit>()

  const next = (edit: Edit): void => {
    edit.out = []
    edit.copy = undefined
    edit.tries = 0
    edit.since = now()
    if (edit.asked.length > 0) reads.add(edit)
    else edits.delete(edit.row)
  }

  const end = (edit: Edit): void => {
    const { out } = edit
    next(edit)
    for (const { answer, asked } of out) asked.onEnd(answer, undefined)
  }

  const fail = (edit: Edit, error: unknown): void => {
    const failed = [...edit.out.map(({ asked }) => asked), ...edit.asked]
    edit.asked = []
    next(edit)
    for (const { onEnd } of failed) onEnd(undefined, error)
  }

  const again = (edit: Edit): void => {
    edit.asked = [...edit.out.map(({ asked }) => asked), ...edit.asked]
    edit.out = []
    if (edit.tries >= leastTries && now() - edit.since > leastMillis) return fail(edit, new Failure.Locked())
    const pause = pauses[Math.min(edit.tries++, pauses.length - 1)]
    later(pause * (0.5 + Math.random()), () => reads.add(edit))
  }

  const reads = Batches.make<Edit>((batch, landed) => {
    const sentAt = now()
    ask(statements.read, [batch.map(({ row }) => row)], (rows, error) => {
      landed()
      const found = new Map(rows?.map((row) => [row[0], foundOf(row)]))
      for (const edit of batch) {
        const row = found.get(edit.row)
        if (row === undefined) {
          fail(edit, error ?? new Failure.Strange())
          continue
        }
        serverClock.observe(sentAt, now(), row.now)
        const copy = edit.copy = new Sharing.Row(row)
        edit.out = edit.asked.map((asked) => ({ asked, answer: asked.apply(copy) }))
        edit.asked = []
        if (copy.isChanged) writes.add(edit)
        else end(edit)
      }
    })
  })

  const writes = Batches.make<Edit>((batch, landed) => {
    const copies = batch.map(({ copy, row }) => ({ row, copy: copy! }))
    const messages = copies.flatMap(({ copy, row }) =>
      copy.heard.map(({ channel, fence, leaseMillis, token }) => ({
        row,
        channel,
        text: `1 ${token} ${fence} ${copy.found.now} ${leaseMillis} ${row}`
      }))
    )
    const parameters = [
      copies.map(({ row }) => row),
      copies.map(({ copy }) => copy.found.version),
      copies.map(({ copy }) => copy.token),
      copies.map(({ copy }) => String(copy.fence)),
      copies.map(({ copy }) => String(copy.end)),
      copies.map(({ copy }) => array(copy.queue)),
      copies.map(({ copy }) => array(copy.entries)),
      copies.map(({ copy }) => copy.isGivenAway ? "1" : "0"),
      latest(),
      copies.some(({ copy }) => copy.given) ? "0" : "1",
      messages.map(({ row }) => row),
      messages.map(({ channel }) => channel),
      messages.map(({ text }) => text)
    ]
    ask(statements.write, parameters, (rows, error) => {
      landed()
      const written = new Set(rows?.map(([row]) => row))
      for (const edit of batch) {
        if (rows === undefined) fail(edit, error)
        else if (written.has(edit.row)) end(edit)
        else again(edit)
      }
    })
  })

  return {
    run: <A>(row: string, apply: (row: Sharing.Row) => A, onEnd: OnEnd<A>) => {
      const asked: Asked = { apply, onEnd: onEnd as Asked["onEnd"] }
      const edit = edits.get(row)
      if (edit !== undefined) {
        edit.asked.push(asked)
        return
      }
      const started: Edit = { row, asked: [asked], out: [], copy: undefined, tries: 0, since: now() }
      edits.set(row, started)
      reads.add(started)
    }
  }
}
