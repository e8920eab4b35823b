/**
 * Locks in a table of PostgreSQL, and transactions that commit only while the
 * lock is held.
 *
 * Acquiring and releasing a lock take one statement each; many at once share a statement and its
 * commit. A waiter joins a fair queue in the lock's row and does not poll: the release passes the
 * lock to the first in the queue and notifies its process, over one listening connection per
 * process. Fibers of one process queue among themselves first.
 *
 * Shared keys (`Lock.withSharedLock`, `Lock.withPermits`) take two statements instead of one.
 *
 * No other backend can offer {@link withTransaction}: work in a transaction that commits only if
 * the lock is still held, whatever clocks and pauses do.
 *
 * **When to use**
 *
 * Use when the program already has a PostgreSQL, or when it contains what the lock protects. Redis
 * hands locks over in a third of the time.
 *
 * **Details**
 *
 * - Create the table beforehand, with {@link layerMigrations}, {@link migrations} or the statement
 *   of {@link createTable}. Locks then need `SELECT`, `INSERT`, `UPDATE` and `DELETE` on it,
 *   {@link withTransaction} `SELECT` and `UPDATE`.
 * - A row stays for about a minute after the last use of its key. Fencing tokens are the server's
 *   clock in microseconds, which survives a failover better than a sequence does. They increase
 *   even if that clock is set back: a row without a key keeps the highest token of all deleted
 *   rows.
 * - Leases end by the server's clock. Statements read the latest committed rows, run outside of the
 *   program's transactions, and never wait for row locks.
 * - Behind a pooler in transaction mode `LISTEN` receives nothing. The backend detects that with a
 *   notification to itself; waiters then keep their place in the queue and poll every 10 to 40
 *   milliseconds.
 * - A promoted asynchronous standby may lack the last commits, and so give a lock to a second
 *   holder, with a higher fencing token. Synchronous replication prevents that.
 * - A long transaction, such as that of a report or of `pg_dump`, prevents the cleanup of old row
 *   versions, so locks get slower meanwhile.
 * - With `synchronous_commit` off for these connections (see {@link Options}) locks are twice as
 *   fast, but a crash of the server may forget the latest. Releases are always committed that way:
 *   after a crash a released lock may be held again, until its lease ends.
 *
 * The driver is `@effect/sql-pg`. Other dialects of Effect's `SqlClient` are not supported, and
 * fail with `Unsupported`.
 *
 * @stability unstable
 * @since 0.2.0
 */
import type { PgClientConfig } from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { flag, given, object, port, secret, text, textOrSecret, valid, whole } from "./internal/given.ts"
import { connect } from "./internal/sql/connecting.ts"
import * as Failure from "./internal/sql/failure.ts"
import * as Fenced from "./internal/sql/fenced.ts"
import * as Link from "./internal/sql/link.ts"
import * as Store from "./internal/sql/store.ts"
import * as Table from "./internal/sql/table.ts"
import { unsupported } from "./internal/unsupported.ts"
import type { Lease } from "./Lease.ts"
import * as LockBackend from "./LockBackend.ts"
import type { LockError } from "./LockError.ts"
import type { LockStore } from "./LockStore.ts"

/**
 * The options of every layer and store.
 *
 * @category models
 * @since 0.2.0
 */
export interface CommonOptions {
  /**
   * The table of the locks: a name, or a schema and a name with a dot between them, of letters,
   * digits and `_`, at most 48 characters each. Default `"effect_locks"`. It must be the same in
   * all programs that share locks. An invalid name fails with `InvalidOptions`.
   */
  readonly table?: string | undefined
}

