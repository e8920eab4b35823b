/** Stores on a test's own table, and what the tests say often. */
import { Effect, type Exit } from "effect"
import type { LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import * as Statement from "effect/sql/Statement"
import * as Statements from "../../src/internal/sql/statements.ts"
import * as Table from "../../src/internal/sql/table.ts"
import { admin, type Postgres } from "../support/postgres.ts"
import { table } from "../support/sqlStores.ts"

/** A table of the test's own, stores on it, and ways to look at it from outside. */
export const fixtureOn = <E>(server: Effect.Effect<Postgres, E>) =>
  Effect.gen(function*() {
    const { url } = yield* server
    const name = yield* table(url)
    const look = yield* admin(url)
    return {
      url,
      table: name,
      look,
      store: SqlBackend.makeStore({ url, table: name }),
      statements: Statements.make({ name, sql: name }),
      row: (key: string) =>
        Effect.map(
          look.unsafe<{ readonly token: string; readonly queue: ReadonlyArray<string>; readonly fence: bigint }>(
            `SELECT * FROM ${name} WHERE key = $1`,
            [Table.rowName(key)]
          ),
          (rows) => rows[0]
        )
    }
  })

export const take = (store: LockStore.LockStore, key: string, token: string, expiresMillis = 30_000) =>
  store.tryAcquire({ key, token, expiresMillis, wait: false })

export const wait = (store: LockStore.LockStore, key: string, token: string, expiresMillis = 30_000) =>
  store.tryAcquire({ key, token, expiresMillis, wait: true })

export const kindOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  exit._tag === "Success"
    ? "Success"
    : (exit.cause.reasons[0] as { readonly error?: { readonly kind?: unknown } }).error?.kind

/** A client of another dialect. */
export const sqliteClient = SqlClient.make({
  acquirer: Effect.die("not used"),
  compiler: Statement.makeCompilerSqlite(),
  driver: "test",
  spanAttributes: []
}).pipe(Effect.provide(Reactivity.layer))
