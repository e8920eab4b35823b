/** Statements of fenced transactions. */
import type { Table } from "../table.ts"
import { fenceRoom, isHeld, micros, shared } from "./terms.ts"

export const make = ({ sql: table }: Table) => {
  return {
    // Never a released row, whatever the clock shows: a claim takes that without regard to row locks.
    // $1 key $2 fencing token  -> a row if the lease is live, and stays ours until the transaction ends; true if the key
    // is shared, by whomever
    check: `
SELECT l.token = '${shared}' FROM ${table} l
WHERE l.key = $1::text AND (l.token = '${shared}' OR $2::text::int8 BETWEEN l.fence AND l.fence + ${fenceRoom - 1})
  AND ${isHeld("l")}
FOR KEY SHARE`,

    // $1 key $2 fencing token  -> a row if the lease is that of a sharer
    checkShared: `
SELECT 1 FROM ${table} l
WHERE l.key = $1::text AND l.token = '${shared}' AND EXISTS (
  SELECT FROM unnest(l.sharers) AS s(m)
  WHERE split_part(s.m, ' ', 3) = $2::text AND split_part(s.m, ' ', 4)::int8 > ${micros}
)
FOR KEY SHARE`
  }
}
