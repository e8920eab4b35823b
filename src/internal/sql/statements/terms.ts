/** What statements have in common. */

/** How many fencing tokens are left free after each, for holders that take over within a process. */
export const fenceRoom = 512

/** The token of a row that is shared, which is nobody's. */
export const shared = "+"

/** Not by `extract`, which calculates in decimals. */
export const micros = "(date_part('epoch', clock_timestamp()) * 1000000)::int8"

export const millisLeft = (row: string) => `(date_part('epoch', ${row}.expires_at - clock_timestamp()) * 1000)`

export const inMillis = (millis: string) => `clock_timestamp() + ${millis} * interval '1 ms'`

export const nextFence = `greatest(l.fence + ${fenceRoom}, ${micros})`

/** A claim that arrives after this, on the server's clock in microseconds, is too late for anybody to know of. */
export const isLate = (latest: string) => `coalesce(${micros} > ${latest}, false)`

/** Those that were skipped. A join would compare each of a batch with each, as the planner expects one or two. */
export const others = "c.key NOT IN (SELECT key FROM upd)"

/** What was given to nobody may be forgotten by a crash, which only brings back the lease that it had. */
export const relax = "set_config('synchronous_commit', 'off', true)"

/** Tells those who watch the row of `l`. */
export const watched = (table: string) =>
  `cardinality(ARRAY(
    SELECT pg_notify(unnest(w.queue), '1 ? ' || l.key)::text FROM ${table} w WHERE w.key = 'w' || l.key
  )) AS told`
