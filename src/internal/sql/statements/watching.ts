/** Statements of those who watch a key. */
import type { Table } from "../table.ts"

export const make = ({ sql: table }: Table) => {
  return {
    // $1 key $2 channel  -> (). Whoever watches says so again before that is swept.
    watch: `
INSERT INTO ${table} AS l (key, token, fence, expires_at, queue)
VALUES ('w' || $1::text, '', 0, clock_timestamp(), ARRAY[$2::text])
ON CONFLICT (key) DO UPDATE SET
  expires_at = clock_timestamp(),
  queue = array_append(array_remove(l.queue, $2::text), $2::text)`,

    // $1 key $2 channel  -> ()
    unwatch: `
UPDATE ${table} l SET queue = array_remove(l.queue, $2::text) WHERE l.key = 'w' || $1::text`
  }
}
