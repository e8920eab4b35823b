/** The statement that writes rows that were changed in this process. */
import type { Table } from "../table.ts"
import * as Terms from "./terms.ts"

const { isAt, isLate, place, relax, watched } = Terms

export const make = ({ sql: table }: Table) => {
  return {
    // $1 keys $2 versions $3 tokens $4 fences $5 ends $6 queues $7 sharers $8 whether it waits for fenced transactions
    // $9 latest $10 whether it may be forgotten by a crash, $11 keys $12 channels $13 messages  -> (key)… of those written,
    // as nobody has changed them since that version
    write: `
WITH a AS MATERIALIZED (
  SELECT key, version, token, fence::int8 AS fence, timestamptz 'epoch' + ends::int8 * interval '1 us' AS expires_at,
    queue::text[] AS queue, sharers::text[] AS sharers, away
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS a(key, version, token, fence, ends, queue, sharers, away)
  WHERE NOT ${isLate("$9::text::int8")}
),
away AS MATERIALIZED (
  SELECT l.*, a.* FROM a CROSS JOIN LATERAL (
    SELECT ${place} FROM ${table} l WHERE l.key = a.key AND l.xmin::text = a.version FOR UPDATE SKIP LOCKED
  ) l WHERE a.away = '1'
),
stay AS MATERIALIZED (
  SELECT l.*, a.* FROM a CROSS JOIN LATERAL (
    SELECT ${place} FROM ${table} l WHERE l.key = a.key AND l.xmin::text = a.version FOR NO KEY UPDATE SKIP LOCKED
  ) l WHERE a.away = '0'
),
upd AS (
  UPDATE ${table} l SET token = g.token, fence = g.fence, expires_at = g.expires_at, queue = g.queue, sharers = g.sharers
  FROM (SELECT * FROM away UNION ALL SELECT * FROM stay) g WHERE ${isAt("g")}
  RETURNING l.key, ${watched}
),
ins AS (
  INSERT INTO ${table} AS l (key, token, fence, expires_at, queue, sharers)
  SELECT key, token, fence, expires_at, queue, sharers FROM a WHERE version = '' ORDER BY key
  ON CONFLICT (key) DO NOTHING
  RETURNING l.key
)
SELECT w.key, (
    SELECT count(pg_notify(m.channel, m.message)) FROM unnest($11::text[], $12::text[], $13::text[]) AS m(key, channel, message)
    WHERE m.key = w.key
  ), CASE WHEN $10::text = '1' THEN ${relax} END
FROM (SELECT key FROM upd UNION ALL SELECT key FROM ins) w`
  }
}
