/**
 * The protocol, one statement for each operation, each atomic by itself.
 *
 * - No statement of who wants a key waits for a row. What it wants is locked by `SKIP LOCKED`, and
 *   what was skipped is reported, to be asked for again. So one row that
 *   somebody keeps locked holds up nothing else, and there are no deadlocks. One that was given back
 *   is only looked at for whether it is locked, and written: who locks it in between is waited for.
 * - It reads before it locks: who is refused writes nothing, and takes no
 *   transaction id.
 * - Rows of a batch are looked for in a `LATERAL` that the planner cannot take apart, and changed by
 *   the `ctid` that was found, or by `ON CONFLICT` where speed counts. In a join of a table that was nearly empty when the
 *   server looked at it last, it compares all rows with all keys. A row that changes in between may be taken for skipped.
 * - Giving a key back, or to somebody else than the one who gave it back, locks its row `FOR UPDATE`, which has to wait for the
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
 * Who only watches a key is among the watchers of its row, `channel seconds`, and is told
 * on its channel of each other holder. It says so again and again, or is taken for gone.
 *
 * A fencing token is the server's clock in microseconds at the time of the grant,
 * and at least 512 more than the one before, also if that clock was set back. What is swept
 * leaves its own in a row that is no key's, above which rows begin that are made anew.
 */
import * as Checking from "./statements/checking.ts"
import * as Editing from "./statements/editing.ts"
import * as Giving from "./statements/giving.ts"
import * as Keeping from "./statements/keeping.ts"
import * as Looking from "./statements/looking.ts"
import * as Sweeping from "./statements/sweeping.ts"
import * as Taking from "./statements/taking.ts"
import * as Watching from "./statements/watching.ts"
import type { Table } from "./table.ts"

export const make = (table: Table) => ({
  ...Taking.make(table),
  ...Giving.make(table),
  ...Keeping.make(table),
  ...Looking.make(table),
  ...Watching.make(table),
  ...Sweeping.make(table),
  ...Editing.make(table),
  ...Checking.make(table)
})

export type Statements = ReturnType<typeof make>
