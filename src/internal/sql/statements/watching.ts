/** Statements of watchers. They do not change a live lease. */
import type { Table } from "../table.ts"
import { channelOf, markOf, relax } from "./terms.ts"

/** How long a watcher's entry lasts, in seconds. A live watcher renews it well before. */
const lastsSeconds = 180

const nowSeconds = "date_part('epoch', clock_timestamp())"

/** The live entries of the other watchers. */
const others = `ARRAY(
    SELECT w FROM unnest(l.watchers) AS w
    WHERE ${channelOf("w")} <> $2::text AND abs(${nowSeconds} - split_part(w, ' ', 2)::float8) < ${lastsSeconds}
  )`

const entry = `$2::text || ' ' || ${nowSeconds}::int8`

export const make = ({ sql: table }: Table) => ({
  // $1 key $2 channel  -> (). Watchers repeat this before the row is deleted.
  watch: `
INSERT INTO ${table} AS l (key, token, fence, expires_at, watchers)
VALUES ($1::text, '', ${markOf(table)}, clock_timestamp(), ARRAY[${entry}])
ON CONFLICT (key) DO UPDATE SET
  token = CASE WHEN l.expires_at > clock_timestamp() THEN l.token ELSE '' END,
  expires_at = greatest(l.expires_at, clock_timestamp()),
  watchers = array_append(${others}, ${entry})
RETURNING ${relax}`,

  // $1 key $2 channel  -> ()
  unwatch: `
UPDATE ${table} l SET watchers = nullif(${others}, '{}')
WHERE l.key = $1::text AND l.watchers IS NOT NULL
RETURNING ${relax}`
})
