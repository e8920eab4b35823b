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

/** The row that has the highest fencing token of all that were swept. It is no key's, and nobody's. */
export const mark = "m"

/** What a row begins with that may have been swept. */
export const markOf = (table: string) => `coalesce((SELECT m.fence FROM ${table} m WHERE m.key = '${mark}'), 0)`

export const firstFence = (table: string) => `greatest(${markOf(table)} + ${fenceRoom}, ${micros})`

/** A claim that arrives after this, on the server's clock in microseconds, is too late for anybody to know of. */
export const isLate = (latest: string) => `coalesce(${micros} > ${latest}, false)`

/**
 * Whether nobody has the row. One that was given back is free whatever the clock shows, as that
 * may have been set back since.
 */
export const isFree = (row: string) => `(${row}.token = '' OR ${row}.expires_at <= clock_timestamp())`
export const isHeld = (row: string) => `(${row}.token <> '' AND ${row}.expires_at > clock_timestamp())`

/** Those that were skipped. A join would compare each of a batch with each, as the planner expects one or two. */
export const others = "c.key NOT IN (SELECT key FROM upd)"

/**
 * Always so of what is asked for, and believed to be so of one in 200. What is taken for a row or two is looked for one by one;
 * otherwise a table of a few pages is read as a whole, and compared with all.
 */
export const isAsked = (row: string) => `num_nulls(${row}.key) = 0`

/**
 * Where the row of `l` is, for the statement that has found and locked it, and that of `l` is that of `row`. In a table of
 * several parts, rows of others are at the same place in theirs.
 */
export const place = "l.ctid, l.tableoid"
export const isAt = (row: string) => `l.ctid = ${row}.ctid AND l.tableoid = ${row}.tableoid`

/**
 * Writes what is inserted over rows that this statement has found and locked. It finds each by the index, whatever the
 * planner believes; where it finds rows by their `ctid`, the server asks the file system for the size of the table for each.
 */
export const overwriting =
  "ON CONFLICT (key) DO UPDATE SET token = excluded.token, fence = excluded.fence, expires_at = excluded.expires_at"

/** What was given to nobody may be forgotten by a crash, which only brings back the lease that it had. */
export const relax = "set_config('synchronous_commit', 'off', true)"

/** Where one who watches is told. */
export const channelOf = (watcher: string) => `split_part(${watcher}, ' ', 1)`

/** Tells those who watch the row of `l`. */
export const watched = `(SELECT count(pg_notify(${
  channelOf("w")
}, '1 ? ' || l.key)) FROM unnest(l.watchers) AS w) AS told`