/**
 * Where the server is, and how to connect to it: by a URL, by separate options, or both, in which
 * case the options win. An invalid one fails with `InvalidOptions`.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options extends CommonOptions {
  /**
   * `postgres://[user[:password]@][host][:port][/database]`, with the parameters of libpq.
   * Percent-encode special characters. It is never printed.
   *
   * `?sslmode=` says whether the connection is encrypted. If it is, the server's certificate must
   * be signed by a trusted authority and match the host name.
   *
   * | `sslmode` | |
   * | --- | --- |
   * | `disable`, or none | no TLS |
   * | `prefer`, `allow` | TLS if the server has it, otherwise none |
   * | `require`, `verify-ca`, `verify-full` | TLS, or failure |
   *
   * So `prefer`, `allow`, `require` and `verify-ca` check more than in libpq.
   *
   * | | |
   * | --- | --- |
   * | `sslrootcert` | the PEM file with the authorities that are trusted, instead of those of Node (which are `system`) |
   * | `sslcert`, `sslkey` | the PEM files with the client's certificate and its key, of `sslpassword` if it has one |
   * | `sslcrl`, `sslcrldir`, `ssl_min_protocol_version`, `ssl_max_protocol_version` | refused: see the option `pg.ssl` |
   *
   * Files are read when the layer is built; an invalid one fails with `InvalidOptions`.
   * `pg.ssl.ca`, `cert` and `key` take precedence. With any of these, or with the option `ssl`, TLS
   * is required, unless the URL has `sslmode=disable`, in which case its files are ignored. Other
   * parameters have no effect; `channel_binding` is not needed, as certificates are always checked.
   */
  readonly url?: string | Redacted.Redacted<string> | undefined
  /** The server's name or address. Default `"localhost"`. */
  readonly host?: string | undefined
  /** An integer from 1 to 65535. Default 5432. */
  readonly port?: number | undefined
  /** The database with the table of locks. Default: the one with the name of the user. */
  readonly database?: string | undefined
  /**
   * The user to log in as. Default: the environment variable `USER` or `USERNAME`; without a user
   * the layer fails with `InvalidOptions`.
   */
  readonly username?: string | undefined
  /** The password to log in with. Default none. */
  readonly password?: Redacted.Redacted<string> | undefined
  /**
   * Whether to use TLS, with the certificates of `pg` or the `url`, if any. Default false, or what
   * `pg` or the `url` says.
   */
  readonly ssl?: boolean | undefined
  /**
   * The most connections for statements, an integer from 1 to 20. Default 3. While somebody waits
   * there is one more.
   */
  readonly maxConnections?: number | undefined
  /**
   * More options for the client, such as `ssl: { ca }` with the certificates of trusted
   * authorities (and `cert` and `key` of the client's own), or
   * `startupParameters: { synchronous_commit: "off" }`. Default none.
   */
  readonly pg?: Omit<PgClientConfig, "url" | "multiplex" | "multiplexConcurrency"> | undefined
}

/**
 * The table of a layer's locks, for transactions that check them. The layers of this module provide
 * it along with `LockBackend`, so that {@link withTransaction} checks the right table, and a
 * program that uses it does not compile on a backend without one.
 *
 * **Example** (Two tables)
 *
 * ```ts
 * import { Effect } from "effect"
 * import * as SqlBackend from "effect-lock/SqlBackend"
 *
 * const tableName = SqlBackend.LockTable.useSync(({ name }) => name)
 *
 * const url = "postgres://app@localhost"
 * const orders = SqlBackend.layer({ url, table: "shop.order_locks" })
 * const jobs = SqlBackend.layer({ url })
 *
 * await Effect.runPromise(Effect.provide(tableName, orders)) // => "shop.order_locks"
 * await Effect.runPromise(Effect.provide(tableName, jobs)) // => "effect_locks"
 * ```
 *
 * @category services
 * @since 0.2.0
 */
export class LockTable extends Context.Service<LockTable, {
  /** The option `table`. */
  readonly name: string
  /**
   * Whether the lease still holds its lock. Inside a transaction it stays so until the transaction
   * ends: the lease can be renewed meanwhile, but nobody else gets the lock.
   *
   * It uses the `SqlClient` of the context, and fails with `BackendFailure` if that cannot answer
   * or has no such table.
   */
  readonly holds: (lease: Lease) => Effect.Effect<boolean, LockError, SqlClient.SqlClient>
}>()("effect-lock/SqlBackend/LockTable") {}

