import { Config, Effect, type Layer, Redacted, type Scope } from "effect"
import { InMemoryBackend, type Lease, Lock, type LockBackend, type LockError, type LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import type { Migrator, SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { typeOf } from "./same.ts"

type Services = LockBackend.LockBackend | SqlBackend.LockTable
type Locks = Layer.Layer<Services, LockError.LockError>

typeOf(SqlBackend.layer()).is<Locks>()
typeOf(SqlBackend.layer({ url: Redacted.make("postgres://localhost"), table: "app.locks", maxConnections: 2 })).is<
  Locks
>()
typeOf(SqlBackend.layer({ host: "db", port: 5433, password: Redacted.make("secret"), pg: { connectTimeout: 100 } })).is<
  Locks
>()
typeOf(SqlBackend.layerConfig({ url: Config.Redacted("POSTGRES_URL") })).is<
  Layer.Layer<Services, LockError.LockError | Config.ConfigError>
>()
typeOf(SqlBackend.layerSqlClient({ table: "locks" })).is<
  Layer.Layer<Services, LockError.LockError, SqlClient.SqlClient>
>()
typeOf(SqlBackend.makeStore()).is<Effect.Effect<LockStore.LockStore, LockError.LockError, Scope.Scope>>()
typeOf(SqlBackend.makeStoreSqlClient()).is<
  Effect.Effect<LockStore.LockStore, LockError.LockError, Scope.Scope | SqlClient.SqlClient>
>()
typeOf(SqlBackend.createTable({ table: "locks" })).is<Effect.Effect<string, LockError.LockError>>()
typeOf(SqlBackend.migrations()).is<Migrator.Loader>()
typeOf(SqlBackend.layerMigrations()).is<
  Layer.Layer<never, Migrator.MigrationError | SqlError, SqlClient.SqlClient>
>()
typeOf(SqlBackend.LockTable.useSync(({ name }) => name)).is<Effect.Effect<string, never, SqlBackend.LockTable>>()

declare const lease: Lease.Lease
declare const work: Effect.Effect<number, "broken", "needs">
type Fenced = Effect.Effect<
  number,
  "broken" | LockError.LockError | SqlError,
  "needs" | SqlBackend.LockTable | SqlClient.SqlClient
>
typeOf(SqlBackend.withTransaction(work, lease)).is<Fenced>()
typeOf(work.pipe(SqlBackend.withTransaction(lease))).is<Fenced>()

// The layer is one of locks, whoever asks for no more
const locks: Layer.Layer<LockBackend.LockBackend, LockError.LockError> = SqlBackend.layer()
typeOf(locks).is<Layer.Layer<LockBackend.LockBackend, LockError.LockError>>()

// No other backend knows the table
typeOf(
  Lock.withLock("key")((lease) => SqlBackend.withTransaction(Effect.void, lease)).pipe(
    Effect.provide(InMemoryBackend.layer)
  )
).is<Effect.Effect<void, LockError.LockError | SqlError, SqlBackend.LockTable | SqlClient.SqlClient>>()

// @ts-expect-error: a password is redacted
SqlBackend.layer({ password: "secret" })
// @ts-expect-error: the layer's own business
SqlBackend.layer({ pg: { multiplex: true } })
// @ts-expect-error: not a lease
SqlBackend.withTransaction(Effect.void, "key")
