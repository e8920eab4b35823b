/** How a row is granted to the first in its queue. */
import { inMillis, micros, millisLeft, nextFence } from "./terms.ts"

/** The pattern of an entry that wants the key exclusively, and of any entry. */
const alone = "^[A-Za-z0-9_.-]+ [0-9]{1,15} [0-9]{1,15} [A-Za-z0-9_:-]{1,63}"
const entry = `${alone}( [0-9]{1,16}/[0-9]{1,16})?$`

/** Whether an entry wants to share. */
export const shares = (row: string) => `${row}.m LIKE '%/%'`
export const sharesNext = `coalesce((SELECT bool_or(${shares("h")}) FROM heir h), false)`

/** The first in `queue`, as `n` and `m`, if there is any. */
export const head = (queue: string) =>
  `LEFT JOIN LATERAL (
    SELECT q.n, q.m FROM unnest(${queue}) WITH ORDINALITY AS q(m, n) WHERE q.m ~ '${entry}' ORDER BY q.n LIMIT 1
  ) h ON ${queue} <> '{}'`

/** The words of the entry `m` that `row` was granted to. */
const wordsOf = (row: string) => `(string_to_array(${row}.m, ' '))`

/** Grants the row to the entry with these words, behind which the rest waits; or frees it, if there are none. */
const handOnTo = (words: string, rest: string) => `
    token = coalesce(${words}[1], ''),
    fence = CASE WHEN ${words} IS NULL THEN l.fence ELSE ${nextFence} END,
    expires_at = ${inMillis(`coalesce(least(${words}[2]::int8, ${words}[3]::int8), 0)`)},
    queue = ${rest}`

/** Grants it to the head of its queue. */
export const handOn = handOnTo(wordsOf("h"), "CASE WHEN h.m IS NULL THEN '{}' ELSE l.queue[h.n + 1:] END")

/** Grants it to the very first in its queue, which suffices for most rows, and takes the server less time. */
export const handOnToFirst = handOnTo("h.words", "l.queue[2:]")

/** Whether nobody waits, or the very first in the queue is to get the key, exclusively. */
export const isSimple = `(queue = '{}' OR queue[1] ~ '${alone}$')`

/** Notifies the waiter that `row` was granted to, by the words of its entry. The number is that of the format. */
export const tell = (row: string, words = wordsOf(row)) =>
  `CASE WHEN ${words}[4] <> '-' THEN pg_notify(${words}[4], format('1 %s %s %s %s %s', ${row}.token, ${row}.fence, ${micros}, ${
    millisLeft(row)
  }::int8, ${row}.key))::text END`
