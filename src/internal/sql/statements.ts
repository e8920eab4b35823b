/**
 * The protocol: one statement for each operation, each atomic by itself.
 *
 * - A claim never waits for a row lock. It locks rows with `SKIP LOCKED`, and reports skipped ones,
 *   which are tried again. So a row that somebody keeps locked holds up nothing else, and there are
 *   no deadlocks. A free row is only checked for locks, and then written: if somebody locks it in
 *   between, the statement waits.
 * - A claim reads before it locks: one that is refused writes nothing, and takes no transaction id.
 * - The rows of a batch are found in a `LATERAL` that the planner cannot flatten, and changed by
 *   their `ctid`, or by `ON CONFLICT` where speed counts. In a plain join, with statistics from
 *   when the table was nearly empty, the server would compare all rows with all keys. A row that
 *   changes in between may be taken for skipped.
 * - A release, or a grant to another token, locks the row `FOR UPDATE`, which has to wait for the
 *   `FOR KEY SHARE` of a fenced transaction. All else locks it `FOR NO KEY UPDATE`, which does not.
 * - Time is `clock_timestamp()`. `now()` stands still while a statement waits.
 *
 * The row's queue has an entry for each waiter, in the order of arrival: `<token> <lease> <grant>
 * <channel>`. The statement that frees the key passes it to the first in the queue, for `grant`
 * milliseconds, and notifies it on its channel; the channel `-` is that of a waiter that polls.
 * Entries of another form are dropped when their turn comes.
 *
 * Each watcher of a key is in the row's list of watchers, as `channel seconds`, and is notified on
 * its channel of each new holder. It renews its entry regularly, or counts as gone.
 *
 * A fencing token is the server's clock in microseconds at the time of the grant, and at least 512
 * more than the one before, even if that clock was set back. A row without a key keeps the highest
 * token of all deleted rows, above which new rows start.
 */
import * as Acquiring from "./statements/acquiring.ts"
import * as Checking from "./statements/checking.ts"
import * as Editing from "./statements/editing.ts"
import * as Inspecting from "./statements/inspecting.ts"
import * as Releasing from "./statements/releasing.ts"
import * as Renewing from "./statements/renewing.ts"
import * as Sweeping from "./statements/sweeping.ts"
import * as Watching from "./statements/watching.ts"
import type { Table } from "./table.ts"

export const make = (table: Table) => ({
  ...Acquiring.make(table),
  ...Releasing.make(table),
  ...Renewing.make(table),
  ...Inspecting.make(table),
  ...Watching.make(table),
  ...Sweeping.make(table),
  ...Editing.make(table),
  ...Checking.make(table)
})

export type Statements = ReturnType<typeof make>
