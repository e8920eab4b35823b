/** Terms that statements share. */

/** How many fencing tokens are left free after each, for hand-overs within a process. */
export const fenceRoom = 512

/** The token of a shared row, which is nobody's. */
export const shared = "+"

/** Not by `extract`, which calculates in decimals. */
export const micros = "(date_part('epoch', clock_timestamp()) * 1000000)::int8"

export const millisLeft = (row: string) => `(date_part('epoch', ${row}.expires_at - clock_timestamp()) * 1000)`

export const inMillis = (millis: string) => `clock_timestamp() + ${millis} * interval '1 ms'`

export const nextFence = `greatest(l.fence + ${fenceRoom}, ${micros})`

/** The row that keeps the highest fencing token of all deleted rows. It is no key's, and nobody's. */
export const mark = "m"

/** The least fencing token of a row that may have been deleted. */
export const markOf = (table: string) => `coalesce((SELECT m.fence FROM ${table} m WHERE m.key = '${mark}'), 0)`

export const firstFence = (table: string) => `greatest(${markOf(table)} + ${fenceRoom}, ${micros})`

/** A claim that arrives after this, on the server's clock in microseconds, is too late for anybody to know of. */
export const isLate = (latest: string) => `coalesce(${micros} > ${latest}, false)`

/**
 * Whether nobody holds the row. A released one is free whatever the clock shows, as that may have been
 * set back since.
 */
export const isFree = (row: string) => `(${row}.token = '' OR ${row}.expires_at <= clock_timestamp())`
export const isHeld = (row: string) => `(${row}.token <> '' AND ${row}.expires_at > clock_timestamp())`

/** The keys that were skipped. A join would compare each of a batch with each, as the planner expects only one or two. */
export const others = "c.key NOT IN (SELECT key FROM upd)"

/**
 * Always true, but the planner expects it of one row in 200. So it expects a row or two, and looks up each by the index;
 * otherwise it would read a table of few pages as a whole, and compare all rows with all keys.
 */
export const isAsked = (row: string) => `num_nulls(${row}.key) = 0`

/**
 * The place of the row `l`, for the statement that has found and locked it, and whether `l` is at the place of `row`. In a
 * partitioned table, the same `ctid` exists in each partition.
 */
export const place = "l.ctid, l.tableoid"
export const isAt = (row: string) => `l.ctid = ${row}.ctid AND l.tableoid = ${row}.tableoid`

/**
 * Overwrites rows that this statement has found and locked. This finds each by the index, whatever the planner expects;
 * to find it by its `ctid`, the server would ask the file system for the size of the table each time.
 */
export const overwriting =
  "ON CONFLICT (key) DO UPDATE SET token = excluded.token, fence = excluded.fence, expires_at = excluded.expires_at"

/** A release need not survive a crash, which only brings back the lease that was released. */
export const relax = "set_config('synchronous_commit', 'off', true)"

/** The channel of a watcher. */
export const channelOf = (watcher: string) => `split_part(${watcher}, ' ', 1)`

/** Notifies the watchers of the row `l`. */
export const watched = `(SELECT count(pg_notify(${
  channelOf("w")
}, '1 ? ' || l.key)) FROM unnest(l.watchers) AS w) AS told`
