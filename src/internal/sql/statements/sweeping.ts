/** The statement that removes rows. */
import type { Table } from "../table.ts"
import { relax } from "./terms.ts"

/** How much longer than its lease a row stays, so that fencing tokens rise when the clock is set back. */
const keptFor = "1 minute"

/** How many rows are removed at once. */
export const sweptAtOnce = 1000

export const make = ({ sql: table }: Table) => {
  return {
    // -> (how many rows nobody has wanted for a while, and are gone)
    sweep: `
WITH old AS MATERIALIZED (
  SELECT l.ctid FROM ${table} l WHERE l.expires_at < clock_timestamp() - interval '${keptFor}'
  ORDER BY l.key LIMIT ${sweptAtOnce} FOR UPDATE SKIP LOCKED
),
gone AS (DELETE FROM ${table} l USING old o WHERE l.ctid = o.ctid RETURNING l.key)
SELECT count(*), CASE WHEN count(*) > 0 THEN ${relax} END FROM gone`
  }
}
