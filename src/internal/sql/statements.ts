/**
 * The protocol, one statement for each operation, each atomic by itself.
 *
 * - No statement waits for a row. What it wants is locked by `SKIP LOCKED`, and
 *   what was skipped is reported, to be asked for again. So one row that
 *   somebody keeps locked holds up nothing else, and there are no deadlocks.
 * - It reads before it locks: who is refused writes nothing, and takes no
 *   transaction id.
 * - Giving a key to somebody locks its row `FOR UPDATE`, which has to wait for the
 *   `FOR KEY SHARE` of a fenced transaction. All else locks it `FOR NO KEY UPDATE`,
 *   which has not.
 * - Time is `clock_timestamp()`. `now()` stands still while a statement waits.
 *
 * The row's queue has an entry for each waiter, in the order of arrival:
 * `<token> <lease> <grant> <channel>`. Whoever frees the key gives it to the first
 * in the queue in the same statement, for `grant` milliseconds, and tells it
 * on its channel; the channel `-` is that of one who comes by and looks. Entries
 * of another form are dropped when their turn comes.
 *
 * Who only watches a key is in the queue of a row beside it, "w" and the key's row,
 * by its channel, and is told on it of each other holder. There it stays while the row
 * lasts, so it says so again and again.
 *
 * A fencing token is the server's clock in microseconds at the time of the grant,
 * and at least 512 more than the one before, also if that clock was set back.
 */
import type { Table } from "./table.ts"

export interface Statements {
  readonly acquireFreed: string
  readonly acquireOne: string
  readonly acquireFree: string
  readonly acquire: string
  readonly wait: string
  readonly exchange: string
  readonly transfer: string
  readonly releaseOne: string
  readonly releaseMany: string
  readonly release: string
  readonly withdraw: string
  readonly extend: string
  readonly inspect: string
  readonly list: string
  readonly watch: string
  readonly unwatch: string
  readonly sweep: string
  readonly check: string
  readonly read: string
  readonly write: string
  readonly extendShared: string
  readonly checkShared: string
}

/** How many fencing tokens are left free after each, for holders that take over within a process. */
export const fenceRoom = 512

/** How many locks a list says at once. */
export const pageSize = 500

/** How much longer than its lease a row stays, so that fencing tokens rise when the clock is set back. */
const keptFor = "1 minute"

/** Not by `extract`, which calculates in decimals. */
const micros = "(date_part('epoch', clock_timestamp()) * 1000000)::int8"
const millisLeft = (row: string) => `(date_part('epoch', ${row}.expires_at - clock_timestamp()) * 1000)`
const inMillis = (millis: string) => `clock_timestamp() + ${millis} * interval '1 ms'`
const nextFence = `greatest(l.fence + ${fenceRoom}, ${micros})`

/** Of one that waits to have the key alone, and of any. */
const alone = "^[A-Za-z0-9_.-]+ [0-9]{1,15} [0-9]{1,15} [A-Za-z0-9_:-]{1,63}"
const entry = `${alone}( [0-9]{1,16}/[0-9]{1,16})?$`

/** The token of a row that is shared, which is nobody's. */
export const shared = "+"

/** Whether an entry is that of one who waits to share. */
const shares = (row: string) => `${row}.m LIKE '%/%'`
const sharesNext = `coalesce((SELECT bool_or(${shares("h")}) FROM heir h), false)`

/** The first in `queue`, as `n` and `m`, if there is any. */
const head = (queue: string) =>
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
const handOn = handOnTo(wordsOf("h"), "CASE WHEN h.m IS NULL THEN '{}' ELSE l.queue[h.n + 1:] END")

/** To the first in its queue, as it is for most, and in less of the server's time. */
const handOnToFirst = handOnTo("h.words", "l.queue[2:]")

/** Whether the first in the queue is whom the key is to be given to, alone, if anybody waits at all. */
const isSimple = `(queue = '{}' OR queue[1] ~ '${alone}$')`