const tableOf = Effect.fnUntraced(function*(options: CommonOptions | undefined) {
  const { table } = yield* given(options, `{ table: "${Table.defaultTable}" }`, {})
  return yield* valid(Table.parseTable(table))
})

const notPostgres = (dialect: string): Effect.Effect<never, LockError> =>
  Effect.fail(unsupported(Failure.backend, `the SqlClient speaks ${dialect}, and locks need PostgreSQL`))

/** The client, if it speaks PostgreSQL. */
const postgres = (sql: SqlClient.SqlClient): Effect.Effect<SqlClient.SqlClient, LockError> =>
  sql.onDialectOrElse({
    pg: () => Effect.succeed(sql),
    mysql: () => notPostgres("MySQL"),
    sqlite: () => notPostgres("SQLite"),
    mssql: () => notPostgres("SQL Server"),
    clickhouse: () => notPostgres("ClickHouse"),
    orElse: () => notPostgres("another dialect")
  })

/**
 * The store on its own connections, which are closed with the scope.
 *
 * It succeeds at once, even if the server is unreachable; until it is reachable, every operation
 * fails with `BackendFailure` / `Unreachable`. Fails with `InvalidOptions` if an option or the URL
 * is invalid, and with `BackendFailure` / `Unsupported` if `@effect/sql-pg` is not installed.
 *
 * **Example** (Looking at a lock without a backend)
 *
 * ```ts postgres
 * import { Effect, Option } from "effect"
 * import * as SqlBackend from "effect-lock/SqlBackend"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* SqlBackend.makeStore({ url: process.env.POSTGRES_URL ?? "postgres://localhost" })
 *   return Option.isNone(yield* store.inspect("a-free-key"))
 * })
 *
 * await Effect.runPromise(Effect.scoped(program)) // => true
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const makeStore = (options?: Options): Effect.Effect<LockStore, LockError, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* given(options, `{ url: "postgres://app@localhost/app" }`, {
      url: textOrSecret,
      host: text,
      port,
      maxConnections: whole(1, 20),
      database: text,
      username: text,
      password: secret,
      ssl: flag,
      pg: object
    })
    const table = yield* tableOf(settings)
    return yield* Store.make(yield* connect(settings), table)
  })

/**
 * The store on the program's own `SqlClient`. See {@link layerSqlClient}. Fails with
 * `InvalidOptions` if the `table` is invalid, and with `BackendFailure` / `Unsupported` if the
 * client is of another dialect.
 *
 * **Example** (A backend with its own opinion on hand-over)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { LockBackend } from "effect-lock"
 * import * as SqlBackend from "effect-lock/SqlBackend"
 *
 * // every release goes through the database, in the order of its queue
 * export const layer = LockBackend.layer(
 *   Effect.map(SqlBackend.makeStoreSqlClient(), (store) => ({ ...store, handOver: undefined }))
 * )
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const makeStoreSqlClient = (
  options?: CommonOptions
): Effect.Effect<LockStore, LockError, Scope.Scope | SqlClient.SqlClient> =>
  Effect.gen(function*() {
    const table = yield* tableOf(options)
    const sql = yield* postgres(yield* SqlClient.SqlClient)
    return yield* Store.make(yield* Link.borrowed(sql), table)
  })

/** The backend, and its table for transactions. */
const layerOf = <R>(
  options: CommonOptions | undefined,
  store: Effect.Effect<LockStore, LockError, R>
): Layer.Layer<LockBackend.LockBackend | LockTable, LockError, Exclude<R, Scope.Scope>> =>
  Layer.effectContext(Effect.gen(function*() {
    const table = yield* tableOf(options)
    const backend = yield* LockBackend.make(yield* store)
    return Context.make(LockBackend.LockBackend, backend).pipe(
      Context.add(LockTable, { name: table.name, holds: Fenced.holds(table) })
    )
  }))

