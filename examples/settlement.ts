/**
 * A nightly settlement that pays nobody twice, though a process is stopped in the
 * middle of it for longer than its lease lasts.
 *
 * `ada` knows whom to pay, has paid two, and is stopped with SIGSTOP. Her lease
 * ends, `bob` takes over and pays the rest. Then she goes on, with the third
 * payment in hand. No lock can stop that write. `SqlBackend.withTransaction` can:
 * the transaction checks the lock, and is not committed.
 *
 * Set POSTGRES_URL to a database of yours; the example makes its tables and drops
 * them. It starts itself twice to have two processes.
 */
import { NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Console, Deferred, Effect, Layer, Redacted } from "effect"
import { Lock } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import { SqlClient } from "effect/sql"
import { type ChildProcess, spawn } from "node:child_process"
import { Ended } from "./support/ended.ts"
import { reachable } from "./support/reachable.ts"

const url = process.env.POSTGRES_URL ?? "postgres://localhost"

const database = PgClient.layer({ url: Redacted.make(url) })
const locks = SqlBackend.layer({ url, table: "example_locks" })

/** Says at once what is missing. */
const available = reachable(SqlBackend.layer({ url }), "a PostgreSQL at POSTGRES_URL")

/** What every host runs at night. */
const settle = (name: string) =>
  Lock.withLock("settlement", { expires: "3 seconds", timeout: "1 minute" })((lease) =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const open = yield* sql<{ readonly account: number; readonly amount: number }>`
        SELECT account, amount FROM example_dues WHERE account NOT IN (SELECT account FROM example_payouts)
        ORDER BY account`
      yield* Console.log(`has the lock and ${open.length} accounts to pay`)
      for (const { account, amount } of open) {
        const pay = sql`INSERT INTO example_payouts (account, amount, by) VALUES (${account}, ${amount}, ${name})`
        yield* Effect.sleep("200 millis").pipe(
          Effect.andThen(SqlBackend.withTransaction(pay, lease)),
          // As nothing interrupts a process between its last look at the lease and its write
          Effect.uninterruptible
        )
        yield* Console.log(`paid account ${account}`)
      }
    })
  ).pipe(
    Effect.catchReason("LockError", "LockLost", (lost) => Console.log(`${lost._tag}, ${lost.why}: wrote nothing`))
  )

/** Starts a host and shows what it prints; `paid` waits for its second payment, `ended` for its end. */
const start = (name: string) =>
  Effect.gen(function*() {
    const paid = yield* Deferred.make<void, Ended>()
    const ended = yield* Deferred.make<void>()
    const child = yield* Effect.acquireRelease(
      Effect.sync((): ChildProcess =>
        spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
          env: { ...process.env, EXAMPLE_ROLE: name },
          stdio: ["ignore", "pipe", "inherit"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.trimEnd().split("\n")) console.log(`  ${name}: ${line}`)
      if (text.includes("paid account 2")) Deferred.doneUnsafe(paid, Effect.void)
    })
    child.once("close", (code) => {
      Deferred.doneUnsafe(paid, Effect.fail(new Ended({ who: name, code })))
      Deferred.doneUnsafe(ended, Effect.void)
    })
    return { child, paid: Deferred.await(paid), ended: Deferred.await(ended) }
  })

const tables = Effect.acquireRelease(
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql`CREATE TABLE IF NOT EXISTS example_dues AS SELECT n AS account, n * 100 AS amount FROM generate_series(1, 5) n`
    // Nothing but the lock keeps an account from being paid twice
    yield* sql`CREATE TABLE IF NOT EXISTS example_payouts (account int, amount int, by text, at serial)`
    return sql
  }),
  (sql) => Effect.ignore(sql`DROP TABLE example_dues, example_payouts, example_locks, example_locks_migrations`)
)

const program = Effect.gen(function*() {
  const sql = yield* tables
  yield* Layer.build(SqlBackend.layerMigrations({ table: "example_locks" }))
  const ada = yield* start("ada")
  yield* ada.paid
  yield* Console.log("Stopping ada")
  ada.child.kill("SIGSTOP")
  const bob = yield* start("bob")
  yield* bob.ended
  yield* Console.log("Letting ada go on")
  ada.child.kill("SIGCONT")
  yield* ada.ended
  const payouts = yield* sql<{ readonly account: number; readonly by: string }>`
    SELECT account, by FROM example_payouts ORDER BY at`
  for (const { account, by } of payouts) yield* Console.log(`Account ${account} was paid by ${by}`)
  const accounts = new Set(payouts.map(({ account }) => account))
  yield* Console.log(`${accounts.size} accounts, ${payouts.length} payouts`)
}).pipe(Effect.scoped, Effect.provide(Layer.provide(database, available)))

const role = process.env.EXAMPLE_ROLE
const main = role === undefined ? program : settle(role).pipe(Effect.provide([database, locks]))

main.pipe(NodeRuntime.runMain)
