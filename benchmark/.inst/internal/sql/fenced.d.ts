import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { Lease } from "../../Lease.ts";
import { LockError } from "../../LockError.ts";
import { type Table } from "./table.ts";
/**
 * Whether the lease is its holder's, and stays so until the open transaction
 * ends: nobody is given the row while its key is locked for share. Giving a row
 * away leaves a mark on the version before it, because it locks it `FOR UPDATE`
 * first: without it an old version could still be locked, and believed.
 *
 * A fencing token says whose the row is. Holders that take over within a process
 * share the row, with tokens of their own; whether their turn is over is known
 * to the lease.
 */
export declare const holds: (table: Table) => (lease: Lease) => Effect.Effect<boolean, LockError, SqlClient.SqlClient>;
export declare const withTransaction: <A, E, R>(self: Effect.Effect<A, E, R>, sql: SqlClient.SqlClient, lease: Lease, holds: (lease: Lease) => Effect.Effect<boolean, LockError, SqlClient.SqlClient>) => Effect.Effect<A, E | LockError | SqlError, R>;