/**
 * Locks in PostgreSQL, on the layer's own connections: a few for statements, and one more for
 * notifications while somebody waits.
 *
 * **When to use**
 *
 * Use it even if the program has a `SqlClient`: a pool that is busy with the program's transactions
 * may not renew leases in time.
 *
 * **Details**
 *
 * The layer builds even if the server is down: locks then fail with `BackendFailure` /
 * `Unreachable` (calls that wait do so when their `timeout` is over), and work as soon as the
 * server is reachable. A missing table is a `BackendFailure` / `Unsupported`, whose message has the
 * statement that creates it. Connections that no longer answer are replaced after 2 seconds.
 *
 * The layer fails with `InvalidOptions` if the URL or an option is invalid.
 *
 * Every call makes a new layer with its own connections: keep the layer in a constant to share
 * them.
 *
 * **Example** (Taking turns across processes)
 *
 * ```ts postgres
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as SqlBackend from "effect-lock/SqlBackend"
 *
 * const program = Effect.succeed("charged").pipe(
 *   Lock.withLock("order-1", { expires: "60 seconds", timeout: "10 seconds" }),
 *   Effect.provide(SqlBackend.layer({ url: process.env.POSTGRES_URL ?? "postgres://localhost" }))
 * )
 *
 * await Effect.runPromise(program) // => "charged"
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layer = (options?: Options): Layer.Layer<LockBackend.LockBackend | LockTable, LockError> =>
  layerOf(options, makeStore(options))

/**
 * {@link layer} with options from `Config`, except `pg`. Also fails with `ConfigError` if a value
 * is missing or malformed.
 *
 * **Example** (Everything from the environment)
 *
 * ```ts
 * import { Config } from "effect"
 * import * as SqlBackend from "effect-lock/SqlBackend"
 *
 * export const layer = SqlBackend.layerConfig({
 *   url: Config.Redacted("POSTGRES_URL"),
 *   table: Config.String("LOCK_TABLE").pipe(Config.withDefault("effect_locks"))
 * })
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layerConfig = (
  options: Config.Wrap<Omit<Options, "pg">>
): Layer.Layer<LockBackend.LockBackend | LockTable, LockError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/**
 * Locks in PostgreSQL, on the `SqlClient` that the program already has.
 *
 * Fails with `InvalidOptions` if the `table` is invalid, and with `BackendFailure` / `Unsupported`
 * if the client is of another dialect. A missing table is noticed by the first lock.
 *
 * **Gotchas**
 *
 * Locks compete with the program for the connections of its pool. If all of them are in
 * transactions for longer than a lease lasts, leases are not renewed, and are lost. While somebody
 * waits, one connection of the pool listens (with `@effect/sql-pg`; with other clients, waiters
 * poll every 10 to 40 milliseconds). Connections that no longer answer cannot be replaced.
 * {@link layer} has none of these problems.
 *
 * The default isolation level of the client's transactions has to be `read committed`, as it is
 * unless somebody has changed it: otherwise attempts at the same lock fail with `BackendFailure` /
 * `NoReply`, and are retried.
 *
 * A lock acquired inside of `sql.withTransaction` is not part of that transaction, and is released
 * before it commits. Acquire the lock outside of it, or see {@link withTransaction}.
 *
 * **Example** (One pool for all)
 *
 * ```ts postgres
 * import { PgClient } from "@effect/sql-pg"
 * import { Effect, Layer, Redacted } from "effect"
 * import { Lock } from "effect-lock"
 * import * as SqlBackend from "effect-lock/SqlBackend"
 *
 * const sql = PgClient.layer({ url: Redacted.make(process.env.POSTGRES_URL ?? "postgres://localhost") })
 * const locks = SqlBackend.layerSqlClient().pipe(Layer.provideMerge(sql))
 *
 * const program = Effect.succeed("charged").pipe(Lock.withLock("order-1"), Effect.provide(locks))
 *
 * await Effect.runPromise(program) // => "charged"
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layerSqlClient = (
  options?: CommonOptions
): Layer.Layer<LockBackend.LockBackend | LockTable, LockError, SqlClient.SqlClient> =>
  layerOf(options, makeStoreSqlClient(options))

/**
 * The statement that creates the table, for programs that do not use Effect's `Migrator`. Fails
 * with `InvalidOptions` if the `table` is invalid.
 *
 * **Example** (For a file of migrations)
 *
 * ```ts
 * import { Effect } from "effect"
 * import * as SqlBackend from "effect-lock/SqlBackend"
 *
 * const statement = await Effect.runPromise(SqlBackend.createTable())
 *
 * statement.split("\n")[0] // => 'CREATE TABLE IF NOT EXISTS "effect_locks" ('
 * ```
 *
 * @category migrations
 * @since 0.2.0
 */
