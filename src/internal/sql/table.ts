/** The table of locks: its name, its definition, and how a key is named in it. */
import * as Result from "effect/Result"
import { createHash } from "node:crypto"
import { InvalidOptions } from "../../LockError.ts"
import { escape, unescape } from "../escape.ts"
import { show } from "../show.ts"

export interface Table {
  /** As the user named it. */
  readonly name: string
  /** Quoted, for statements. */
  readonly sql: string
}

export const defaultTable = "effect_locks"

const expected = `a name such as "${defaultTable}" or "app.locks": letters, digits and _, at most 48 characters a part`

const pattern = /^(?:[a-z_][a-z0-9_]{0,47}\.)?[a-z_][a-z0-9_]{0,47}$/i

export const parseTable = (name: string = defaultTable): Result.Result<Table, InvalidOptions> =>
  typeof name === "string" && pattern.test(name)
    ? Result.succeed({ name, sql: name.split(".").map((part) => `"${part}"`).join(".") })
    : Result.fail(new InvalidOptions({ option: "table", value: show(name), expected }))

/**
 * There is a row for each key that somebody holds or wants, and for a minute after that. Rows are updated all the time: the
 * free space in a page is for their next versions, and dead ones are vacuumed early and without pauses. Pages are not truncated
 * even when all rows are gone: statements that are planned on a table of few pages would read it as a whole.
 *
 * One row, which is no key's, stays for good (see `mark` in `statements/terms.ts`).
 *
 * - `token`: the holder's, or empty once it has released the key
 * - `fence`: the holder's fencing token
 * - `expires_at`: the end of the lease, by this server's clock
 * - `queue`: the waiters, in order (see `statements.ts`)
 * - `sharers`: the sharers (see `sharing.ts`)
 * - `watchers`: the channels of those who watch it and when they last renewed that, in seconds, or null
 */
export const createTable = ({ sql }: Table): string =>
  `CREATE TABLE IF NOT EXISTS ${sql} (
  key text COLLATE "C" PRIMARY KEY,
  token text NOT NULL,
  fence bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  queue text[] NOT NULL DEFAULT '{}',
  sharers text[] NOT NULL DEFAULT '{}',
  watchers text[]
) WITH (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
)`

/** Every encoding of a database has ASCII, but not more; and an index entry is at most 2.7 kB. */
const special = /[^ -~]|\\/g

const longest = 1_000

/** The `LIKE` pattern for the rows of all keys with this prefix. */
export const rowPrefix = (prefix: string): string => `k${escape(prefix, special)}`

/** The key of a row, unless its name is a hash. */
export const keyOf = (row: string): string | undefined => row.startsWith("k") ? unescape(row.slice(1)) : undefined

/** The name of a key's row. */
export const rowName = (key: string): string => {
  const name = key.length <= longest ? rowPrefix(key) : ""
  return name !== "" && name.length <= longest
    ? name
    : `h${createHash("sha256").update(Buffer.from(key, "utf16le")).digest("base64url")}`
}
