/**
 * The records of all keys in IndexedDB, and the last fencing token. A `readwrite`
 * transaction is exclusive among all tabs and workers of an origin, so what reads
 * and writes in one is atomic. A key that nobody holds or wants has no record.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { BackendFailure } from "../../LockError.ts";
import * as Record from "./record.ts";
export declare const backend = "browser";
export interface Table {
    /**
     * Changes the record of a key. `f` may ask for a fencing token, once; what it
     * answers comes when the change is made.
     */
    readonly update: <A>(operation: string, key: string, f: (record: Record.Record, nextToken: () => number) => {
        readonly answer: A;
        readonly next: Record.Record | undefined;
    }) => Effect.Effect<A, BackendFailure>;
    readonly read: (operation: string, key: string) => Effect.Effect<Record.Record, BackendFailure>;
    /** Keys that start so, in order, after `from`: as many as a page has, or all that are left. */
    readonly keys: (prefix: string, from: string | undefined) => Effect.Effect<ReadonlyArray<string>, BackendFailure>;
}
/** How many keys there are in a page. */
export declare const pageSize = 250;
/** Opens the database when it is first used, and again after somebody has deleted it. */
export declare const make: (name: string, wallMillis: () => number) => Effect.Effect<Table, never, Scope.Scope>;
