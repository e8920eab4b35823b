/** Statements that acquire a key. */
import type { Table } from "../table.ts"
import { head, shares, sharesNext, tell } from "./handing.ts"
import * as Terms from "./terms.ts"

const {
  firstFence,
  inMillis,
  isAsked,
  isAt,
  isFree,
  isHeld,
  isLate,
  micros,
  millisLeft,
  nextFence,
  overwriting,
  place,
  shared,
  watched
} = Terms

export const make = ({ sql: table }: Table) => {
  /** Acquires what is free, or already the claimant's, for `a (key, token, lease, entry, latest)`. */
  const take = `
cur AS MATERIALIZED (
  SELECT a.*, l.key IS NULL AS fresh, l.token AS holder, l.expires_at, cardinality(l.queue) AS waiters,
    coalesce(a.entry = ANY(l.queue), false) AS waits, ${isLate("a.latest")} AS late
  FROM a LEFT JOIN LATERAL (SELECT * FROM ${table} l WHERE l.key = a.key OFFSET 0) l ON true
),
got AS MATERIALIZED (
  SELECT l.*, c.token, c.lease, c.entry FROM cur c CROSS JOIN LATERAL (
    SELECT ${place} FROM ${table} l WHERE l.key = c.key AND (l.token = c.token OR ${isFree("l")}) FOR UPDATE SKIP LOCKED
  ) l WHERE NOT c.late AND ${isAsked("c")}
),
upd AS (
  UPDATE ${table} l SET
    token = g.token,
    fence = CASE WHEN l.token = g.token THEN l.fence ELSE ${nextFence} END,
    expires_at = greatest(${inMillis("g.lease")}, CASE WHEN l.token = g.token THEN l.expires_at END),
    queue = CASE WHEN g.entry = ANY(l.queue) THEN l.queue[array_position(l.queue, g.entry) + 1:] ELSE l.queue END
  FROM got g WHERE ${isAt("g")}
  RETURNING l.key, l.fence, ${watched}
),
ins AS (
  INSERT INTO ${table} AS l (key, token, fence, expires_at)
  SELECT c.key, c.token, ${firstFence(table)}, ${
    inMillis("c.lease")
  } FROM cur c WHERE c.fresh AND NOT c.late ORDER BY c.key
  ON CONFLICT (key) DO NOTHING
  RETURNING l.key, l.fence
)`
  const answer = (waiters: string, queued: string) =>
    `c.key, coalesce(u.fence, i.fence), ${micros}, c.holder, ${millisLeft("c")}, ${waiters}, c.late, ${queued}`
  const taken = "LEFT JOIN upd u ON u.key = c.key LEFT JOIN ins i ON i.key = c.key"

  /**
   * Nobody holds it, watches it or has locked its row. So the row need not be locked before it is
   * written, which saves half of the work: no fenced transaction can have a row that was released.
   * Our own row lock of the release may still be there.
   */
  const isGivenBack = "l.token = '' AND l.watchers IS NULL AND (l.xmax = 0 OR l.xmax = l.xmin)"

  const isInTime = `NOT ${isLate("$4::text::int8")}`

  return {
    // A single claim of a row that was free when last seen. It takes the server a third of the time. $1 key $2 token $3
    // lease $4 latest  -> (key, fence, micros), nothing if it is not so any more
    acquireFreed: `
UPDATE ${table} l SET token = $2::text, fence = ${nextFence}, expires_at = ${inMillis("$3::text::int8")}
WHERE l.key = $1::text AND ${isGivenBack} AND ${isInTime}
RETURNING l.key, l.fence, ${micros}`,

    // The same for many, with one lease. The settings of our own connections make the server plan it well. $1 keys $2
    // their tokens, as JSON by key $3 lease $4 latest  -> (key, fence, micros)… of those taken
    acquireFreedMany: `
UPDATE ${table} l SET
  token = (SELECT $2::text::jsonb) ->> l.key, fence = ${nextFence}, expires_at = ${inMillis("$3::text::int8")}
WHERE l.key = ANY($1::text[]) AND ${isGivenBack} AND ${isInTime}
RETURNING l.key, l.fence, (SELECT ${micros})`,

    // A single claim, as acquire, in less of the server's time. $1 key $2 token $3 lease $4 latest  -> as acquire;
    // nothing if somebody else has made the row meanwhile
    acquireOne: `
WITH upd AS (
  UPDATE ${table} l SET
    token = $2::text,
    fence = CASE WHEN l.token = $2::text THEN l.fence ELSE ${nextFence} END,
    expires_at = greatest(${inMillis("$3::text::int8")}, CASE WHEN l.token = $2::text THEN l.expires_at END)
  FROM (
    SELECT FROM ${table} o
    WHERE o.key = $1::text AND (o.token = $2::text OR ${isFree("o")}) AND ${isInTime}
    FOR UPDATE SKIP LOCKED
  ) g WHERE l.key = $1::text
  RETURNING l.key, l.fence, ${watched}
),
ins AS (
  INSERT INTO ${table} AS l (key, token, fence, expires_at)
  SELECT $1::text, $2::text, ${firstFence(table)}, ${inMillis("$3::text::int8")}
  WHERE ${isInTime} AND NOT EXISTS (SELECT FROM ${table} o WHERE o.key = $1::text)
  ON CONFLICT (key) DO NOTHING
  RETURNING l.key, l.fence
)
SELECT key, fence, ${micros}, NULL::text, 0::float8, 0, false, false FROM upd UNION ALL
SELECT key, fence, ${micros}, NULL, 0, 0, false, false FROM ins UNION ALL
SELECT l.key, NULL, ${micros}, l.token, ${millisLeft("l")}, cardinality(l.queue), NOT ${isInTime}, false
FROM ${table} l WHERE l.key = $1::text AND NOT EXISTS (SELECT FROM upd)`,

    // For free keys without watchers, as most are. It takes the server half of the time, and reports no others. $1 keys
    // $2 tokens $3 leases $4 latest  -> (key, fence, micros)… of those taken
    acquireFree: `
WITH a AS MATERIALIZED (
  SELECT key, token, lease::int8 AS lease FROM unnest($1::text[], $2::text[], $3::text[]) AS a(key, token, lease)
  WHERE ${isInTime} AND ${isAsked("a")}
),
got AS MATERIALIZED (
  SELECT a.*, l.fence, CASE WHEN l.token = a.token THEN l.expires_at END AS own_end FROM a CROSS JOIN LATERAL (
    SELECT l.token, l.fence, l.expires_at FROM ${table} l
    WHERE l.key = a.key AND (l.token = a.token OR ${isFree("l")}) AND l.watchers IS NULL FOR UPDATE SKIP LOCKED
  ) l
),
upd AS (
  INSERT INTO ${table} AS o (key, token, fence, expires_at)
  SELECT l.key, l.token, CASE WHEN l.own_end IS NULL THEN ${nextFence} ELSE l.fence END,
    greatest(${inMillis("l.lease")}, l.own_end)
  FROM got l
  ${overwriting}
  RETURNING o.key, o.fence
),
ins AS (
  INSERT INTO ${table} AS l (key, token, fence, expires_at)
  SELECT a.key, a.token, ${firstFence(table)}, ${inMillis("a.lease")} FROM a
  WHERE NOT EXISTS (SELECT FROM ${table} o WHERE o.key = a.key OFFSET 0) ORDER BY a.key
  ON CONFLICT (key) DO NOTHING
  RETURNING l.key, l.fence
)
SELECT key, fence, ${micros} FROM upd UNION ALL SELECT key, fence, ${micros} FROM ins`,

    // $1 keys $2 tokens $3 leases $4 latest  -> (key, fence | null, micros, holder, left, waiters, late, false)…
    acquire: `
WITH a AS MATERIALIZED (
  SELECT key, token, lease::int8 AS lease, NULL::text AS entry, $4::text::int8 AS latest
  FROM unnest($1::text[], $2::text[], $3::text[]) AS a(key, token, lease)
),${take}
SELECT ${answer("c.waiters", "false")} FROM cur c ${taken}`,

    // $1 key $2 token $3 lease $4 latest $5 entry  -> as acquire, and whether it is in the queue. A claim that acquires
    // a key whose lease has ended overtakes those before it in the queue: they had the same chance, and may be gone.
    wait: `
WITH a AS MATERIALIZED (
  SELECT $1::text AS key, $2::text AS token, $3::text::int8 AS lease, $5::text AS entry, $4::text::int8 AS latest
),${take},
seat AS MATERIALIZED (
  SELECT c.entry FROM cur c JOIN ${table} l ON l.key = $1::text
  WHERE NOT c.late AND NOT c.waits
    AND l.token NOT IN (c.token, '${shared}') AND ${isHeld("l")} AND NOT c.entry = ANY(l.queue)
  FOR NO KEY UPDATE OF l SKIP LOCKED
),
joined AS (
  UPDATE ${table} l SET queue = l.queue || s.entry FROM seat s WHERE l.key = $1::text RETURNING l.key
)
SELECT ${
      answer("c.waiters + (j.key IS NOT NULL)::int", "c.waits OR j.key IS NOT NULL")
    } FROM cur c ${taken} LEFT JOIN joined j ON j.key = c.key`,

    // $1 key $2 the token to release, $3 token $4 lease $5 latest $6 entry of the claim
    //   -> (ours, fence, micros, holder, left, waiters, late, whether the next one shares), nothing if the key is not the
    //      first token's, ours null if locked or shared
    exchange: `
WITH cur AS MATERIALIZED (
  SELECT l.key, ${isLate("$5::text::int8")} AS late FROM ${table} l
  WHERE l.key = $1::text AND l.token = $2::text AND l.expires_at > clock_timestamp()
),
got AS MATERIALIZED (
  SELECT l.queue || $6::text AS queue FROM cur c JOIN ${table} l ON l.key = $1::text
  WHERE NOT c.late AND l.token = $2::text AND l.expires_at > clock_timestamp() FOR UPDATE OF l SKIP LOCKED
),
heir AS MATERIALIZED (SELECT h.m, g.queue[h.n + 1:] AS queue FROM got g ${head("g.queue")}),
upd AS (
  UPDATE ${table} l SET
    token = split_part(h.m, ' ', 1),
    fence = ${nextFence},
    expires_at = ${
      inMillis(
        "CASE WHEN h.m = $6::text THEN $4::text::int8 ELSE least(split_part(h.m, ' ', 2)::int8, split_part(h.m, ' ', 3)::int8) END"
      )
    },
    queue = h.queue
  FROM heir h WHERE l.key = $1::text AND NOT ${shares("h")}
  RETURNING l.key, l.token, l.fence, l.expires_at, l.queue, h.m, ${watched}
)
SELECT u.token = $3::text, u.fence, ${micros}, u.token, ${millisLeft("u")}, cardinality(u.queue), c.late,
  ${sharesNext}, CASE WHEN u.m <> $6::text THEN ${tell("u")} END
FROM cur c LEFT JOIN upd u ON u.key = c.key`,

    // $1 key $2 the token that has it, $3 token $4 lease $5 latest of the claim  -> as acquire, nothing if nobody has it
    transfer: `
WITH cur AS MATERIALIZED (
  SELECT l.*, ${isLate("$5::text::int8")} AS late FROM ${table} l
  WHERE l.key = $1::text AND ${isHeld("l")}
),
got AS MATERIALIZED (
  SELECT FROM cur c JOIN ${table} l ON l.key = $1::text
  WHERE NOT c.late AND l.token IN ($2::text, $3::text) AND l.expires_at > clock_timestamp()
  FOR UPDATE OF l SKIP LOCKED
),
upd AS (
  UPDATE ${table} l SET
    token = $3::text,
    fence = CASE WHEN l.token = $3::text THEN l.fence ELSE ${nextFence} END,
    expires_at = greatest(${inMillis("$4::text::int8")}, CASE WHEN l.token = $3::text THEN l.expires_at END)
  FROM got g WHERE l.key = $1::text
  RETURNING l.key, l.fence, ${watched}
)
SELECT c.key, u.fence, ${micros}, c.token, ${millisLeft("c")}, cardinality(c.queue), c.late, false
FROM cur c LEFT JOIN upd u ON u.key = c.key`
  }
}
