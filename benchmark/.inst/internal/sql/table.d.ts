/** The table of locks: its name, its definition, and how a key is named in it. */
import * as Result from "effect/Result";
import { InvalidOptions } from "../../LockError.ts";
export interface Table {
    /** As the user named it. */
    readonly name: string;
    /** Quoted, for statements. */
    readonly sql: string;
}
export declare const defaultTable = "effect_locks";
export declare const parseTable: (name?: string) => Result.Result<Table, InvalidOptions>;
/**
 * A row is a key that somebody has or wants, and for a minute after that. Rows
 * are updated in place all the time: the room in a page is for their next
 * versions, and what is left behind is cleaned up early and without pauses.
 *
 * - `token`: the holder's, or empty once it has given the key back
 * - `fence`: the holder's fencing token
 * - `expires_at`: the end of the lease, by this server's clock
 * - `queue`: who waits, in order (see `statements.ts`)
 * - `sharers`: who shares it (see `sharing.ts`)
 */
export declare const createTable: ({ sql }: Table) => string;
/** What tables lack that were created before keys could be shared. All else works without. */
export declare const addSharers: ({ sql }: Table) => string;
/** What the rows of all keys are named like that start so, unless there can be none with their names. */
export declare const rowPrefix: (prefix: string) => string | undefined;
/** The key of a row, unless its name is a hash. */
export declare const keyOf: (row: string) => string | undefined;
/** The name of a key's row. */
export declare const rowName: (key: string) => string;
