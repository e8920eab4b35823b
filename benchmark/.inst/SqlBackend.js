import * as Config from "effect/Config";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { dual } from "effect/Function";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Migrator from "effect/sql/Migrator";
import * as SqlClient from "effect/sql/SqlClient";
import { load } from "./internal/driver.js";
import * as Connections from "./internal/sql/connections.js";
import * as Failure from "./internal/sql/failure.js";
import * as Fenced from "./internal/sql/fenced.js";
import * as Link from "./internal/sql/link.js";
import * as Sockets from "./internal/sql/sockets.js";
import * as Store from "./internal/sql/store.js";
import * as Table from "./internal/sql/table.js";
import * as Url from "./internal/sql/url.js";
import * as LockBackend from "./LockBackend.js";
import { BackendFailure, InvalidOptions, LockError } from "./LockError.js";
/**
 * The table that the layer's locks are in, for transactions that check them. The
 * layers of this module provide it beside `LockBackend`, so that
 * {@link withTransaction} looks where the lock is, and a program that uses it
 * cannot be run on a backend without it.
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
export class LockTable extends Context.Service()("effect-lock/SqlBackend/LockTable") {
}
const failWith = (reason) => Effect.fail(new LockError({ reason }));
const invalid = (option, value, expected) => failWith(new InvalidOptions({ option, value, expected }));
const toLockError = (reason) => new LockError({ reason });
const tableOf = (options) => Effect.mapError(Effect.fromResult(Table.parseTable(options?.table)), toLockError);
const unsupported = (dialect) => failWith(new BackendFailure({
    backend: Failure.backend,
    operation: "connect",
    kind: "Unsupported",
    retryable: false,
    description: `the SqlClient speaks ${dialect}, and locks need PostgreSQL`
}));
/** The client, if it speaks PostgreSQL. */
const postgres = (sql) => sql.onDialectOrElse({
    pg: () => Effect.succeed(sql),
    mysql: () => unsupported("MySQL"),
    sqlite: () => unsupported("SQLite"),
    mssql: () => unsupported("SQL Server"),
    clickhouse: () => unsupported("ClickHouse"),
    orElse: () => unsupported("another dialect")
});
const connect = Effect.fnUntraced(function* (options) {
    const { database, host, maxConnections = 3, password, pg, port, ssl, username } = options;
    const url = Redacted.isRedacted(options.url) ? Redacted.value(options.url) : options.url;
    if (url !== undefined)
        yield* Effect.mapError(Effect.fromResult(Url.check(url)), toLockError);
    if (port !== undefined && (!Number.isInteger(port) || port < 1 || port > 65_535)) {
        return yield* invalid("port", String(port), "a whole number from 1 to 65535");
    }
    if (!Number.isInteger(maxConnections) || maxConnections < 1 || maxConnections > 20) {
        return yield* invalid("maxConnections", String(maxConnections), "a whole number from 1 to 20");
    }
    const { USER, USERNAME } = globalThis.process?.env ?? {};
    if ((username ?? pg?.username ?? USER ?? USERNAME) === undefined && (url === undefined || !Url.hasUser(url))) {
        return yield* invalid("username", "none", "the name of a database user, here or in the url");
    }
    const PgConnection = yield* load(Failure.backend, "@effect/sql-pg", () => import("@effect/sql-pg/PgConnection"));
    const config = {
        connectTimeout: "2 seconds",
        applicationName: "effect-lock",
        ...pg,
        ...(url !== undefined && { url: Redacted.make(url) }),
        ...(database !== undefined && { database }),
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
        ...(ssl !== undefined && { ssl: ssl && typeof pg?.ssl === "object" ? pg.ssl : ssl })
    };
    const place = url === undefined ? {} : Url.placeOf(url);
    const at = {
        host: host ?? pg?.host ?? place.host ?? "localhost",
        port: port ?? pg?.port ?? place.port ?? 5432
    };
    const path = pg?.path ?? (at.host.startsWith("/") ? `${at.host}/.s.PGSQL.${at.port}` : undefined);
    const keepAlive = Duration.toMillis(Duration.fromInputUnsafe(pg?.keepAlive ?? "10 seconds"));
    return yield* Connections.make({
        max: maxConnections,
        socket: pg?.stream ?? (() => Sockets.connect(path === undefined ? at : { path }, keepAlive)),
        open: (plain, stream) => PgConnection.make({
            ...config,
            ...at,
            stream,
            startupParameters: { ...(!plain && Connections.settings), ...pg?.startupParameters }
        })
    });
});
/**
 * The store on connections of its own, which are closed with the scope.
 *
 * Succeeds at once, whether the server can be reached or not; while it cannot,
 * every operation fails with `BackendFailure` / `Unreachable`. Fails with
 * `InvalidOptions` when an option or the URL is malformed, with `BackendFailure` /
 * `Unsupported` when `@effect/sql-pg` is not installed.
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
export const makeStore = (options) => Effect.flatMap(tableOf(options), (table) => Effect.flatMap(connect(options ?? {}), (link) => Store.make(link, table)));
/**
 * The store on the program's own `SqlClient`. See {@link layerSqlClient}. Fails with
 * `InvalidOptions` for a `table` that is no name, with `BackendFailure` /
 * `Unsupported` for a client of another dialect.
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
export const makeStoreSqlClient = (options) => Effect.gen(function* () {
    const table = yield* tableOf(options);
    const sql = yield* postgres(yield* SqlClient.SqlClient);
    return yield* Store.make(yield* Link.borrowed(sql), table);
});
/** The backend, and the table that transactions check it in. */
const layerOf = (options, store) => Layer.effectContext(Effect.gen(function* () {
    const table = yield* tableOf(options);
    const backend = yield* LockBackend.make(yield* store);
    return Context.make(LockBackend.LockBackend, backend).pipe(Context.add(LockTable, { name: table.name, holds: Fenced.holds(table) }));
}));
/**
 * Locks in PostgreSQL, on connections of the layer's own: a few for statements,
 * and while somebody waits one more to be told on.
 *
 * **When to use**
 *
 * Use it also when the program has a `SqlClient`: a pool that is busy with the
 * program's own transactions keeps leases from being renewed.
 *
 * **Details**
 *
 * The layer builds even when the server is down: locks then fail with
 * `BackendFailure` / `Unreachable` (at once, or when their `timeout` has passed
 * without the server coming back), and work again as soon as it can be reached.
 * A missing table is `BackendFailure` / `Unsupported`, with the statement that
 * creates it. Connections that answer no more are replaced after 2 seconds.
 *
 * Fails with `InvalidOptions` when the URL or an option is malformed.
 *
 * Every call makes another layer with connections of its own: keep the layer in
 * a constant to share them.
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
export const layer = (options) => layerOf(options, makeStore(options));
/**
 * {@link layer} with options from `Config`.
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
export const layerConfig = (options) => Layer.unwrap(Effect.map(Config.unwrap(options), layer));
/**
 * Locks in PostgreSQL, on the `SqlClient` that the program already has.
 *
 * **Gotchas**
 *
 * Locks compete with the program for the connections of its pool. When all of
 * them are in transactions for longer than a lease lasts, leases are not renewed,
 * and are lost. While somebody waits, one connection of the pool listens (with
 * `@effect/sql-pg`; other clients look every 10 to 40 milliseconds). Nor can a
 * connection that answers no more be replaced. {@link layer} has none of this.
 *
 * The client's transactions have to be `read committed` by default, as they are
 * unless somebody has changed it: otherwise attempts at the same lock fail with
 * `BackendFailure` / `NoReply`, and are tried again.
 *
 * A lock taken inside of `sql.withTransaction` is not part of that transaction,
 * and is given back before it commits. Take the lock outside, or see
 * {@link withTransaction}.
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
export const layerSqlClient = (options) => layerOf(options, makeStoreSqlClient(options));
/**
 * The statement that creates the table, for those who do not use Effect's
 * `Migrator`. Fails with `InvalidOptions` for a `table` that is no name.
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
export const createTable = (options) => Effect.map(tableOf(options), Table.createTable);
/**
 * The table's migrations, for Effect's `Migrator`. Give them a history table of
 * their own, since they are numbered by themselves. Fails with a `MigrationError` for
 * a `table` that is no name.
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
export const migrations = (options) => Effect.mapBoth(tableOf(options), {
    onFailure: (cause) => new Migrator.MigrationError({ kind: "BadState", message: cause.message, cause }),
    onSuccess: (table) => {
        const statement = (text) => Effect.succeed(Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(text)));
        return [
            [1, "create_table", statement(Table.createTable(table))],
            [2, "add_sharers", statement(Table.addSharers(table))]
        ];
    }
});
/**
 * Creates the table if it is not there, or brings it up to date, and remembers
 * that in `<table>_migrations`. For the step that deploys the program: it needs
 * the right to create tables, which locks do not.
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
export const layerMigrations = (options) => Layer.effectDiscard(Effect.suspend(() => Migrator.make({})({
    loader: migrations(options),
    table: `${(options?.table ?? Table.defaultTable).replaceAll(".", "_")}_migrations`
})));
/**
 * Runs an effect in a transaction that commits only while the lease is held.
 *
 * **When to use**
 *
 * Use for writes that must not be made by a holder that is late: one that was
 * paused, or whose clock is slow, and that has not noticed yet that its lease is
 * over. No lock alone can stop it; a transaction that checks the lock can.
 *
 * **Details**
 *
 * The transaction begins with a look at the lock's row, and keeps the row from
 * being given to somebody else until it ends. So a late holder has written
 * nothing, and fails with `LockLost`. The lease can be renewed meanwhile. If it
 * ends all the same, the next holder gets the lock right after the commit.
 *
 * It is exact for writes through this `SqlClient`, on the primary. The
 * `SqlClient` has to be of the database that has the lock's table; it need not be
 * the one that the locks use. It costs one statement more.
 *
 * In a transaction that is already open it is a savepoint, and the lock is kept
 * until that transaction ends.
 *
 * @category combinators
 * @since 0.2.0
 */
export const withTransaction = dual(2, (self, lease) => Effect.gen(function* () {
    const { holds } = yield* LockTable;
    const sql = yield* postgres(yield* SqlClient.SqlClient);
    return yield* Fenced.withTransaction(self, sql, lease, holds);
}));
