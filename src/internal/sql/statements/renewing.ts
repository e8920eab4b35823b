/** Statements that renew leases. */
import type { Table } from "../table.ts"
import { inMillis, isAsked, isAt, micros, others, overwriting, place, shared } from "./terms.ts"

export const make = ({ sql: table }: Table) => {
  return {
    // $1 keys $2 tokens $3 leases  -> (key, token, false if locked, null if shared)… of those that are the token's or shared
    extend: `
WITH cur AS MATERIALIZED (
  SELECT a.key, a.token, a.lease::int8 AS lease, l.token = '${shared}' AS shared
  FROM unnest($1::text[], $2::text[], $3::text[]) AS a(key, token, lease) CROSS JOIN LATERAL (
    SELECT l.token FROM ${table} l
    WHERE l.key = a.key AND l.token IN (a.token, '${shared}') AND l.expires_at > clock_timestamp() OFFSET 0
  ) l WHERE ${isAsked("a")}
),
got AS MATERIALIZED (
  SELECT c.key, c.token, c.lease, l.fence FROM cur c CROSS JOIN LATERAL (
    SELECT l.fence FROM ${table} l WHERE l.key = c.key AND l.token = c.token AND l.expires_at > clock_timestamp()
    FOR NO KEY UPDATE SKIP LOCKED
  ) l
),
upd AS (
  INSERT INTO ${table} AS l (key, token, fence, expires_at)
  SELECT key, token, fence, ${inMillis("lease")} FROM got
  ${overwriting}
  RETURNING l.key, l.token
)
SELECT u.key, u.token, true FROM upd u UNION ALL
SELECT c.key, c.token, CASE WHEN c.shared THEN NULL ELSE false END FROM cur c WHERE ${others}`,

    // $1 keys $2 tokens $3 leases  -> (key, the tokens that were extended | null if locked)… of those that are shared
    extendShared: `
WITH cur AS MATERIALIZED (
  SELECT a.key, jsonb_object_agg(a.token, a.lease) AS leases
  FROM unnest($1::text[], $2::text[], $3::text[]) AS a(key, token, lease)
  CROSS JOIN LATERAL (SELECT FROM ${table} l WHERE l.key = a.key AND l.token = '${shared}' OFFSET 0) l
  WHERE ${isAsked("a")} GROUP BY a.key
),
got AS MATERIALIZED (
  SELECT l.*, c.leases, ${micros} AS now FROM cur c CROSS JOIN LATERAL (
    SELECT ${place}, l.key, l.sharers FROM ${table} l WHERE l.key = c.key AND l.token = '${shared}'
    FOR NO KEY UPDATE SKIP LOCKED
  ) l
),
new AS MATERIALIZED (
  SELECT g.ctid, g.tableoid, g.key, n.* FROM got g CROSS JOIN LATERAL (
    SELECT array_agg(CASE WHEN lease IS NULL THEN m
        ELSE concat_ws(' ', split_part(m, ' ', 1), split_part(m, ' ', 2), split_part(m, ' ', 3), g.now + lease * 1000)
      END ORDER BY n) AS sharers,
      max(CASE WHEN lease IS NULL THEN ends ELSE g.now + lease * 1000 END) AS ends,
      array_agg(split_part(m, ' ', 1)) FILTER (WHERE lease IS NOT NULL) AS extended
    FROM unnest(g.sharers) WITH ORDINALITY AS s(m, n)
    CROSS JOIN LATERAL (SELECT split_part(m, ' ', 4)::int8 AS ends) e
    CROSS JOIN LATERAL (SELECT CASE WHEN ends > g.now THEN (g.leases ->> split_part(m, ' ', 1))::int8 END AS lease) f
  ) n
),
upd AS (
  UPDATE ${table} l SET sharers = n.sharers, expires_at = timestamptz 'epoch' + n.ends * interval '1 us'
  FROM new n WHERE ${isAt("n")} AND n.extended IS NOT NULL
  RETURNING l.key, n.extended
),
told AS (SELECT key, extended FROM upd UNION ALL SELECT key, '{}' FROM new WHERE extended IS NULL)
SELECT key, array_to_json(extended)::text FROM told
UNION ALL SELECT c.key, NULL FROM cur c WHERE c.key NOT IN (SELECT key FROM told)`
  }
}
