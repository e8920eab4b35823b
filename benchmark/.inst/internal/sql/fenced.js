/** A transaction that commits only while a lease is held. */
import * as Data from "effect/Data";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { BackendFailure, LockError } from "../../LockError.js";
import * as Failure from "./failure.js";
import * as Statements from "./statements.js";
import { rowName } from "./table.js";
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
export const holds = (table) => {
    const { check, checkShared } = Statements.make(table);
    return Effect.fnUntraced(function* (lease) {
        const sql = (yield* SqlClient.SqlClient).withoutTransforms();
        const ask = (statement) => Effect.mapError(sql.unsafe(statement, [rowName(lease.key), String(lease.fencingToken)]).values, (error) => new LockError({ reason: Failure.make(table, "check", lease.key, error) }));
        if (Duration.isZero(yield* lease.remaining))
            return false;
        const rows = yield* ask(check);
        return rows.length === 1 && (rows[0][0] !== true || (yield* ask(checkShared)).length === 1);
    });
};
/** Leaves the transaction, which is thus rolled back. */
class NotHeld extends Data.TaggedError("NotHeld") {
}
export const withTransaction = (self, sql, lease, holds) => {
    const begin = Effect.provideService(holds(lease), SqlClient.SqlClient, sql).pipe(Effect.flatMap((held) => held ? Effect.void : Effect.fail(new NotHeld())));
    // The row is ours until the commit, but the turn that we have with it may have ended.
    const end = Effect.flatMap(lease.remaining, (remaining) => Duration.isZero(remaining) ? Effect.fail(new NotHeld()) : Effect.void);
    return Effect.catchIf(sql.withTransaction(begin.pipe(Effect.andThen(self), Effect.tap(end))), (error) => error instanceof NotHeld, () => explain(lease));
};
/**
 * Why a lease does not hold the row. Its owner is asked, and says that it is lost
 * or was given back; if not, the row is somewhere else.
 */
const explain = (lease) => Effect.andThen(lease.extend(), Effect.fail(new LockError({
    reason: new BackendFailure({
        backend: Failure.backend,
        operation: "check",
        key: lease.key,
        kind: "Unsupported",
        retryable: false,
        description: "the lock is held, but not in what this SqlClient sees: it has to be on the database that has " +
            "the table of locks, and in no transaction that has been reading an older state of it"
    })
})));