export const createTable = (options?: CommonOptions): Effect.Effect<string, LockError> =>
  Effect.map(tableOf(options), Table.createTable)

/**
 * The table's migrations, for Effect's `Migrator`. Give them their own history table, since they
 * have their own numbers. Fails with a `MigrationError` if the `table` is invalid.
 *
 * **Example** (Among the program's own migrations)
 *
 * ```ts
 * import { Migrator } from "effect/sql"
 * import * as SqlBackend from "effect-lock/SqlBackend"
 *
 * export const migrateLocks = Migrator.make({})({
 *   loader: SqlBackend.migrations(),
 *   table: "effect_locks_migrations"
 * })
 * ```
 *
 * @category migrations
 * @since 0.2.0
 */
export const migrations = (options?: CommonOptions): Migrator.Loader =>
  Effect.mapBoth(tableOf(options), {
    onFailure: (cause) => new Migrator.MigrationError({ kind: "BadState", message: cause.message, cause }),
    onSuccess: (table) => {
      const statement = (text: string) => Effect.succeed(Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(text)))
      return [[1, "create_table", statement(Table.createTable(table))]]
    }
  })

/**
 * Creates the table, or brings it up to date, and records that in `<table>_migrations`, in the same
 * schema. Run it when you deploy the program: it needs the permission to create tables, which locks
 * do not. Fails with `SqlError` if the server is unreachable or denies it, and with
 * `MigrationError` if the `table` is invalid.
 *
 * **Example** (The step that deploys)
 *
 * ```ts postgres
 * import { PgClient } from "@effect/sql-pg"
 * import { Effect, Layer, Redacted } from "effect"
 * import * as SqlBackend from "effect-lock/SqlBackend"
 *
 * const sql = PgClient.layer({ url: Redacted.make(process.env.POSTGRES_URL ?? "postgres://localhost") })
 * const deploy = SqlBackend.layerMigrations().pipe(Layer.provide(sql))
 *
 * await Effect.runPromise(Effect.scoped(Effect.asVoid(Layer.build(deploy)))) // => undefined
 * ```
 *
 * @category migrations
 * @since 0.2.0
 */
export const layerMigrations = (
  options?: CommonOptions
): Layer.Layer<never, Migrator.MigrationError | SqlError, SqlClient.SqlClient> =>
  Layer.effectDiscard(Effect.flatMap(migrations(options), () =>
    Migrator.make({})({
      loader: migrations(options),
      table: `${options?.table ?? Table.defaultTable}_migrations`
    })))

/**
 * Runs an effect in a transaction that commits only while the lease is held.
 *
 * **When to use**
 *
 * Use for writes that a late holder must not make: one that was paused, or whose clock is slow, and
 * that has not noticed yet that its lease is over. No lock alone can stop it; a transaction that
 * checks the lock can.
 *
 * **Details**
 *
 * The transaction first checks and locks the lock's row, so that the lock cannot go to another
 * holder before the transaction ends. A late holder writes nothing, and fails with `LockLost`. The
 * lease can be renewed meanwhile. If it ends all the same, the next holder gets the lock right
 * after the commit.
 *
 * This is exact for writes through this `SqlClient`, on the primary. The `SqlClient` has to be
 * connected to the database with the lock's table, but need not be the one that the locks use. It
 * costs one more statement.
 *
 * In a transaction that is already open it is a savepoint, and the lock is kept until that
 * transaction ends. If the lock is released before that, a warning says that it could not be, and
 * the next holder gets it after the commit.
 *
 * @category combinators
 * @since 0.2.0
 */
