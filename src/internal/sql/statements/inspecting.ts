/** Statements that only read. */
import type { Table } from "../table.ts"
import { isHeld, markOf, micros, millisLeft } from "./terms.ts"

/** The number of locks in one page of a list. */
export const pageSize = 500

export const make = ({ sql: table }: Table) => {
  return {
    // $1 key  -> (holder, left, waiters)
    inspect: `
SELECT l.token, ${millisLeft("l")}, cardinality(l.queue) FROM ${table} l
WHERE l.key = $1::text AND ${isHeld("l")}`,

    // $1 what rows are named like $2 the last row before  -> (key, holder, left, waiters)…
    list: `
SELECT l.key, l.token, ${millisLeft("l")}, cardinality(l.queue) FROM ${table} l
WHERE l.key >= $1::text AND starts_with(l.key, $1::text) AND l.key > $2::text
  AND ${isHeld("l")}
ORDER BY l.key LIMIT ${pageSize}`,

    // $1 keys  -> (key, version | null, token, fence, or what it begins with, end, queue, sharers, micros)…
    read: `
SELECT a.key, l.version, l.token, coalesce(l.fence, ${
      markOf(table)
    }), (extract(epoch FROM l.expires_at) * 1000000)::int8,
  array_to_json(l.queue)::text, array_to_json(l.sharers)::text, ${micros}
FROM unnest($1::text[]) AS a(key)
LEFT JOIN LATERAL (SELECT l.*, l.xmin::text AS version FROM ${table} l WHERE l.key = a.key OFFSET 0) l ON true`
  }
}
