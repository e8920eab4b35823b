/** What is reported of wrong options, servers and tables. */
import { assert, describe } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Lock, LockBackend } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import * as SqlClient from "effect/sql/SqlClient"
import { logged } from "../engine/scenery.ts"
import { pgbouncer, postgres } from "../support/postgres.ts"
import { it } from "../support/punctual.ts"
import { shared } from "../support/redis.ts"
import { fixtureOn, kindOf, sqliteClient, take } from "./support.ts"

const server = shared(postgres())
const fixture = fixtureOn(server)

describe("what is wrong is reported", () => {
  const build = (options: SqlBackend.Options) => Effect.flip(Effect.scoped(SqlBackend.makeStore(options)))
  const ask = (options: SqlBackend.Options) =>
    Effect.flip(Effect.scoped(Effect.flatMap(SqlBackend.makeStore(options), (store) => take(store, "key", "a.0.0"))))

  for (
    const [what, options, message] of [
      ["a table that is no name", { table: "a b" }, /"table": got "a b", expected a name such as "effect_locks"/],
      ["a table with a quote in it", { table: "a\"; DROP" }, /"table"/],
      ["a name that is too long", { table: "a".repeat(49) }, /at most 48 characters/],
      ["another scheme", { url: "mysql://root:secret@db/x" }, /"url": got another scheme or none, expected postgres:/],
      ["a port that is none", { url: "postgres://app:secret@host:99999/x" }, /"url": got a malformed server, .*65535/],
      [
        "bad percent-encoding",
        { url: Redacted.make("postgres://app:se%cret@host/x") },
        /got a stray "%" in the password/
      ],
      ["two hosts", { url: "postgres://app:secret@a,b:1,c/x" }, /"url": got several servers, expected one/],
      ["two hosts without ports", { url: "postgres://app:secret@a,b/x" }, /"url": got several servers, expected one/],
      [
        "a slash in a password",
        { url: "postgres://app:sec/ret@host/x" },
        /got a "\/", "\?" or "#" in the user or the pass/
      ],
      ["a slash in a database", { url: "postgres://app:secret@host/a/b" }, /got a "\/" in the database/],
      ["port 0", { url: "postgres://app:secret@host:0/x" }, /"url": got port 0, expected a host and a port from 1/],
      ["a port by itself", { port: 0 }, /"port": got 0, expected a whole number from 1 to 65535/],
      ["too many connections", { maxConnections: 21 }, /"maxConnections": got 21, expected a whole number from 1 to 20/]
    ] as const
  ) {
    it.live(what, () =>
      Effect.map(build(options), (error) => {
        assert.strictEqual(error.reason._tag, "InvalidOptions")
        assert.match(error.message, message)
        assert.notInclude(JSON.stringify([error, String(error)]), "secret")
      }))
  }

  it.live("no user anywhere", () =>
    Effect.gen(function*() {
      const { USER, USERNAME } = process.env
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => Object.assign(process.env, USER && { USER }, USERNAME && { USERNAME }))
      )
      delete process.env.USER
      delete process.env.USERNAME
      const error = yield* build({ url: "postgres://localhost/app" })
      assert.match(error.message, /"username": got none, expected the name of a database user/)
      yield* Effect.scoped(SqlBackend.makeStore({ url: "postgres://localhost/app?user=app" }))
    }))

  it.live("a table that is missing, with the statement that creates it", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const error = yield* ask({ url, table: "nowhere" })
      assert.deepStrictEqual([error.name, "kind" in error && error.kind], ["BackendFailure", "Unsupported"])
      assert.include(error.message, yield* SqlBackend.createTable({ table: "nowhere" }))
    }))

  it.live("a database that is missing, a right that is missing, a server that is missing", () =>
    Effect.gen(function*() {
      const { look, table, url } = yield* fixture
      yield* look.unsafe(`CREATE ROLE guest_${table} LOGIN`)
      yield* Effect.addFinalizer(() => Effect.ignore(look.unsafe(`DROP ROLE guest_${table}`)))
      const kinds = yield* Effect.forEach([
        { url: url.replace(/\w+$/, "nowhere") },
        { url, table, username: `guest_${table}` },
        { url: "postgres://app:secret@127.0.0.1:1/postgres" }
      ], (options) =>
        Effect.map(ask(options), (error) => {
          assert.notInclude(JSON.stringify([error, String(error)]), "secret")
          return "kind" in error ? error.kind : error._tag
        }))
      assert.deepStrictEqual(kinds, ["Unsupported", "Unauthorized", "Unreachable"])
    }))

  it.live("and nothing more: no release is tried of what was never acquired", () =>
    Effect.gen(function*() {
      const { look, table, url } = yield* fixture
      yield* look.unsafe(`CREATE ROLE reader_${table} LOGIN`)
      yield* Effect.addFinalizer(() =>
        Effect.ignore(
          Effect.andThen(look.unsafe(`DROP OWNED BY reader_${table}`), look.unsafe(`DROP ROLE reader_${table}`))
        )
      )
      yield* look.unsafe(`GRANT SELECT ON ${table} TO reader_${table}`)
      for (
        const options of [
          { url, table: "nowhere" },
          { url: url.replace(/\w+$/, "nowhere"), table },
          { url: `${url}?sslmode=require`, table },
          { url, table, username: `reader_${table}` }
        ]
      ) {
        yield* logged((lines) =>
          Effect.gen(function*() {
            const store = yield* SqlBackend.makeStore(options)
            let released = 0
            const backend = yield* LockBackend.make({
              ...store,
              release: (key, token) => {
                released++
                return store.release(key, token)
              }
            })
            const work = Effect.provideService(Lock.withLock(Effect.void, "key"), LockBackend.LockBackend, backend)
            const { reason } = yield* Effect.flip(work)
            assert.isFalse(reason._tag === "BackendFailure" && reason.retryable, reason.message)
            return () => assert.deepStrictEqual([released, lines], [0, []], reason.message)
          }).pipe(Effect.scoped, Effect.map((check) => check()))
        )
      }
    }))

  it.live("settings that a pooler refuses", () =>
    Effect.gen(function*() {
      const { table } = yield* fixture
      const pg = { startupParameters: { synchronous_commit: "off" } }
      const error = yield* ask({ url: yield* pgbouncer(yield* server), table, pg })
      assert.deepStrictEqual([error.name, "kind" in error && error.kind], ["BackendFailure", "Unsupported"])
      assert.include(error.message, "ignore_startup_parameters")
    }))

  it.live("a client of another dialect", () =>
    Effect.gen(function*() {
      const sqlite = yield* sqliteClient
      const error = yield* Effect.flip(Effect.scoped(
        Effect.provideService(SqlBackend.makeStoreSqlClient(), SqlClient.SqlClient, sqlite)
      ))
      assert.match(error.message, /\(Unsupported\): the SqlClient speaks SQLite, and locks need PostgreSQL/)
    }))

  it.live("a layer that was closed", () =>
    Effect.gen(function*() {
      const { store } = yield* fixture
      const closed = yield* Effect.scoped(store)
      assert.strictEqual(kindOf(yield* Effect.exit(take(closed, "key", "a.0.0"))), "Closed")
    }))
})
