/** Locks in databases, and with roles and tables, of programs. */
import { assert, describe } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Layer } from "effect"
import { Lock } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import * as SqlClient from "effect/sql/SqlClient"
import { logged } from "../engine/scenery.ts"
import { admin, pooler, postgres } from "../support/postgres.ts"
import { it } from "../support/punctual.ts"
import { shared, until } from "../support/redis.ts"
import { sqlClient, table } from "../support/sqlStores.ts"
import { fixtureOn, kindOf, take, wait } from "./support.ts"

const server = shared(postgres())
const fixture = fixtureOn(server)

describe("a store in the program's database", () => {
  it.live("is not part of a transaction that the program has open", () =>
    Effect.gen(function*() {
      const { look, table, url } = yield* fixture
      const sql = yield* sqlClient(url)
      const held = Effect.map(
        look.unsafe(`SELECT 1 FROM ${table} WHERE key = 'kkey' AND expires_at > clock_timestamp()`),
        (rows) => rows.length
      )
      // Also when the layer is built inside of it
      const program = Lock.withLock(held, "key", { expires: "30 seconds" }).pipe(
        Effect.provide(Layer.fresh(SqlBackend.layerSqlClient({ table })))
      )
      const seen = yield* sql.withTransaction(program).pipe(Effect.provideService(SqlClient.SqlClient, sql))
      assert.strictEqual(seen, 1)
      yield* until(Effect.map(held, (n) => n === 0))
      const failed = yield* Effect.exit(sql.withTransaction(Effect.andThen(program, Effect.fail("rolled back")))).pipe(
        Effect.provideService(SqlClient.SqlClient, sql)
      )
      assert.isTrue(Exit.isFailure(failed))
      yield* until(Effect.map(held, (n) => n === 0))
    }))

  it.live("keeps its leases while the program's pool is busy", () =>
    Effect.gen(function*() {
      const { table, url } = yield* fixture
      const sql = yield* sqlClient(url, 2)
      const busy = yield* Effect.forkChild(
        Effect.forEach([1, 2], () => sql.withTransaction(sql`SELECT pg_sleep(4)`), { concurrency: "unbounded" })
      )
      const work = Lock.withLock(Effect.as(Effect.sleep("3 seconds"), "done"), "key", { expires: "1 second" })
      assert.strictEqual(yield* Effect.provide(work, SqlBackend.layer({ url, table })), "done")
      yield* Fiber.interrupt(busy)
    }))

  it.live("works with another default isolation of the database", () =>
    Effect.gen(function*() {
      const b = yield* fixture
      const name = `isolation_${b.table}`
      yield* b.look.unsafe(`CREATE DATABASE ${name}`)
      yield* b.look.unsafe(`ALTER DATABASE ${name} SET default_transaction_isolation = 'serializable'`)
      yield* Effect.addFinalizer(() => Effect.ignore(b.look.unsafe(`DROP DATABASE ${name} WITH (FORCE)`)))
      const url = b.url.replace(/\w+$/, name)
      const options = { url, table: yield* table(url) }
      const stores = yield* Effect.all([SqlBackend.makeStore(options), SqlBackend.makeStore(options)])
      const attempts = yield* Effect.forEach(
        Array.from({ length: 200 }, (_, i) => i),
        (i) => {
          const store = stores[i % 2]
          return Effect.flatMap(take(store, "key", `t.0.${i}`), ({ _tag }) =>
            _tag === "Acquired" ? store.release("key", `t.0.${i}`) : Effect.succeed(true))
        },
        { concurrency: 16 }
      )
      assert.isTrue(attempts.every(Boolean))
    }))

  it.live("of another encoding takes every key, and tells all of them apart", () =>
    Effect.gen(function*() {
      const b = yield* fixture
      const name = `latin1_${b.table}`
      yield* b.look.unsafe(`CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
      yield* Effect.addFinalizer(() => Effect.ignore(b.look.unsafe(`DROP DATABASE ${name} WITH (FORCE)`)))
      const url = b.url.replace(/\w+$/, name)
      const store = yield* SqlBackend.makeStore({ url, table: yield* table(url) })
      const keys = ["plain", "é", "漢", "😀", "\ud83d", "nul\0", "\\u6f22", "and another"]
      const attempts = yield* Effect.forEach(keys, (key, i) => take(store, key, `t.0.${i}`), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(attempts.map(({ _tag }) => _tag), keys.map(() => "Acquired"))
      assert.sameMembers((yield* store.list!("", undefined)).locks.map(({ key }) => key), keys)
      const released = yield* Effect.forEach(keys, (key, i) => store.release(key, `t.0.${i}`), {
        concurrency: "unbounded"
      })
      assert.isTrue(released.every(Boolean))
    }))

  for (const mode of ["session", "statement"] as const) {
    it.live(`locks behind a pooler in ${mode} mode`, () =>
      Effect.gen(function*() {
        const { table } = yield* fixture
        yield* use({ url: (yield* pooler(yield* server, mode)).url, table })
      }))
  }

  it.live("migrates once, however many ask for it", () =>
    Effect.gen(function*() {
      const b = yield* fixture
      const migrated = `migrated_${b.table}`
      yield* Effect.addFinalizer(() => Effect.ignore(b.look.unsafe(`DROP TABLE ${migrated}, ${migrated}_migrations`)))
      const sql = yield* sqlClient(b.url)
      const deploy = Layer.build(Layer.fresh(SqlBackend.layerMigrations({ table: migrated }))).pipe(
        Effect.provideService(SqlClient.SqlClient, sql)
      )
      yield* deploy
      yield* Effect.all([deploy, deploy], { concurrency: "unbounded" })
      const store = yield* SqlBackend.makeStore({ url: b.url, table: migrated })
      assert.strictEqual((yield* take(store, "key", "a.0.0"))._tag, "Acquired")
      const history = yield* b.look.unsafe(`SELECT migration_id, name FROM ${migrated}_migrations`).values
      assert.deepStrictEqual(history, [[1, "create_table"]])
    }))

  it.live("migrates a table in a schema, and one with a similar name separately", () =>
    Effect.gen(function*() {
      const { look, table, url } = yield* fixture
      const schema = `app_${table}`
      const tables = [`${schema}.locks`, `${schema}_locks`]
      yield* look.unsafe(`CREATE SCHEMA ${schema}`)
      yield* Effect.addFinalizer(() =>
        Effect.ignore(look.unsafe(`DROP SCHEMA ${schema} CASCADE; DROP TABLE ${tables[1]}, ${tables[1]}_migrations`))
      )
      const sql = yield* sqlClient(url)
      for (const table of tables) {
        yield* Effect.provideService(Layer.build(SqlBackend.layerMigrations({ table })), SqlClient.SqlClient, sql)
        const store = yield* SqlBackend.makeStore({ url, table })
        assert.strictEqual((yield* take(store, "key", "a.0.0"))._tag, "Acquired", table)
        const history = yield* look.unsafe(`SELECT migration_id, name FROM ${table}_migrations`).values
        assert.deepStrictEqual(history, [[1, "create_table"]])
      }
    }))

  it.live("finds its table in a schema", () =>
    Effect.gen(function*() {
      const { look, table, url } = yield* fixture
      const name = `app_${table}`
      yield* look.unsafe(`CREATE SCHEMA ${name}`)
      yield* Effect.addFinalizer(() => Effect.ignore(look.unsafe(`DROP SCHEMA ${name} CASCADE`)))
      yield* look.unsafe(yield* SqlBackend.createTable({ table: `${name}.locks` }))
      const work = Lock.withLock(Effect.succeed("done"), "key")
      assert.strictEqual(yield* Effect.provide(work, SqlBackend.layer({ url, table: `${name}.locks` })), "done")
    }))
})

/** A role that may do so much with the table, or has so many settings; gone with the scope. */
const role = Effect.fnUntraced(function*(
  { look, table, url }: Effect.Success<typeof fixture>,
  rights: string,
  settings: Readonly<Record<string, string>> = {}
) {
  const name = `role_${table}`
  yield* look.unsafe(`CREATE ROLE ${name} LOGIN`)
  yield* Effect.addFinalizer(() =>
    Effect.ignore(Effect.andThen(look.unsafe(`DROP OWNED BY ${name}`), look.unsafe(`DROP ROLE ${name}`)))
  )
  if (rights !== "") yield* look.unsafe(`GRANT ${rights} ON ${table} TO ${name}`)
  for (const [setting, value] of Object.entries(settings)) {
    yield* look.unsafe(`ALTER ROLE ${name} SET ${setting} = ${value}`)
  }
  return { url, table, username: name }
})

/** One, many, one that waits, and one that shares: taken, renewed and given back. */
const use = Effect.fnUntraced(function*(options: SqlBackend.Options) {
  const store = yield* SqlBackend.makeStore(options)
  const keys = ["a", "b", "c"]
  // Rows that are made, and those that are there
  for (const round of [0, 1]) {
    const took = yield* Effect.forEach(keys, (key) => take(store, key, `t.${round}.${key}`), {
      concurrency: "unbounded"
    })
    assert.deepStrictEqual(took.map(({ _tag }) => _tag), ["Acquired", "Acquired", "Acquired"])
    assert.strictEqual((yield* wait(store, "a", `w.${round}.a`))._tag, "Held")
    const extended = yield* store.extendAll!(
      keys.map((key) => ({ key, token: `t.${round}.${key}`, expiresMillis: 30_000 }))
    )
    assert.deepStrictEqual(extended, [true, true, true])
    const left = yield* Effect.forEach(keys, (key) => store.release(key, `t.${round}.${key}`), {
      concurrency: "unbounded"
    })
    assert.deepStrictEqual(left, [true, true, true])
    assert.strictEqual((yield* wait(store, "a", `w.${round}.a`))._tag, "Acquired")
    assert.isTrue(yield* store.release("a", `w.${round}.a`))
    const share = { limit: 2, permits: 1 }
    const shares = { key: "s", token: `s.${round}.s`, expiresMillis: 30_000, wait: false, share }
    assert.strictEqual((yield* store.tryAcquire(shares))._tag, "Acquired")
    assert.isTrue(yield* store.release("s", `s.${round}.s`))
    yield* take(store, "alone", `t.${round}.x`)
    assert.isTrue(yield* store.release("alone", `t.${round}.x`))
  }
})

describe("a role", () => {
  const all = "SELECT, INSERT, UPDATE, DELETE"

  it.live("needs no other rights than those on the table", () =>
    Effect.gen(function*() {
      const b = yield* fixture
      const name = `bare_${b.table}`
      yield* b.look.unsafe(`CREATE DATABASE ${name}`)
      yield* Effect.addFinalizer(() => Effect.ignore(b.look.unsafe(`DROP DATABASE ${name} WITH (FORCE)`)))
      const url = b.url.replace(/\w+$/, name)
      const look = yield* admin(url)
      yield* look.unsafe(`REVOKE TEMP, CREATE ON DATABASE ${name} FROM PUBLIC`)
      yield* look.unsafe("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
      yield* use(yield* role({ ...b, url, look, table: yield* table(url) }, all))
    }))

  it.live("that lacks a right is told which are needed", () =>
    Effect.gen(function*() {
      for (const lacking of ["SELECT", "INSERT", "UPDATE"]) {
        yield* Effect.scoped(Effect.gen(function*() {
          const b = yield* fixture
          const store = yield* SqlBackend.makeStore(yield* role(b, all.replace(`${lacking}, `, "")))
          const error = yield* Effect.flip(take(store, "key", "a.0.0"))
          assert.deepStrictEqual([error.kind, error.retryable], ["Unauthorized", false])
          assert.include(error.message, `SELECT, INSERT, UPDATE and DELETE on "${b.table}"`)
        }))
      }
    }))

  it.live("that lacks DELETE locks, and is told once that the table grows", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const b = yield* fixture
        const options = yield* role(b, all.replace(", DELETE", ""))
        let slept = 0
        const clock = yield* Clock.Clock
        const hasty: Clock.Clock = Object.assign(Object.create(clock), {
          sleep: (duration: Duration.Duration) => {
            const sweeps = Duration.toMillis(duration) >= 70_000
            if (sweeps) slept++
            return clock.sleep(sweeps ? Duration.millis(20) : duration)
          }
        })
        yield* Effect.provideService(use(options), Clock.Clock, hasty)
        yield* until(Effect.sync(() => slept > 2))
        assert.deepStrictEqual(lines, [
          "Warn: Rows of locks that nobody wants any more cannot be removed, and the table grows"
        ])
      })
    ))

  it.live("may have settings under which statements would do something else", () =>
    Effect.gen(function*() {
      const options = yield* role(yield* fixture, all, {
        array_nulls: "off",
        datestyle: "'SQL, DMY'",
        default_transaction_isolation: "serializable",
        extra_float_digits: "-15",
        idle_in_transaction_session_timeout: "1",
        intervalstyle: "iso_8601",
        lock_timeout: "1",
        quote_all_identifiers: "on",
        session_replication_role: "replica",
        standard_conforming_strings: "off",
        statement_timeout: "1",
        synchronous_commit: "off",
        timezone: "'Asia/Kathmandu'",
        transform_null_equals: "on"
      })
      yield* use(options)
    }))

  it.live("that only reads by default is told so", () =>
    Effect.gen(function*() {
      const options = yield* role(yield* fixture, all, { default_transaction_read_only: "on" })
      const error = yield* Effect.flip(take(yield* SqlBackend.makeStore(options), "key", "a.0.0"))
      assert.strictEqual(error.kind, "ReadOnly")
      assert.include(error.message, "default_transaction_read_only is on for the role")
    }))

  it.live("for which there is no policy on the table is told so, and locks with one for all rows", () =>
    Effect.gen(function*() {
      const b = yield* fixture
      const options = yield* role(b, all)
      yield* b.look.unsafe(`ALTER TABLE ${b.table} ENABLE ROW LEVEL SECURITY`)
      const error = yield* Effect.flip(take(yield* SqlBackend.makeStore(options), "key", "a.0.0"))
      assert.deepStrictEqual([error.kind, error.retryable], ["Unauthorized", false])
      assert.include(error.message, "under row-level security a policy for all of its rows")
      yield* b.look.unsafe(`CREATE POLICY locks ON ${b.table} TO ${options.username} USING (true) WITH CHECK (true)`)
      yield* use(options)
    }))
})

describe("another table than ours", () => {
  for (
    const [what, change, says] of [
      ["without its key", "DROP CONSTRAINT <table>_pkey", "no unique or exclusion constraint"],
      ["with a column that has to be set", "ADD tenant text NOT NULL", "null value in column \"tenant\""],
      ["with a constraint", "ADD CHECK (token = '')", "violates check constraint"],
      ["with keys that are short", "ALTER key TYPE varchar(3)", "value too long"],
      ["with a queue of another type", "ALTER queue DROP DEFAULT, ALTER queue TYPE text", "text"]
    ] as const
  ) {
    it.live(`${what} lets in nobody twice, and is reported`, () =>
      Effect.gen(function*() {
        const { look, store, table } = yield* fixture
        yield* look.unsafe(`ALTER TABLE ${table} ${change.replace("<table>", table)}`)
        const stores = yield* Effect.all(Array.from({ length: 4 }, () => store))
        const exits = yield* Effect.forEach(
          stores,
          (store, i) => Effect.forEach(["key", "other"], (key) => Effect.exit(take(store, key, `t.${i}.${key}`))),
          { concurrency: "unbounded" }
        )
        const failed = exits.flat().filter(Exit.isFailure)
        assert.isNotEmpty(failed)
        for (const exit of failed) {
          assert.strictEqual(kindOf(exit), "Unsupported")
          const [reason] = exit.cause.reasons
          assert.include(String("error" in reason && reason.error), says)
        }
        for (const key of [0, 1]) {
          const won = exits.filter((own) => Exit.isSuccess(own[key]) && own[key].value._tag === "Acquired")
          assert.isAtMost(won.length, 1)
        }
      }))
  }

  it.live("that is changed while in use goes on working, is reported when it is gone, and works again when it is back", () =>
    Effect.gen(function*() {
      const { look, store, table } = yield* fixture
      const one = yield* store
      let n = 0
      const cycle = Effect.gen(function*() {
        const keys = Array.from({ length: 3 }, (_, i) => ({ key: `key-${i}`, token: `t.${++n}.${i}` }))
        const attempts = yield* Effect.forEach(keys, ({ key, token }) => take(one, key, token), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(attempts.map(({ _tag }) => _tag), keys.map(() => "Acquired"))
        return yield* Effect.forEach(keys, ({ key, token }) => one.release(key, token), { concurrency: "unbounded" })
      })
      yield* cycle
      for (
        const change of [
          `ALTER TABLE ${table} ADD extra int`,
          `ALTER TABLE ${table} DROP extra`,
          `ALTER TABLE ${table} ALTER fence TYPE numeric`,
          `ALTER TABLE ${table} ALTER fence TYPE bigint`,
          `VACUUM FULL ${table}`,
          `REINDEX TABLE ${table}`
        ]
      ) {
        yield* look.unsafe(change)
        assert.deepStrictEqual(yield* cycle, [true, true, true], change)
      }
      yield* look.unsafe(`ALTER TABLE ${table} RENAME TO away_${table}`)
      assert.strictEqual(kindOf(yield* Effect.exit(cycle)), "Unsupported")
      yield* look.unsafe(`ALTER TABLE away_${table} RENAME TO ${table}`)
      assert.deepStrictEqual(yield* cycle, [true, true, true])
    }))

  it.live("that is partitioned has one row for each key, and no other is changed with it", () =>
    Effect.gen(function*() {
      const { look, store, table, url } = yield* fixture
      yield* look.unsafe(`DROP TABLE ${table}`)
      const statement = yield* SqlBackend.createTable({ table })
      yield* look.unsafe(statement.replace(/\) WITH[^]*/, ") PARTITION BY HASH (key)"))
      for (const part of [0, 1, 2]) {
        yield* look.unsafe(
          `CREATE TABLE ${table}_${part} PARTITION OF ${table} FOR VALUES WITH (MODULUS 3, REMAINDER ${part})`
        )
      }
      yield* use({ url, table })
      const one = yield* store
      const keys = Array.from({ length: 30 }, (_, i) => `key-${i}`)
      const held = Effect.map(one.list!("", undefined), ({ locks }) => locks.map(({ key, token }) => `${key} ${token}`))
      const left = new Set(keys)
      const expected = () => Array.from(left, (key) => `${key} t.0.${key}`)
      yield* Effect.forEach(keys, (key) => take(one, key, `t.0.${key}`))
      assert.sameMembers(yield* held, expected())
      for (const key of keys.slice(0, 5)) {
        assert.isTrue(yield* one.release(key, `t.0.${key}`))
        left.delete(key)
        assert.sameMembers(yield* held, expected())
        yield* take(one, key, `t.0.${key}`)
        left.add(key)
        assert.sameMembers(yield* held, expected())
        yield* one.release(key, `t.0.${key}`)
        left.delete(key)
      }
      yield* Effect.forEach(keys.slice(5, 15), (key) => one.release(key, `t.0.${key}`), { concurrency: "unbounded" })
      for (const key of keys.slice(5, 15)) left.delete(key)
      assert.sameMembers(yield* held, expected())
    }))
})
