/** The statement that removes rows. */
import type { Table } from "../table.ts"
import { isAt, mark, place, relax } from "./terms.ts"

/** How much longer than its lease a row stays, as most keys are wanted again. */
const keptFor = "1 minute"

/** How many rows are removed at once. */
export const sweptAtOnce = 1000

export const make = ({ sql: table }: Table) => {
  return {
    // -> (how many rows were deleted that nobody had wanted for a while)
    sweep: `
WITH old AS MATERIALIZED (
  SELECT ${place} FROM ${table} l WHERE l.expires_at < clock_timestamp() - interval '${keptFor}' AND l.key <> '${mark}'
  ORDER BY l.key LIMIT ${sweptAtOnce} FOR UPDATE SKIP LOCKED
),
gone AS (DELETE FROM ${table} l USING old o WHERE ${isAt("o")} RETURNING l.fence),
-- Fencing tokens rise above those of what is gone, though the clock is set back.
marked AS (
  INSERT INTO ${table} AS m (key, token, fence, expires_at)
  SELECT '${mark}', '', max(fence), '-infinity' FROM gone HAVING count(*) > 0
  ON CONFLICT (key) DO UPDATE SET fence = greatest(m.fence, excluded.fence)
)
SELECT count(*), CASE WHEN count(*) > 0 THEN ${relax} END FROM gone`
  }
}
