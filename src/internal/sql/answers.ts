/** Decodes the rows of an answer. */
import type { Held } from "../../LockStore.ts"
import type { Row } from "./link.ts"
import type { Told } from "./sharing.ts"
import { shared } from "./statements/terms.ts"

/** Numbers come as text from some drivers, and as bigint from others. */
export const numberOf = (value: unknown): number => value === null || value === undefined ? NaN : Number(value)

const whole = (value: unknown): number | undefined => {
  const number = numberOf(value)
  return Number.isSafeInteger(number) ? number : undefined
}

/** The fencing token of a row `(key, fence, …)` that was taken. */
export const fenceOf = (row: Row | undefined): number | undefined => whole(row?.[1])

/** Answers by the name of the row that they are about, which comes first. */
export const byName = (rows: ReadonlyArray<Row>): ReadonlyMap<unknown, Row> => new Map(rows.map((row) => [row[0], row]))

/** The answer to a claim. */
export interface Answer extends Pick<Told, "fencingToken" | "holder" | "leftMillis"> {
  readonly waiters: number | undefined
  /** The claim has arrived too late, and did nothing. */
  readonly late: boolean
  /** It is in the queue. */
  readonly queued: boolean
}

/** Decodes a row `(key, fence | null, micros, holder, left, waiters, late, queued)`; undefined if it is another one. */
export const answerOf = (row: Row | undefined): Answer | undefined => {
  if (row === undefined || row.length < 8 || typeof row[0] !== "string" || !Number.isFinite(numberOf(row[2]))) {
    return undefined
  }
  const [, fence, , holder, left, waiters, late, queued] = row
  if (fence !== null && fenceOf(row) === undefined) return undefined
  const isHeld = typeof holder === "string" && holder !== ""
  return {
    fencingToken: fenceOf(row),
    holder: isHeld ? holder : undefined,
    leftMillis: isHeld ? Number(left) : 0,
    waiters: waiters === null ? undefined : Number(waiters),
    late: late === true,
    queued: queued === true
  }
}

/** For a row that others change all the time. */
export const unknown = { holder: undefined, leftMillis: 0, waiters: undefined }

/** When to look again at a key whose row somebody keeps locked past its lease, as a fenced transaction does. */
const lockedMillis = () => 20 + Math.random() * 40

/** Waiters ask again a moment after the end of the lease, and not all at the same moment. */
export const heldOf = ({ holder, leftMillis, waiters }: Pick<Answer, "holder" | "leftMillis" | "waiters">): Held => ({
  _tag: "Held",
  token: holder === shared ? undefined : holder,
  remainingMillis: leftMillis > 0 ? leftMillis + 2 + Math.random() * 10 : lockedMillis(),
  waiters
})
