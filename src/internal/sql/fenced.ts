/** A transaction that commits only while a lease is held. */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { Lease } from "../../Lease.ts"
import { BackendFailure, LockError } from "../../LockError.ts"
import { invalid } from "../options.ts"
import * as Failure from "./failure.ts"
import * as Statements from "./statements.ts"
import { rowName, type Table } from "./table.ts"

/** A program that is not type-checked may pass something else. An error never shows a lease: it has a token in it. */
const checked = (lease: Lease | null | undefined): Effect.Effect<void, LockError> =>
  typeof lease?.key === "string" && Effect.isEffect(lease.remaining)
    ? Effect.void
    : Effect.fail(invalid("lease", typeof lease, "a lease, as Lock.acquire gives it"))

/**
 * Whether the lease holds its lock, and does so until the open transaction ends: the row goes to
 * nobody else while it is locked `FOR KEY SHARE`. Every grant first locks the row `FOR UPDATE`,
 * which marks its old version: otherwise an old version could still be locked, and believed.
 *
 * The fencing token says whose row it is. Holders that take over within a process share the row,
 * with their own tokens; the lease knows whether their turn is over.
 */
export const holds = (table: Table) => {
  const { check, checkShared } = Statements.make(table)
  return Effect.fnUntraced(function*(lease: Lease): Effect.fn.Return<boolean, LockError, SqlClient.SqlClient> {
    yield* checked(lease)
    const sql = (yield* SqlClient.SqlClient).withoutTransforms()
    const ask = (statement: string) =>
      Effect.mapError(
        sql.unsafe(statement, [rowName(lease.key), String(lease.fencingToken)]).values,
        (error) => new LockError({ reason: Failure.make(table, "check", lease.key, error) })
      )
    if (Duration.isZero(yield* lease.remaining)) return false
    const rows = yield* ask(check)
    return rows.length === 1 && (rows[0][0] !== true || (yield* ask(checkShared)).length === 1)
  })
}

/** Leaves the transaction, which is thus rolled back. */
class NotHeld extends Data.TaggedError("NotHeld")<{}> {}

export const withTransaction = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  sql: SqlClient.SqlClient,
  lease: Lease,
  holds: (lease: Lease) => Effect.Effect<boolean, LockError, SqlClient.SqlClient>
): Effect.Effect<A, E | LockError | SqlError, R> => {
  const begin = Effect.provideService(holds(lease), SqlClient.SqlClient, sql).pipe(
    Effect.flatMap((held) => held ? Effect.void : Effect.fail(new NotHeld()))
  )
  // The row is ours until the commit, but the lease's turn may have ended.
  const end = Effect.flatMap(
    Effect.suspend(() => lease.remaining),
    (remaining) => Duration.isZero(remaining) ? Effect.fail(new NotHeld()) : Effect.void
  )
  return Effect.andThen(
    checked(lease),
    Effect.catchIf(
      sql.withTransaction(begin.pipe(Effect.andThen(self), Effect.tap(end))),
      (error): error is NotHeld => error instanceof NotHeld,
      () => explain(lease)
    )
  )
}

/**
 * Why a lease does not hold the row: it was lost or released, as an extension tells; if not, the
 * row is in another database.
 */
const explain = (lease: Lease): Effect.Effect<never, LockError> =>
  Effect.andThen(
    lease.extend(),
    Effect.fail(
      new LockError({
        reason: new BackendFailure({
          backend: Failure.backend,
          operation: "check",
          key: lease.key,
          kind: "Unsupported",
          retryable: false,
          description: "the lock is held, but not in what this SqlClient sees: it has to be on the database that has " +
            "the table of locks, and in no transaction that has been reading an older state of it"
        })
      })
    )
  )
