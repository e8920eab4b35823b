import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Exit, Fiber, Layer, Logger, Option, type Scope } from "effect"
import { InMemoryBackend, Lock, type LockBackend, type LockError } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import * as SqlClient from "effect/sql/SqlClient"
import * as Statements from "../../src/internal/sql/statements.ts"
import { admin, postgres } from "../support/postgres.ts"
import { proxy } from "../support/proxy.ts"
import { punctual } from "../support/punctual.ts"
import { shared, until } from "../support/redis.ts"
import { sqlClient, table } from "../support/sqlStores.ts"
import { sqliteClient } from "./support.ts"

const server = shared(postgres())

type Services = LockBackend.LockBackend | SqlBackend.LockTable | SqlClient.SqlClient

interface Bench {
  readonly url: string
  readonly table: string
  readonly look: SqlClient.SqlClient
  /** A process of its own: a backend, and a client for its work. */
  readonly process: Effect.Effect<
    <A, E>(effect: Effect.Effect<A, E, Services>) => Effect.Effect<A, E>,
    unknown,
    Scope.Scope
  >
  /** What was written, in order. */
  readonly written: Effect.Effect<ReadonlyArray<string>, unknown>
  /** Ends the lease of the key as time would, without the holder noticing. */
  readonly outlive: Effect.Effect<unknown, unknown>
}

const bench = Effect.gen(function*() {
  const { url } = yield* server
  const name = yield* table(url)
  const look = yield* admin(url)
  yield* look.unsafe(`CREATE TABLE ${name}_work (n serial, who text)`)
  yield* Effect.addFinalizer(() => Effect.ignore(look.unsafe(`DROP TABLE ${name}_work`)))
  const made: Bench = {
    url,
    table: name,
    look,
    process: Effect.gen(function*() {
      const services = yield* Layer.build(Layer.fresh(SqlBackend.layer({ url, table: name })))
      const all = Context.add(services, SqlClient.SqlClient, yield* sqlClient(url))
      return (effect) => Effect.provideContext(effect, all)
    }),
    written: Effect.map(
      look.unsafe<{ readonly who: string }>(`SELECT who FROM ${name}_work ORDER BY n`),
      (rows) => rows.map(({ who }) => who)
    ),
    outlive: look.unsafe(`UPDATE ${name} SET expires_at = clock_timestamp()`)
  }
  return made
})

const write = ({ table }: Bench, who: string) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(`INSERT INTO ${table}_work (who) VALUES ($1)`, [who]))

/** As `outlive`, for those who share the key. */
const outliveShared = ({ look, table }: Bench) =>
  look.unsafe(`UPDATE ${table} SET expires_at = clock_timestamp(), sharers =
    (SELECT array_agg(regexp_replace(m, '[0-9]+$', '1')) FROM unnest(sharers) AS s(m))`)

/** Waits for a step of a fiber, and fails with it. */
const reached = <A, E>(step: Deferred.Deferred<void>, fiber: Fiber.Fiber<A, E>): Effect.Effect<void, E> =>
  Effect.raceFirst(
    Deferred.await(step),
    Effect.flatMap(Fiber.join(fiber), (value) => Effect.die(`it ended with ${String(value)}`))
  )

const reasonOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (exit._tag === "Success") return "Success"
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause)) as LockError.LockError | undefined
  const reason = error?.reason
  if (reason === undefined) return String(exit.cause.reasons[0]?._tag)
  return reason._tag === "LockLost" ? reason.why : reason._tag === "BackendFailure" ? reason.kind : reason._tag
}

/** How it ends, tried until it is answered: on a busy machine answers may be late. */
const answered = <A, E>(attempt: Effect.Effect<A, E>): Effect.Effect<string> =>
  Effect.repeat(Effect.map(Effect.exit(attempt), reasonOf), { until: (reason) => reason !== "NoReply" })

