/** Statements of those who watch a key. They change nothing of a lease that lasts. */
import type { Table } from "../table.ts"
import { relax } from "./terms.ts"

export const make = ({ sql: table }: Table) => ({
  // $1 key $2 channel  -> (). Whoever watches says so again before the row is swept.
  watch: `
INSERT INTO ${table} AS l (key, token, fence, expires_at, watchers)
VALUES ($1::text, '', 0, clock_timestamp(), ARRAY[$2::text])
ON CONFLICT (key) DO UPDATE SET
  token = CASE WHEN l.expires_at > clock_timestamp() THEN l.token ELSE '' END,
  expires_at = greatest(l.expires_at, clock_timestamp()),
  watchers = array_append(array_remove(l.watchers, $2::text), $2::text)
RETURNING ${relax}`,

  // $1 key $2 channel  -> ()
  unwatch: `
UPDATE ${table} l SET watchers = nullif(array_remove(l.watchers, $2::text), '{}')
WHERE l.key = $1::text AND $2::text = ANY(l.watchers)
RETURNING ${relax}`
})
