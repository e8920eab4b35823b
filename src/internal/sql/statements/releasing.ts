/** Statements that release a key. */
import type { Table } from "../table.ts"
import { handOn, handOnToFirst, head, isSimple, shares, sharesNext, tell } from "./handing.ts"
import * as Terms from "./terms.ts"

const { isAsked, isAt, others, place, relax, shared, watched } = Terms

export const make = ({ sql: table }: Table) => {
  return {
    // A single key without waiters and watchers, as most are, in half of the server's time. $1 key $2 token  -> (key),
    // nothing if that is not so
    freeOne: `
UPDATE ${table} l SET token = '', expires_at = clock_timestamp()
WHERE l.key = $1::text AND l.ctid = (
  SELECT ctid FROM ${table}
  WHERE key = $1::text AND token = $2::text AND expires_at > clock_timestamp() AND queue = '{}' AND watchers IS NULL
  FOR UPDATE SKIP LOCKED
)
RETURNING l.key, ${relax}`,

    // The same for many. A row that we have locked was found. The settings of our own connections make the server plan
    // it well. $1 keys $2 tokens  -> (key)… of those released
    freeMany: `
WITH h AS MATERIALIZED (
  SELECT l.ctid FROM unnest($1::text[], $2::text[]) AS a(key, token) CROSS JOIN LATERAL (
    SELECT l.ctid FROM ${table} l
    WHERE l.key = a.key AND l.token = a.token AND l.expires_at > clock_timestamp() AND l.queue = '{}' AND l.watchers IS NULL
    FOR UPDATE SKIP LOCKED
  ) l WHERE ${isAsked("a")}
)
UPDATE ${table} l SET token = '', expires_at = clock_timestamp()
WHERE l.ctid = ANY(ARRAY(SELECT ctid FROM h)) AND l.xmax = pg_current_xact_id_if_assigned()::xid
RETURNING l.key, (SELECT ${relax})`,

    // A single key that somebody may wait for, exclusively. $1 key $2 token  -> (key, true, whether nobody has it now),
    // nothing if that is not so
    releaseOne: `
UPDATE ${table} l SET ${handOnToFirst}
FROM (
  SELECT ctid, string_to_array(queue[1], ' ') AS words FROM ${table}
  WHERE key = $1::text AND token = $2::text AND expires_at > clock_timestamp() AND ${isSimple}
  FOR UPDATE SKIP LOCKED
) h WHERE l.key = $1::text AND l.ctid = h.ctid
RETURNING l.key, true, h.words IS NULL, CASE WHEN h.words IS NULL THEN ${relax} ELSE ${
      tell("l", "h.words")
    } END, ${watched}`,

    // As releaseOne, for many. $1 keys $2 tokens  -> (key, whether its lease was live, whether nobody has it now)… of
    // those released
    releaseMany: `
WITH h AS MATERIALIZED (
  SELECT l.* FROM unnest($1::text[], $2::text[]) AS a(key, token)
  CROSS JOIN LATERAL (
    SELECT ${place}, l.expires_at > clock_timestamp() AS live, string_to_array(l.queue[1], ' ') AS words
    FROM ${table} l WHERE l.key = a.key AND l.token = a.token AND ${isSimple} FOR UPDATE SKIP LOCKED
  ) l WHERE ${isAsked("a")}
)
UPDATE ${table} l SET ${handOnToFirst} FROM h WHERE ${isAt("h")}
RETURNING l.key, h.live, h.words IS NULL, CASE
  WHEN h.words IS NOT NULL THEN ${tell("l", "h.words")}
  WHEN (SELECT bool_and(words IS NULL) FROM h) THEN ${relax} END, ${watched}`,

    // $1 keys $2 tokens  -> (key, whether its lease was live | null if nothing was done, as it is locked, or shared)… of those
    // that are the token's or shared
    release: `
WITH cur AS MATERIALIZED (
  SELECT a.key, a.token, l.token = '${shared}' AS shared FROM unnest($1::text[], $2::text[]) AS a(key, token)
  CROSS JOIN LATERAL (
    SELECT l.token FROM ${table} l WHERE l.key = a.key AND l.token IN (a.token, '${shared}') OFFSET 0
  ) l WHERE ${isAsked("a")}
),
got AS MATERIALIZED (
  SELECT l.* FROM cur c CROSS JOIN LATERAL (
    SELECT ${place}, l.key, l.queue, l.expires_at > clock_timestamp() AS live FROM ${table} l
    WHERE l.key = c.key AND l.token = c.token FOR UPDATE SKIP LOCKED
  ) l
),
heir AS MATERIALIZED (SELECT g.ctid, g.tableoid, g.key, g.live, h.n, h.m FROM got g ${head("g.queue")}),
upd AS (
  UPDATE ${table} l SET ${handOn}
  FROM heir h WHERE ${isAt("h")} AND ${shares("h")} IS NOT TRUE
  RETURNING l.key, h.live, l.token, l.fence, l.expires_at, h.m, ${watched}
)
SELECT u.key, u.live, false,
  CASE WHEN u.m IS NOT NULL THEN ${tell("u")}
    WHEN (SELECT bool_and(m IS NULL) FROM upd) THEN ${relax} END
FROM upd u UNION ALL
SELECT c.key, NULL, c.shared OR c.key IN (SELECT key FROM heir h WHERE ${
      shares("h")
    }), NULL FROM cur c WHERE ${others}`,

    // $1 key $2 token $3 entry  -> (whether it held the key, whether it has left it or its queue, whether it is shared);
    // nothing if it is in neither
    withdraw: `
WITH cur AS MATERIALIZED (
  SELECT l.key, l.token = '${shared}' AS shared FROM ${table} l WHERE l.key = $1::text AND (l.token = $2::text OR $3::text = ANY(l.queue))
),
got AS MATERIALIZED (
  SELECT l.key, l.queue, l.expires_at > clock_timestamp() AS live FROM cur c JOIN ${table} l ON l.key = $1::text
  WHERE l.token = $2::text FOR UPDATE OF l SKIP LOCKED
),
heir AS MATERIALIZED (SELECT g.key, g.live, h.n, h.m FROM got g ${head("g.queue")}),
upd AS (
  UPDATE ${table} l SET ${handOn}
  FROM heir h WHERE l.key = $1::text AND ${shares("h")} IS NOT TRUE
  RETURNING l.key, h.live, l.token, l.fence, l.expires_at, h.m, ${watched}
),
seat AS MATERIALIZED (
  SELECT FROM cur c JOIN ${table} l ON l.key = $1::text
  WHERE l.token NOT IN ($2::text, '${shared}') AND $3::text = ANY(l.queue) FOR NO KEY UPDATE OF l SKIP LOCKED
),
gone AS (
  UPDATE ${table} l SET queue = array_remove(l.queue, $3::text) FROM seat s WHERE l.key = $1::text RETURNING l.key
)
SELECT coalesce(u.live, false), u.key IS NOT NULL OR g.key IS NOT NULL, c.shared OR ${sharesNext},
  CASE WHEN u.m IS NOT NULL THEN ${tell("u")} ELSE ${relax} END
FROM cur c LEFT JOIN upd u ON u.key = c.key LEFT JOIN gone g ON g.key = c.key`
  }
}
