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
import type { Table } from "./table.ts";
export interface Statements {
    readonly acquireFreed: string;
    readonly acquireOne: string;
    readonly acquireFree: string;
    readonly acquire: string;
    readonly wait: string;
    readonly exchange: string;
    readonly transfer: string;
    readonly releaseOne: string;
    readonly releaseUnwanted: string;
    readonly release: string;
    readonly withdraw: string;
    readonly extend: string;
    readonly inspect: string;
    readonly list: string;
    readonly watch: string;
    readonly unwatch: string;
    readonly sweep: string;
    readonly check: string;
    readonly read: string;
    readonly write: string;
    readonly extendShared: string;
    readonly checkShared: string;
}
/** How many fencing tokens are left free after each, for holders that take over within a process. */
export declare const fenceRoom = 512;
/** How many locks a list says at once. */
export declare const pageSize = 500;
/** The token of a row that is shared, which is nobody's. */
export declare const shared = "+";
export declare const make: ({ sql: table }: Table) => Statements;