describe("withTransaction", () => {
  it.live("commits while the lease is held, and lets it be renewed meanwhile", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const here = yield* b.process
      const result = yield* here(
        Lock.withLock("key", { expires: "2 seconds" })((lease) =>
          SqlBackend.withTransaction(lease)(Effect.gen(function*() {
            yield* write(b, "here")
            yield* Effect.sleep("4 seconds")
            return "done"
          }))
        )
      )
      assert.strictEqual(result, "done")
      assert.deepStrictEqual(yield* b.written, ["here"])
    }).pipe(punctual(200)))

  it.live("writes nothing for a holder that is late, who learns of it", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const [here, there] = [yield* b.process, yield* b.process]
      const late = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(Effect.exit(here(
        Lock.withLock("key", { expires: "1 minute" })((lease) =>
          Effect.gen(function*() {
            // As if the process had been stopped here for longer than its lease
            yield* b.outlive
            yield* there(Lock.withLock(Effect.void, "key"))
            yield* Deferred.succeed(late, undefined)
            return yield* SqlBackend.withTransaction(write(b, "late"), lease)
          })
        )
      )))
      yield* reached(late, holder)
      assert.strictEqual(reasonOf(yield* Fiber.join(holder)), "Taken")
      assert.deepStrictEqual(yield* b.written, [])
    }))

  it.live("of one who shares keeps out who wants the key alone, and lets others who share come and go", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const [here, there] = [yield* b.process, yield* b.process]
      const [open, commit] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const holder = yield* Effect.forkChild(here(
        Lock.withSharedLock("key", { expires: "1 minute" })((lease) =>
          SqlBackend.withTransaction(lease)(
            write(b, "here").pipe(
              Effect.andThen(Deferred.succeed(open, undefined)),
              Effect.andThen(Deferred.await(commit))
            )
          )
        )
      ))
      yield* reached(open, holder)
      yield* there(Lock.withSharedLock(Effect.void, "key"))
      yield* outliveShared(b)
      assert.strictEqual(
        yield* answered(there(Lock.withLock(write(b, "early"), "key", { timeout: "1 second" }))),
        "LockTimeout"
      )
      assert.strictEqual(
        yield* answered(there(Lock.withSharedLock(Effect.void, "key", { timeout: 0 }))),
        "LockTimeout"
      )
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(holder)
      yield* there(Lock.withLock(write(b, "there"), "key"))
      assert.deepStrictEqual(yield* b.written, ["here", "there"])
    }))

  it.live("writes nothing for one who shared and is late, whoever shares the key now", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const [here, there] = [yield* b.process, yield* b.process]
      const exit = yield* Effect.exit(here(
        Lock.withPermits("key", { limit: 1, expires: "1 minute" })((lease) =>
          Effect.gen(function*() {
            yield* outliveShared(b)
            return yield* there(Effect.scoped(Effect.gen(function*() {
              yield* Lock.acquire("key", { share: { limit: 1 } })
              return yield* SqlBackend.withTransaction(write(b, "late"), lease)
            })))
          })
        )
      ))
      assert.include(["Taken", "Expired"], reasonOf(exit))
      assert.deepStrictEqual(yield* b.written, [])
    }))

  it.live("writes nothing after the end of a lease that nobody else has taken", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const here = yield* b.process
      const exit = yield* Effect.exit(here(
        Lock.withLock("key", { expires: "1 minute" })((lease) =>
          Effect.andThen(b.outlive, SqlBackend.withTransaction(write(b, "late"), lease))
        )
      ))
      assert.strictEqual(reasonOf(exit), "Taken")
      assert.deepStrictEqual(yield* b.written, [])
    }))

  it.live("writes nothing by statements that were on their way for longer than the lease", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const [here, there] = [yield* b.process, yield* b.process]
      const { port } = yield* server
      const between = yield* proxy(port)
      const far = yield* sqlClient(b.url.replace(String(port), String(between.port)))
      yield* far`SELECT 1`
      const late = yield* Effect.forkChild(Effect.exit(here(
        Lock.withLock("key", { expires: "1 second", renew: false })((lease) =>
          Effect.suspend(() => {
            between.latency = [600, 600]
            return SqlBackend.withTransaction(write(b, "late"), lease)
          }).pipe(Effect.provideService(SqlClient.SqlClient, far), Effect.uninterruptible)
        )
      )))
      yield* Effect.sleep("200 millis")
      yield* there(Lock.withLock((lease) => SqlBackend.withTransaction(write(b, "next"), lease), "key"))
      assert.strictEqual(reasonOf(yield* Fiber.join(late)), "Expired")
      assert.deepStrictEqual(yield* b.written, ["next"])
    }))

  it.live("keeps the key from others until the commit, though the lease has ended", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const [here, there] = [yield* b.process, yield* b.process]
      const open = yield* Deferred.make<void>()
      const commit = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(here(
        Lock.withLock("key", { expires: "1 minute" })((lease) =>
          SqlBackend.withTransaction(lease)(Effect.gen(function*() {
            yield* write(b, "first")
            yield* Deferred.succeed(open, undefined)
            yield* Deferred.await(commit)
          }))
        )
      ))
      yield* reached(open, holder)
      yield* b.outlive
      assert.strictEqual(yield* answered(there(Lock.withLock(Effect.void, "key", { timeout: 0 }))), "LockTimeout")
      const rival = yield* Effect.forkChild(there(
        Lock.withLock((lease) => SqlBackend.withTransaction(write(b, "second"), lease), "key")
      ))
      yield* Effect.sleep("300 millis")
      assert.strictEqual(rival.pollUnsafe(), undefined)
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(rival)
      yield* Effect.exit(Fiber.join(holder))
      assert.deepStrictEqual(yield* b.written, ["first", "second"])
    }))

  it.live("holds up nobody else's keys meanwhile, and lets waiters come and go", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const [here, there] = [yield* b.process, yield* b.process]
      const commit = yield* Deferred.make<void>()
      const open = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(here(
        Lock.withLock("key", { expires: "1 minute" })((lease) =>
          SqlBackend.withTransaction(Effect.andThen(Deferred.succeed(open, undefined), Deferred.await(commit)), lease)
        )
      ))
      yield* reached(open, holder)
      const waiters = yield* Effect.forEach(Array.from({ length: 8 }), () => b.process)
      const waiting = yield* Effect.forEach(
        waiters,
        (process) => Effect.forkChild(process(Lock.withLock(Effect.void, "key")))
      )
      const inQueue = Effect.map(there(Lock.inspect("key")), (holder) => Option.getOrThrow(holder).waiters)
      yield* until(Effect.map(inQueue, (waiters) => waiters === 8))
      yield* there(Effect.forEach(["a", "b", "c"], (key) => Lock.withLock(Effect.void, key)))
      yield* Effect.forEach(waiting.slice(0, 7), (fiber) => Fiber.interrupt(fiber))
      yield* until(Effect.map(inQueue, (waiters) => waiters === 1))
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(holder)
      yield* Fiber.join(waiting[7])
    }))

  it.live("inside of another transaction, keeps the key until that one ends, and says so of the lock alone", () => {
    const lines: Array<string> = []
    // A busy machine may have more to say.
    const logger = Logger.make(({ message }) => {
      const [line, failure] = [message].flat()
      if (String(failure).includes("keeps the row of the lock locked")) lines.push(String(line))
    })
    return Effect.gen(function*() {
      const b = yield* bench
      const [here, there] = [yield* b.process, yield* b.process]
      const released = yield* Deferred.make<void>()
      const commit = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(here(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql.withTransaction(Effect.gen(function*() {
          yield* Lock.withLock("key")((lease) => SqlBackend.withTransaction(write(b, "first"), lease))
          yield* Deferred.succeed(released, undefined)
          yield* Deferred.await(commit)
        }))
      })))
      yield* reached(released, holder)
      const rival = yield* Effect.forkChild(there(
        Lock.withLock((lease) => SqlBackend.withTransaction(write(b, "second"), lease), "key")
      ))
      yield* until(Effect.sync(() => lines.length > 0))
      assert.strictEqual(rival.pollUnsafe(), undefined)
      assert.deepStrictEqual(yield* b.written, [])
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(holder)
      yield* Fiber.join(rival)
      assert.deepStrictEqual(yield* b.written, ["first", "second"])
      assert.deepStrictEqual(lines, ["A lock could not be released; that is tried until its lease has ended"])
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.live("does not believe an old snapshot, nor one that is overtaken while it waits", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const { acquire, check } = Statements.make({ name: b.table, sql: b.table })
      const [old, rival, late] = [yield* admin(b.url), yield* admin(b.url), yield* admin(b.url)]
      const take = (token: string) => rival.unsafe(acquire, [["kkey"], [token], ["60000"], null]).values
      const [[, first]] = yield* take("first.0.0")
      yield* old.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ")
      yield* old.unsafe(`SELECT * FROM ${b.table}`)
      yield* b.outlive
      const [[, second]] = yield* take("second.0.0")
      const believed = yield* Effect.exit(old.unsafe(check, ["kkey", String(first)]).values)
      assert.strictEqual(believed._tag, "Failure")
      yield* old.unsafe("ROLLBACK")
      assert.deepStrictEqual((yield* late.unsafe(check, ["kkey", String(second)]).values).length, 1)

      // Only the rival's end of it decides
      yield* rival.unsafe("BEGIN")
      yield* rival.unsafe(`UPDATE ${b.table} SET expires_at = clock_timestamp()`)
      yield* take("third.0.0")
      const waiting = yield* Effect.forkChild(late.unsafe(check, ["kkey", String(second)]).values)
      yield* until(Effect.map(
        b.look.unsafe(
          `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${b.table}%SHARE%'`
        ),
        (rows) => rows.length > 0
      ))
      yield* rival.unsafe("COMMIT")
      assert.deepStrictEqual(yield* Fiber.join(waiting), [])
    }))

  it.live("fails with what is no lease before it begins", () =>
    Effect.gen(function*() {
      const at = yield* bench
      const here = yield* at.process
      for (const none of [undefined, null, {}, "key", { key: "key", remaining: 7 }]) {
        const exits = yield* here(Effect.all([
          Effect.exit(SqlBackend.withTransaction(write(at, "ada"), none as never)),
          Effect.exit(Effect.flatMap(SqlBackend.LockTable, ({ holds }) => holds(none as never)))
        ]))
        assert.deepStrictEqual(exits.map(reasonOf), ["InvalidOptions", "InvalidOptions"])
      }
      assert.deepStrictEqual(yield* at.written, [])
    }))

  it.live("rolls back what fails or is interrupted, and changes neither", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const here = yield* b.process
      const failed = yield* Effect.exit(here(
        Lock.withLock("key")((lease) =>
          SqlBackend.withTransaction(Effect.andThen(write(b, "failed"), Effect.fail("broken")), lease)
        )
      ))
      assert.deepStrictEqual(failed, Exit.fail("broken"))
      const wrote = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(here(
        Lock.withLock("key")((lease) =>
          SqlBackend.withTransaction(
            Effect.andThen(write(b, "interrupted"), Effect.andThen(Deferred.succeed(wrote, undefined), Effect.never)),
            lease
          )
        )
      ))
      yield* reached(wrote, fiber)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* b.written, [])
      yield* here(Lock.withLock(Effect.void, "key"))
    }))

  it.live("refuses a lease that was given back, or handed on within the process", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const here = yield* b.process
      const exits = yield* here(Effect.scoped(Effect.gen(function*() {
        const lease = yield* Lock.acquire("key")
        const next = yield* Effect.forkChild(
          Lock.withLock("key")((later) =>
            Effect.gen(function*() {
              const early = yield* Effect.exit(SqlBackend.withTransaction(write(b, "earlier"), lease))
              const own = yield* Effect.exit(SqlBackend.withTransaction(write(b, "later"), later))
              return [reasonOf(early), reasonOf(own), later.fencingToken - lease.fencingToken > 0]
            })
          )
        )
        yield* Effect.yieldNow
        yield* lease.release
        return yield* Fiber.join(next)
      })))
      assert.deepStrictEqual(exits, ["Released", "Success", true])
      assert.deepStrictEqual(yield* b.written, ["later"])
    }))

  it.live("commits nothing when the lease is given back during the transaction", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const here = yield* b.process
      const exit = yield* Effect.exit(here(Effect.scoped(Effect.gen(function*() {
        const lease = yield* Lock.acquire("key")
        yield* SqlBackend.withTransaction(Effect.andThen(write(b, "here"), lease.release), lease)
      }))))
      assert.strictEqual(reasonOf(exit), "Released")
      assert.deepStrictEqual(yield* b.written, [])
    }))

  it.live("says that the client sees no table, or that of another database", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const database = `other_${b.table}`
      yield* b.look.unsafe(`CREATE DATABASE ${database}`)
      yield* Effect.addFinalizer(() => Effect.ignore(b.look.unsafe(`DROP DATABASE ${database} WITH (FORCE)`)))
      const here = yield* b.process
      const elsewhere = yield* sqlClient(b.url.replace(/\w+$/, database))
      const attempt = Effect.flip(here(
        Lock.withLock("key")((lease) =>
          Effect.provideService(SqlBackend.withTransaction(Effect.void, lease), SqlClient.SqlClient, elsewhere)
        )
      ))
      const missing = yield* attempt
      assert.match(
        String(missing),
        /\(Unsupported\): the SqlClient of the transaction sees no table of locks \(relation/
      )
      // One that is made there would be of no use.
      assert.notInclude(String(missing), "CREATE TABLE")
      yield* elsewhere.unsafe(yield* SqlBackend.createTable({ table: b.table }))
      assert.match(String(yield* attempt), /\(Unsupported\): the lock is held, but not in what this SqlClient sees/)
    }))

  it.live("wants a client that speaks PostgreSQL", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const here = yield* b.process
      const sqlite = yield* sqliteClient
      const error = yield* Effect.flip(here(
        Lock.withLock("key")((lease) =>
          Effect.provideService(SqlBackend.withTransaction(Effect.void, lease), SqlClient.SqlClient, sqlite)
        )
      ))
      assert.match(String(error), /\(Unsupported\): the SqlClient speaks SQLite/)
    }))

  it.live("writes nothing under a lease of another backend", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const here = yield* b.process
      const exit = yield* Effect.exit(here(
        Lock.withLock("key")((lease) => SqlBackend.withTransaction(write(b, "here"), lease)).pipe(
          Effect.provide(InMemoryBackend.layer)
        )
      ))
      assert.strictEqual(reasonOf(exit), "Unsupported")
      assert.deepStrictEqual(yield* b.written, [])
    }))
})