export const withTransaction: {
  /**
   * Runs the effect in the pipeline in a transaction that commits only while the lease is held.
   *
   * **Errors**
   *
   * - `LockLost`: the lease is no longer held; nothing was written
   * - `BackendFailure`: the check got no answer, or the table is not in this database
   * - `SqlError`: the transaction could not begin or commit. If its connection breaks in between, the
   *   client, which cannot roll it back, dies of that error
   * - the failure of the effect; the transaction is rolled back
   * - `InvalidOptions`: it is not a lease
   *
   * **Example** (A write that a late holder cannot make)
   *
   * ```ts postgres
   * import { PgClient } from "@effect/sql-pg"
   * import { Effect, Layer, Redacted } from "effect"
   * import { Lock } from "effect-lock"
   * import * as SqlBackend from "effect-lock/SqlBackend"
   * import { SqlClient } from "effect/sql"
   *
   * const url = process.env.POSTGRES_URL ?? "postgres://localhost"
   *
   * const settle = Lock.withLock("settlement", { expires: "30 seconds" })((lease) =>
   *   Effect.gen(function*() {
   *     const sql = yield* SqlClient.SqlClient
   *     const rows = yield* sql<{ readonly sum: number }>`SELECT 20 + 22 AS sum`.pipe(SqlBackend.withTransaction(lease))
   *     return rows[0].sum
   *   })
   * )
   *
   * const layers = Layer.merge(SqlBackend.layer({ url }), PgClient.layer({ url: Redacted.make(url) }))
   *
   * await Effect.runPromise(Effect.provide(settle, layers)) // => 42
   * ```
   *
   * @category combinators
   * @since 0.2.0
   */
  (lease: Lease): <A, E, R>(
    self: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | LockError | SqlError, R | LockTable | SqlClient.SqlClient>
  /**
   * Runs the given effect in a transaction that commits only while the lease is held.
   *
   * **Errors**
   *
   * - `LockLost`: the lease is no longer held; nothing was written
   * - `BackendFailure`: the check got no answer, or the table is not in this database
   * - `SqlError`: the transaction could not begin or commit. If its connection breaks in between, the
   *   client, which cannot roll it back, dies of that error
   * - the failure of the effect; the transaction is rolled back
   * - `InvalidOptions`: it is not a lease
   *
   * **Example** (A lease that was given back)
   *
   * ```ts postgres
   * import { PgClient } from "@effect/sql-pg"
   * import { Effect, Layer, Redacted } from "effect"
   * import { Lock } from "effect-lock"
   * import * as SqlBackend from "effect-lock/SqlBackend"
   *
   * const url = process.env.POSTGRES_URL ?? "postgres://localhost"
   *
   * const late = Effect.scoped(Lock.acquire("settlement")).pipe(
   *   Effect.flatMap((lease) => SqlBackend.withTransaction(Effect.succeed("written"), lease)),
   *   Effect.catchReason("LockError", "LockLost", ({ why }) => Effect.succeed(why))
   * )
   *
   * const layers = Layer.merge(SqlBackend.layer({ url }), PgClient.layer({ url: Redacted.make(url) }))
   *
   * await Effect.runPromise(Effect.provide(late, layers)) // => "Released"
   * ```
   *
   * @category combinators
   * @since 0.2.0
   */
  <A, E, R>(
    self: Effect.Effect<A, E, R>,
    lease: Lease
  ): Effect.Effect<A, E | LockError | SqlError, R | LockTable | SqlClient.SqlClient>
} = dual(2, <A, E, R>(self: Effect.Effect<A, E, R>, lease: Lease) =>
  Effect.gen(function*() {
    const { holds } = yield* LockTable
    const sql = yield* postgres(yield* SqlClient.SqlClient)
    return yield* Fenced.withTransaction(self, sql, lease, holds)
  }))
