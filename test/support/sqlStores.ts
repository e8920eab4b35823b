/** The ways to reach a PostgreSQL, for tests that must hold for all of them. */
import * as PgClient from "@effect/sql-pg/PgClient"
import { Deferred, Effect, Exit, identity, Redacted, Scope } from "effect"
import type { LockError, LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { admin } from "./postgres.ts"

let tables = 0

/** A table for a test, dropped after it. */
export const tableBy = (
  sql: SqlClient.SqlClient
): Effect.Effect<string, SqlError | LockError.LockError, Scope.Scope> =>
  Effect.gen(function*() {
    const name = `locks_${++tables}`
    const statement = yield* SqlBackend.createTable({ table: name })
    yield* Effect.acquireRelease(sql.unsafe(statement), () => Effect.ignore(sql.unsafe(`DROP TABLE ${name}`)))
    return name
  })

/** The same, over a connection of its own. */
export const table = (url: string): Effect.Effect<string, SqlError | LockError.LockError, Scope.Scope> =>
  Effect.gen(function*() {
    // A pool whose scope is being closed opens no connection any more, and after a while without use it has none.
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    return yield* tableBy(yield* Scope.provide(admin(url), scope))
  })

export const sqlClient = (url: string, maxConnections = 4): Effect.Effect<PgClient.PgClient, SqlError, Scope.Scope> =>
  Effect.provide(PgClient.make({ url: Redacted.make(url), maxConnections }), Reactivity.layer)

type Store = Effect.Effect<LockStore.LockStore, LockError.LockError | SqlError, Scope.Scope>

interface Flavour {
  readonly name: string
  readonly make: (url: string, options: SqlBackend.CommonOptions) => Store
  /** The same over a client of the program, if there is one. */
  readonly over?: (sql: PgClient.PgClient, options: SqlBackend.CommonOptions) => Store
}

const over = (name: string, of: (sql: PgClient.PgClient) => SqlClient.SqlClient): Flavour => {
  const make: Flavour["over"] = (sql, options) =>
    Effect.provideService(SqlBackend.makeStoreSqlClient(options), SqlClient.SqlClient, of(sql))
  return { name, make: (url, options) => Effect.flatMap(sqlClient(url), (sql) => make(sql, options)), over: make }
}

export const flavours: ReadonlyArray<Flavour> = [
  { name: "its own connections", make: (url, options) => SqlBackend.makeStore({ url, ...options }) },
  over("the program's SqlClient", identity),
  over("a client that cannot listen", (sql) => Object.assign(sql, { listen: undefined }))
]

/**
 * Waits until notifications reach the store, and keeps it listening until the scope ends. An earlier message is lost, and whoever
 * it was for looks instead.
 */
export const hearing = (
  { watch }: LockStore.LockStore
): Effect.Effect<void, LockError.BackendFailure, Scope.Scope> =>
  Effect.gen(function*() {
    const heard = yield* Deferred.make<void>()
    yield* watch!("heard", () => Deferred.doneUnsafe(heard, Effect.void))
    yield* Deferred.await(heard)
  })

/** Repeats a call until it is answered. */
export const eventually = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A> =>
  Effect.eventually(Effect.tapError(effect, () => Effect.sleep("50 millis")))
