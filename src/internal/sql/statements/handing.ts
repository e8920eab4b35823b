/** How a row goes to the first in its queue. */
import { inMillis, micros, millisLeft, nextFence } from "./terms.ts"

/** An entry of one that waits to have the key alone, and of any. */
const alone = "^[A-Za-z0-9_.-]+ [0-9]{1,15} [0-9]{1,15} [A-Za-z0-9_:-]{1,63}"
const entry = `${alone}( [0-9]{1,16}/[0-9]{1,16})?$`

/** Whether an entry is that of one who waits to share. */
export const shares = (row: string) => `${row}.m LIKE '%/%'`
export const sharesNext = `coalesce((SELECT bool_or(${shares("h")}) FROM heir h), false)`

/** The first in `queue`, as `n` and `m`, if there is any. */
export const head = (queue: string) =>
  `LEFT JOIN LATERAL (
    SELECT q.n, q.m FROM unnest(${queue}) WITH ORDINALITY AS q(m, n) WHERE q.m ~ '${entry}' ORDER BY q.n LIMIT 1
  ) h ON ${queue} <> '{}'`

/** The words of the entry `m` of whom `row` was given to. */
const wordsOf = (row: string) => `(string_to_array(${row}.m, ' '))`

/** What a row becomes when its key is given to whom the words of an entry are of, behind whom the rest waits, or to nobody. */
const handOnTo = (words: string, rest: string) => `
    token = coalesce(${words}[1], ''),
    fence = CASE WHEN ${words} IS NULL THEN l.fence ELSE ${nextFence} END,
    expires_at = ${inMillis(`coalesce(least(${words}[2]::int8, ${words}[3]::int8), 0)`)},
    queue = ${rest}`

/** To the head of its queue. */
export const handOn = handOnTo(wordsOf("h"), "CASE WHEN h.m IS NULL THEN '{}' ELSE l.queue[h.n + 1:] END")

/** To the first in its queue, as it is for most, and in less of the server's time. */
export const handOnToFirst = handOnTo("h.words", "l.queue[2:]")

/** Whether the first in the queue is whom the key is to be given to, alone, if anybody waits at all. */
export const isSimple = `(queue = '{}' OR queue[1] ~ '${alone}$')`

/** Tells the one that `row` was given to, by the words of its entry. It knows the format by its number. */
export const tell = (row: string, words = wordsOf(row)) =>
  `CASE WHEN ${words}[4] <> '-' THEN pg_notify(${words}[4], format('1 %s %s %s %s %s', ${row}.token, ${row}.fence, ${micros}, ${
    millisLeft(row)
  }::int8, ${row}.key))::text END`