/** Tells the one that `row` was given to, by the words of its entry. It knows the format by its number. */
const tell = (row: string, words = wordsOf(row)) =>
  `CASE WHEN ${words}[4] <> '-' THEN pg_notify(${words}[4], format('1 %s %s %s %s %s', ${row}.token, ${row}.fence, ${micros}, ${
    millisLeft(row)
  }::int8, ${row}.key))::text END`

/** Those that were skipped. A join would compare each of a batch with each, as the planner expects one or two. */
const others = "c.key NOT IN (SELECT key FROM upd)"

/** What was given to nobody may be forgotten by a crash, which only brings back the lease that it had. */
const relax = "set_config('synchronous_commit', 'off', true)"

export const make = ({ sql: table }: Table): Statements => {
  /** Tells those who watch the row of `l`. */
  const watched = `cardinality(ARRAY(
    SELECT pg_notify(unnest(w.queue), '1 ? ' || l.key)::text FROM ${table} w WHERE w.key = 'w' || l.key
  )) AS told`

  /**
   * Takes what is free, or is the claimant's already, for `a (key, token, lease, entry, latest)`. A claim that
   * arrives after `latest`, in microseconds of the server's clock, is too late for anybody to know of.
   */
  const take = `
cur AS MATERIALIZED (
  SELECT a.*, l.key IS NULL AS fresh, l.token AS holder, l.expires_at, cardinality(l.queue) AS waiters,
    coalesce(a.entry = ANY(l.queue), false) AS waits, coalesce(${micros} > a.latest, false) AS late
  FROM a LEFT JOIN ${table} l ON l.key = a.key
),
got AS MATERIALIZED (
  SELECT l.key, c.token, c.lease, c.entry
  FROM cur c JOIN ${table} l ON l.key = c.key
  WHERE NOT c.late AND (l.token = c.token OR l.expires_at <= clock_timestamp())
  ORDER BY l.key FOR UPDATE OF l SKIP LOCKED
),
upd AS (
  UPDATE ${table} l SET
    token = g.token,
    fence = CASE WHEN l.token = g.token THEN l.fence ELSE ${nextFence} END,
    expires_at = greatest(${inMillis("g.lease")}, CASE WHEN l.token = g.token THEN l.expires_at END),
    queue = CASE WHEN g.entry = ANY(l.queue) THEN l.queue[array_position(l.queue, g.entry) + 1:] ELSE l.queue END
  FROM got g WHERE l.key = g.key
  RETURNING l.key, l.fence, ${watched}
),
ins AS (
  INSERT INTO ${table} AS l (key, token, fence, expires_at)
  SELECT c.key, c.token, ${micros}, ${inMillis("c.lease")} FROM cur c WHERE c.fresh AND NOT c.late ORDER BY c.key
  ON CONFLICT DO NOTHING
  RETURNING l.key, l.fence, ${watched}
)`
  const answer = (waiters: string, queued: string) =>
    `c.key, coalesce(u.fence, i.fence), ${micros}, c.holder, ${millisLeft("c")}, ${waiters}, c.late, ${queued}`
  const taken = "LEFT JOIN upd u ON u.key = c.key LEFT JOIN ins i ON i.key = c.key"

  const isInTime = `NOT coalesce(${micros} > $4::text::int8, false)`

  return {
    // One claim by itself of a row that was free when it was seen last. It takes the server a third of the time.
    // $1 key $2 token $3 lease $4 latest  -> (key, fence, micros), nothing if it is not free, or not there
    acquireFreed: `
UPDATE ${table} l SET
  token = $2::text, fence = ${nextFence}, expires_at = ${inMillis("$3::text::int8")}
WHERE l.ctid = (
  SELECT ctid FROM ${table} WHERE key = $1::text AND expires_at <= clock_timestamp() AND ${isInTime}
  FOR UPDATE SKIP LOCKED
)
RETURNING l.key, l.fence, ${micros}, ${watched}`,

    // One claim by itself, as acquire, in less of the server's time.
    // $1 key $2 token $3 lease $4 latest  -> as acquire; nothing if somebody else has made the row meanwhile
    acquireOne: `
WITH upd AS (
  UPDATE ${table} l SET
    token = $2::text,
    fence = CASE WHEN l.token = $2::text THEN l.fence ELSE ${nextFence} END,
    expires_at = greatest(${inMillis("$3::text::int8")}, CASE WHEN l.token = $2::text THEN l.expires_at END)
  FROM (
    SELECT key FROM ${table}
    WHERE key = $1::text AND (token = $2::text OR expires_at <= clock_timestamp()) AND ${isInTime}
    FOR UPDATE SKIP LOCKED
  ) g WHERE l.key = g.key
  RETURNING l.key, l.fence, ${watched}
),
ins AS (
  INSERT INTO ${table} AS l (key, token, fence, expires_at)
  SELECT $1::text, $2::text, ${micros}, ${inMillis("$3::text::int8")}
  WHERE ${isInTime} AND NOT EXISTS (SELECT FROM ${table} o WHERE o.key = $1::text)
  ON CONFLICT DO NOTHING
  RETURNING l.key, l.fence, ${watched}
)
SELECT key, fence, ${micros}, NULL::text, 0::float8, 0, false, false FROM upd UNION ALL
SELECT key, fence, ${micros}, NULL, 0, 0, false, false FROM ins UNION ALL
SELECT l.key, NULL, ${micros}, l.token, ${millisLeft("l")}, cardinality(l.queue), NOT ${isInTime}, false
FROM ${table} l WHERE l.key = $1::text AND NOT EXISTS (SELECT FROM upd)`,

    // $1 keys $2 tokens $3 leases $4 latest  -> (key, fence | null, micros, holder, left, waiters, late, false)…
    acquire: `
WITH a AS MATERIALIZED (
  SELECT key, token, lease::int8 AS lease, NULL::text AS entry, $4::text::int8 AS latest
  FROM unnest($1::text[], $2::text[], $3::text[]) AS a(key, token, lease)
),${take}
SELECT ${answer("c.waiters", "false")} FROM cur c ${taken}`,

    // What most keys are: free. It takes the server half of the time, and says nothing of those that are not.
    // $1 keys $2 tokens $3 leases $4 latest  -> (key, fence, micros)… of those taken
    acquireFree: `
WITH a AS MATERIALIZED (
  SELECT key, token, lease::int8 AS lease FROM unnest($1::text[], $2::text[], $3::text[]) AS a(key, token, lease)
  WHERE NOT coalesce(${micros} > $4::text::int8, false)
),
got AS MATERIALIZED (
  SELECT l.key, a.token, a.lease FROM a JOIN ${table} l ON l.key = a.key
  WHERE l.token = a.token OR l.expires_at <= clock_timestamp()
  ORDER BY l.key FOR UPDATE OF l SKIP LOCKED
),
upd AS (
  UPDATE ${table} l SET
    token = g.token,
    fence = CASE WHEN l.token = g.token THEN l.fence ELSE ${nextFence} END,
    expires_at = greatest(${inMillis("g.lease")}, CASE WHEN l.token = g.token THEN l.expires_at END)
  FROM got g WHERE l.key = g.key
  RETURNING l.key, l.fence, ${watched}
),
ins AS (
  INSERT INTO ${table} AS l (key, token, fence, expires_at)
  SELECT a.key, a.token, ${micros}, ${inMillis("a.lease")} FROM a
  WHERE NOT EXISTS (SELECT FROM ${table} o WHERE o.key = a.key) ORDER BY a.key
  ON CONFLICT DO NOTHING
  RETURNING l.key, l.fence, ${watched}
)
SELECT key, fence, ${micros} FROM upd UNION ALL SELECT key, fence, ${micros} FROM ins`,

    // $1 key $2 token $3 lease $4 latest $5 entry  -> as acquire, and whether it is in the queue. Whoever takes a key
    // whose lease has ended passes those before it in the queue: they had the same chance, and may be gone.
    wait: `
WITH a AS MATERIALIZED (
  SELECT $1::text AS key, $2::text AS token, $3::text::int8 AS lease, $5::text AS entry, $4::text::int8 AS latest
),${take},
seat AS MATERIALIZED (
  SELECT l.key, c.entry FROM cur c JOIN ${table} l ON l.key = c.key
  WHERE NOT c.late AND NOT c.waits
    AND l.token NOT IN (c.token, '${shared}') AND l.expires_at > clock_timestamp() AND NOT c.entry = ANY(l.queue)
  FOR NO KEY UPDATE OF l SKIP LOCKED
),
joined AS (
  UPDATE ${table} l SET queue = l.queue || s.entry FROM seat s WHERE l.key = s.key RETURNING l.key
)
SELECT ${
      answer("c.waiters + (j.key IS NOT NULL)::int", "c.waits OR j.key IS NOT NULL")
    } FROM cur c ${taken} LEFT JOIN joined j ON j.key = c.key`,

    // $1 key $2 the token to release, $3 token $4 lease $5 latest $6 entry of the claim
    //   -> (ours, fence, micros, holder, left, waiters, late, whether the next one shares), nothing if the key is not the
    //      first token's, ours null if locked or shared
    exchange: `
WITH cur AS MATERIALIZED (
  SELECT l.key, coalesce(${micros} > $5::text::int8, false) AS late FROM ${table} l
  WHERE l.key = $1::text AND l.token = $2::text AND l.expires_at > clock_timestamp()
),
got AS MATERIALIZED (
  SELECT l.key, l.queue || $6::text AS queue FROM cur c JOIN ${table} l ON l.key = c.key
  WHERE NOT c.late AND l.token = $2::text AND l.expires_at > clock_timestamp() FOR UPDATE OF l SKIP LOCKED
),
heir AS MATERIALIZED (SELECT g.key, h.m, g.queue[h.n + 1:] AS queue FROM got g ${head("g.queue")}),
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
  FROM heir h WHERE l.key = h.key AND NOT ${shares("h")}
  RETURNING l.key, l.token, l.fence, l.expires_at, l.queue, h.m, ${watched}
)
SELECT u.token = $3::text, u.fence, ${micros}, u.token, ${millisLeft("u")}, cardinality(u.queue), c.late,
  ${sharesNext}, CASE WHEN u.m <> $6::text THEN ${tell("u")} END
FROM cur c LEFT JOIN upd u ON u.key = c.key`,

    // $1 key $2 the token that has it, $3 token $4 lease $5 latest of the claim  -> as acquire, nothing if nobody has it
    transfer: `
WITH cur AS MATERIALIZED (
  SELECT l.*, coalesce(${micros} > $5::text::int8, false) AS late FROM ${table} l
  WHERE l.key = $1::text AND l.expires_at > clock_timestamp()
),
got AS MATERIALIZED (
  SELECT l.key FROM cur c JOIN ${table} l ON l.key = c.key
  WHERE NOT c.late AND l.token IN ($2::text, $3::text) AND l.expires_at > clock_timestamp()
  FOR UPDATE OF l SKIP LOCKED
),
upd AS (
  UPDATE ${table} l SET
    token = $3::text,
    fence = CASE WHEN l.token = $3::text THEN l.fence ELSE ${nextFence} END,
    expires_at = greatest(${inMillis("$4::text::int8")}, CASE WHEN l.token = $3::text THEN l.expires_at END)
  FROM got g WHERE l.key = g.key
  RETURNING l.key, l.fence, ${watched}
)
SELECT c.key, u.fence, ${micros}, c.token, ${millisLeft("c")}, cardinality(c.queue), c.late, false
FROM cur c LEFT JOIN upd u ON u.key = c.key`,

    // One by itself, in less of the server's time: what nobody waits for, or the first in the queue alone.
    // $1 key $2 token  -> (key, true, whether nobody has it now), nothing if that is not so
    releaseOne: `
UPDATE ${table} l SET ${handOnToFirst}
FROM (
  SELECT ctid, string_to_array(queue[1], ' ') AS words FROM ${table}
  WHERE key = $1::text AND token = $2::text AND expires_at > clock_timestamp() AND ${isSimple}
  FOR UPDATE SKIP LOCKED
) h WHERE l.ctid = h.ctid
RETURNING l.key, true, h.words IS NULL, CASE WHEN h.words IS NULL THEN ${relax} ELSE ${
      tell("l", "h.words")
    } END, ${watched}`,

    // $1 keys $2 tokens  -> (key, whether its lease was live | null if nothing was done, as it is locked, or shared)… of those
    // that are the token's or shared
    release: `
WITH cur AS MATERIALIZED (
  SELECT a.key, a.token, l.token = '${shared}' AS shared FROM unnest($1::text[], $2::text[]) AS a(key, token)
  JOIN ${table} l ON l.key = a.key AND l.token IN (a.token, '${shared}')
),
got AS MATERIALIZED (
  SELECT l.key, l.queue, l.expires_at > clock_timestamp() AS live FROM cur c JOIN ${table} l ON l.key = c.key
  WHERE l.token = c.token ORDER BY l.key FOR UPDATE OF l SKIP LOCKED
),
heir AS MATERIALIZED (SELECT g.key, g.live, h.n, h.m FROM got g ${head("g.queue")}),
upd AS (
  UPDATE ${table} l SET ${handOn}
  FROM heir h WHERE l.key = h.key AND ${shares("h")} IS NOT TRUE
  RETURNING l.key, h.live, l.token, l.fence, l.expires_at, h.m, ${watched}
)
SELECT u.key, u.live, false,
  CASE WHEN u.m IS NOT NULL THEN ${tell("u")}
    WHEN (SELECT bool_and(m IS NULL) FROM upd) THEN ${relax} END
FROM upd u UNION ALL
SELECT c.key, NULL, c.shared OR c.key IN (SELECT key FROM heir h WHERE ${
      shares("h")
    }), NULL FROM cur c WHERE ${others}`,

    // As releaseOne, of many.
    // $1 keys $2 tokens  -> (key, whether its lease was live, whether nobody has it now)… of those released
    releaseMany: `
WITH h AS MATERIALIZED (
  SELECT l.key, l.expires_at > clock_timestamp() AS live, string_to_array(l.queue[1], ' ') AS words
  FROM unnest($1::text[], $2::text[]) AS a(key, token) JOIN ${table} l ON l.key = a.key AND l.token = a.token
  WHERE ${isSimple} ORDER BY l.key FOR UPDATE OF l SKIP LOCKED
)
UPDATE ${table} l SET ${handOnToFirst} FROM h WHERE l.key = h.key
RETURNING l.key, h.live, h.words IS NULL, CASE
  WHEN h.words IS NOT NULL THEN ${tell("l", "h.words")}
  WHEN (SELECT bool_and(words IS NULL) FROM h) THEN ${relax} END, ${watched}`,

    // $1 key $2 token $3 entry  -> (whether it held the key, whether it has left it or its queue, whether it is shared);
    // nothing if it is in neither
    withdraw: `
WITH cur AS MATERIALIZED (
  SELECT l.key, l.token = '${shared}' AS shared FROM ${table} l WHERE l.key = $1::text AND (l.token = $2::text OR $3::text = ANY(l.queue))
),
got AS MATERIALIZED (
  SELECT l.key, l.queue, l.expires_at > clock_timestamp() AS live FROM cur c JOIN ${table} l ON l.key = c.key
  WHERE l.token = $2::text FOR UPDATE OF l SKIP LOCKED
),
heir AS MATERIALIZED (SELECT g.key, g.live, h.n, h.m FROM got g ${head("g.queue")}),
upd AS (
  UPDATE ${table} l SET ${handOn}
  FROM heir h WHERE l.key = h.key AND ${shares("h")} IS NOT TRUE
  RETURNING l.key, h.live, l.token, l.fence, l.expires_at, h.m, ${watched}
),
seat AS MATERIALIZED (
  SELECT l.key FROM cur c JOIN ${table} l ON l.key = c.key
  WHERE l.token NOT IN ($2::text, '${shared}') AND $3::text = ANY(l.queue) FOR NO KEY UPDATE OF l SKIP LOCKED
),
gone AS (
  UPDATE ${table} l SET queue = array_remove(l.queue, $3::text) FROM seat s WHERE l.key = s.key RETURNING l.key
)
SELECT coalesce(u.live, false), u.key IS NOT NULL OR g.key IS NOT NULL, c.shared OR ${sharesNext},
  CASE WHEN u.m IS NOT NULL THEN ${tell("u")} ELSE ${relax} END
FROM cur c LEFT JOIN upd u ON u.key = c.key LEFT JOIN gone g ON g.key = c.key`,

    // $1 keys $2 tokens $3 leases  -> (key, token, false if locked, null if shared)… of those that are the token's or shared
    extend: `
WITH cur AS MATERIALIZED (
  SELECT a.key, a.token, a.lease::int8 AS lease, l.token = '${shared}' AS shared
  FROM unnest($1::text[], $2::text[], $3::text[]) AS a(key, token, lease)
  JOIN ${table} l ON l.key = a.key AND l.token IN (a.token, '${shared}') AND l.expires_at > clock_timestamp()
),
got AS MATERIALIZED (
  SELECT l.key, c.lease FROM cur c JOIN ${table} l ON l.key = c.key
  WHERE l.token = c.token AND l.expires_at > clock_timestamp() ORDER BY l.key FOR NO KEY UPDATE OF l SKIP LOCKED
),
upd AS (
  UPDATE ${table} l SET expires_at = ${inMillis("g.lease")} FROM got g WHERE l.key = g.key RETURNING l.key, l.token
)
SELECT u.key, u.token, true FROM upd u UNION ALL
SELECT c.key, c.token, CASE WHEN c.shared THEN NULL ELSE false END FROM cur c WHERE ${others}`,

    // $1 key  -> (holder, left, waiters)
    inspect: `
SELECT l.token, ${millisLeft("l")}, cardinality(l.queue) FROM ${table} l
WHERE l.key = $1::text AND l.expires_at > clock_timestamp()`,

    // $1 what rows are named like $2 the last row before  -> (key, holder, left, waiters)…
    list: `
SELECT l.key, l.token, ${millisLeft("l")}, cardinality(l.queue) FROM ${table} l
WHERE l.key >= $1::text AND starts_with(l.key, $1::text) AND l.key > $2::text
  AND l.token <> '' AND l.expires_at > clock_timestamp()
ORDER BY l.key LIMIT ${pageSize}`,

    // $1 key $2 channel  -> (). Whoever watches says so again before that is swept.
    watch: `
INSERT INTO ${table} AS l (key, token, fence, expires_at, queue)
VALUES ('w' || $1::text, '', 0, clock_timestamp(), ARRAY[$2::text])
ON CONFLICT (key) DO UPDATE SET
  expires_at = clock_timestamp(),
  queue = array_append(array_remove(l.queue, $2::text), $2::text)`,

    // $1 key $2 channel  -> ()
    unwatch: `
UPDATE ${table} l SET queue = array_remove(l.queue, $2::text) WHERE l.key = 'w' || $1::text`,

    // -> (how many rows nobody has wanted for a while, and are gone)
    sweep: `
WITH old AS MATERIALIZED (
  SELECT l.key FROM ${table} l WHERE l.expires_at < clock_timestamp() - interval '${keptFor}'
  ORDER BY l.key LIMIT 1000 FOR UPDATE SKIP LOCKED
),
gone AS (DELETE FROM ${table} l USING old o WHERE l.key = o.key RETURNING l.key)
SELECT count(*), CASE WHEN count(*) > 0 THEN ${relax} END FROM gone`,

    // $1 key $2 fencing token  -> a row if the lease is live, and stays ours until the transaction ends; true if the key
    // is shared, by whomever
    check: `
SELECT l.token = '${shared}' FROM ${table} l
WHERE l.key = $1::text AND (l.token = '${shared}' OR $2::text::int8 BETWEEN l.fence AND l.fence + ${fenceRoom - 1})
  AND l.expires_at > clock_timestamp()
FOR KEY SHARE`,

    // The following know the column `sharers`, which tables of before may lack.

    // $1 key $2 fencing token  -> a row if the lease is that of a sharer
    checkShared: `
SELECT 1 FROM ${table} l
WHERE l.key = $1::text AND l.token = '${shared}' AND EXISTS (
  SELECT FROM unnest(l.sharers) AS s(m)
  WHERE split_part(s.m, ' ', 3) = $2::text AND split_part(s.m, ' ', 4)::int8 > ${micros}
)
FOR KEY SHARE`,

    // $1 keys  -> (key, version | null, token, fence, end, queue, sharers, micros)…
    read: `
SELECT a.key, l.xmin::text, l.token, l.fence, (extract(epoch FROM l.expires_at) * 1000000)::int8,
  array_to_json(l.queue)::text, array_to_json(l.sharers)::text, ${micros}
FROM unnest($1::text[]) AS a(key) LEFT JOIN ${table} l ON l.key = a.key`,

    // $1 keys $2 versions $3 tokens $4 fences $5 ends $6 queues $7 sharers $8 whether it waits for fenced transactions
    // $9 latest $10 whether it may be forgotten by a crash, $11 keys $12 channels $13 messages  -> (key)… of those written,
    // as nobody has changed them since that version
    write: `
WITH a AS MATERIALIZED (
  SELECT key, version, token, fence::int8 AS fence, timestamptz 'epoch' + ends::int8 * interval '1 us' AS expires_at,
    queue::text[] AS queue, sharers::text[] AS sharers, away
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS a(key, version, token, fence, ends, queue, sharers, away)
  WHERE NOT coalesce(${micros} > $9::text::int8, false)
),
away AS MATERIALIZED (
  SELECT a.* FROM a JOIN ${table} l ON l.key = a.key
  WHERE l.xmin::text = a.version AND a.away = '1' ORDER BY l.key FOR UPDATE OF l SKIP LOCKED
),
stay AS MATERIALIZED (
  SELECT a.* FROM a JOIN ${table} l ON l.key = a.key
  WHERE l.xmin::text = a.version AND a.away = '0' ORDER BY l.key FOR NO KEY UPDATE OF l SKIP LOCKED
),
upd AS (
  UPDATE ${table} l SET token = g.token, fence = g.fence, expires_at = g.expires_at, queue = g.queue, sharers = g.sharers
  FROM (SELECT * FROM away UNION ALL SELECT * FROM stay) g WHERE l.key = g.key
  RETURNING l.key, ${watched}
),
ins AS (
  INSERT INTO ${table} AS l (key, token, fence, expires_at, queue, sharers)
  SELECT key, token, fence, expires_at, queue, sharers FROM a WHERE version = '' ORDER BY key
  ON CONFLICT DO NOTHING
  RETURNING l.key, ${watched}
)
SELECT w.key, (
    SELECT count(pg_notify(m.channel, m.message)) FROM unnest($11::text[], $12::text[], $13::text[]) AS m(key, channel, message)
    WHERE m.key = w.key
  ), CASE WHEN $10::text = '1' THEN ${relax} END
FROM (SELECT key FROM upd UNION ALL SELECT key FROM ins) w`,

    // $1 keys $2 tokens $3 leases  -> (key, the tokens that were extended | null if locked)… of those that are shared
    extendShared: `
WITH cur AS MATERIALIZED (
  SELECT a.key, jsonb_object_agg(a.token, a.lease) AS leases
  FROM unnest($1::text[], $2::text[], $3::text[]) AS a(key, token, lease)
  JOIN ${table} l ON l.key = a.key AND l.token = '${shared}'
  GROUP BY a.key
),
got AS MATERIALIZED (
  SELECT l.key, l.sharers, c.leases, ${micros} AS now FROM cur c JOIN ${table} l ON l.key = c.key
  WHERE l.token = '${shared}' ORDER BY l.key FOR NO KEY UPDATE OF l SKIP LOCKED
),
new AS MATERIALIZED (
  SELECT g.key, n.* FROM got g CROSS JOIN LATERAL (
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
  FROM new n WHERE l.key = n.key AND n.extended IS NOT NULL
)
SELECT key, array_to_json(coalesce(extended, '{}'))::text FROM new
UNION ALL SELECT c.key, NULL FROM cur c WHERE c.key NOT IN (SELECT key FROM new)`
  }
}
