/** What those hear who only look at a lock, through the end of the connection that tells them. */
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { admin, postgres } from "../support/postgres.ts"
import { it } from "../support/punctual.ts"
import { shared } from "../support/redis.ts"
import { flavours, table } from "../support/sqlStores.ts"

const server = shared(postgres())

const within = <A, E>(what: string, check: Effect.Effect<A, E>, is: (value: A) => boolean) =>
  Effect.gen(function*() {
    for (let i = 0; i < 10_000; i++) {
      if (is(yield* check)) return
      yield* Effect.sleep("10 millis")
    }
    return assert.fail(`not seen: ${what}`)
  })

const claim = (token: string) => ({ key: "key", token, expiresMillis: 60_000, wait: false })

describe("those who watch a lock in PostgreSQL", () => {
  it.live("are told again after the connection that tells them was cut, and leave nothing but an empty row", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const sql = yield* admin(url)
      const name = yield* table(url)
      const store = yield* flavours[0].make(url, { table: name })
      let told = 0
      const news = Effect.sync(() => told)
      const enrolled = Effect.map(
        sql.unsafe<{ readonly count: number }>(
          `SELECT coalesce(cardinality(watchers), 0) AS count FROM ${name} WHERE key = 'kkey'`
        ),
        (rows) => Number(rows[0]?.count)
      )
      yield* Effect.scoped(Effect.gen(function*() {
        yield* store.watch!("key", () => told++)
        yield* within("that it watches", enrolled, (count) => count === 1)
        yield* within("the first news", news, (count) => count > 0)
        told = 0
        yield* sql.unsafe(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'listen%' AND pid <> pg_backend_pid()`
        )
        // What was missed meanwhile may be anything.
        yield* within("that it is to look", news, (count) => count > 0)
        yield* Effect.sleep("100 millis")
        told = 0
        yield* store.tryAcquire(claim("a.1"))
        yield* within("a holder", news, (count) => count > 0)
        yield* Effect.sleep("100 millis")
        told = 0
        yield* store.release("key", "a.1")
        yield* within("its release", news, (count) => count > 0)
      }))
      yield* within("that nobody watches", enrolled, (count) => count === 0)
    }).pipe(Effect.scoped))

  it.live("do not count as who waits, and are in no list", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const store = yield* flavours[0].make(url, { table: yield* table(url) })
      let told = 0
      yield* store.watch!("key", () => told++)
      yield* within("the first news", Effect.sync(() => told), (count) => count > 0)
      assert.deepStrictEqual((yield* store.list!("", undefined)).locks, [])
      yield* store.tryAcquire(claim("a.1"))
      assert.deepStrictEqual((yield* store.holders!("key")).map(({ waiters }) => waiters), [0])
    }).pipe(Effect.scoped))

  it.live("are no more when they died without a word, once somebody else watches or leaves", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const sql = yield* admin(url)
      const name = yield* table(url)
      const store = yield* flavours[0].make(url, { table: name })
      const watchers = Effect.map(
        sql.unsafe<{ readonly watchers: ReadonlyArray<string> }>(`SELECT watchers FROM ${name} WHERE key = 'kkey'`),
        (rows) => rows[0]?.watchers ?? []
      )
      yield* Effect.scoped(Effect.gen(function*() {
        yield* store.watch!("key", () => {})
        yield* within("that it watches", watchers, (all) => all.length === 1)
        yield* sql.unsafe(
          `UPDATE ${name} SET watchers = watchers || ARRAY['gone 1', 'there ' || extract(epoch FROM now())::int8]`
        )
        yield* Effect.scoped(Effect.gen(function*() {
          yield* (yield* flavours[0].make(url, { table: name })).watch!("key", () => {})
          yield* within(
            "only those who are there",
            watchers,
            (all) => all.length === 3 && !all.some((one) => one.startsWith("gone "))
          )
        }))
        yield* within("that one has left", watchers, (all) => all.length === 2)
      }))
      yield* within(
        "that all have left but the one who said so just now",
        watchers,
        (all) => all.length === 1 && all[0].startsWith("there ")
      )
    }).pipe(Effect.scoped))
})
