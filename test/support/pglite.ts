/** PostgreSQL inside the test's own process, so that its dialect is tested even without a server. */
import * as PgClient from "@effect/sql-pg/PgClient"
import { PGlite } from "@electric-sql/pglite"
import { Effect, Queue } from "effect"
import type { Scope } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { SqlError, UnknownError } from "effect/sql/SqlError"

const failed = (cause: unknown): SqlError =>
  new SqlError({ reason: new UnknownError({ cause, message: String(cause), operation: "query" }) })

/** A new database, closed with the scope. */
export const database: Effect.Effect<PGlite, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => PGlite.create()),
  (db) => Effect.promise(() => db.close())
)

const connection = (db: PGlite): Connection => {
  const query = <Row>(rowMode: "array" | "object") => (sql: string, parameters: ReadonlyArray<unknown>) =>
    Effect.map(
      Effect.tryPromise({ try: () => db.query<Row>(sql, [...parameters], { rowMode }), catch: failed }),
      ({ rows }) => rows
    )
  const objects = query<Record<string, unknown>>("object")
  const values = query<ReadonlyArray<unknown>>("array")
  return {
    execute: objects,
    executeRaw: objects,
    executeUnprepared: objects,
    executeValues: values,
    executeValuesUnprepared: values,
    executeStream: () => {
      throw new Error("not needed")
    }
  }
}

/** A client of the database, which can listen. All clients share its one session. */
export const client = (db: PGlite) =>
  SqlClient.make({
    acquirer: Effect.succeed(connection(db)),
    compiler: PgClient.makeCompiler(),
    driver: "pglite",
    spanAttributes: []
  }).pipe(
    Effect.map((sql) =>
      Object.assign(sql, {
        listen: (channel: string) =>
          Effect.gen(function*() {
            const queue = yield* Queue.unbounded<{ readonly payload: string }>()
            yield* Effect.acquireRelease(
              Effect.promise(() => db.listen(`"${channel}"`, (payload) => Queue.offerUnsafe(queue, { payload }))),
              (stop) => Effect.promise(() => stop())
            )
            return queue
          })
      })
    ),
    Effect.provide(Reactivity.layer)
  )
