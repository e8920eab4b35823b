/** What the statements do, and what they cost the server. */
import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option } from "effect"
import { type LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import * as SqlClient from "effect/sql/SqlClient"
import * as Token from "../../src/internal/token.ts"
import { postgres } from "../support/postgres.ts"
import { it } from "../support/punctual.ts"
import { shared, until } from "../support/redis.ts"
import { hearing, sqlClient } from "../support/sqlStores.ts"
import { fixtureOn, kindOf, take, wait } from "./support.ts"

// Vacuum takes transaction ids, too.
const server = shared(postgres("autovacuum=off"))
const fixture = fixtureOn(server)

/** The transaction id that is taken next. */
const nextIn = (look: SqlClient.SqlClient) =>
  Effect.map(
    look.unsafe<{ readonly id: string }>("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS id"),
    (rows) => Number(rows[0].id)
  )

describe("statements", () => {
  it.live("take no transaction id for a refusal", () =>
    Effect.gen(function*() {
      const { look, store } = yield* fixture
      const [one, other] = [yield* store, yield* store]
      const next = nextIn(look)
      yield* take(one, "key", "a.b.c")
      yield* wait(other, "key", "w.b.c")
      const before = yield* next
      for (let i = 0; i < 100; i++) {
        yield* Effect.all(Array.from({ length: 10 }, (_, j) => take(other, "key", `t.${i}.${j}`)), {
          concurrency: "unbounded"
        })
        // One that waits already may come by as often as it likes, too.
        yield* wait(other, "key", "w.b.c")
      }
      assert.isBelow((yield* next) - before, 20)
    }))

  it.live("never deadlock, whatever is in a batch", () =>
    Effect.gen(function*() {
      const { table, url } = yield* fixture
      // Plans that happen to sort or to hash would hide a wrong order.
      const pg = { startupParameters: { enable_hashjoin: "off", enable_mergejoin: "off" } }
      const make = SqlBackend.makeStore({ url, table, pg })
      const stores = [yield* make, yield* make, yield* make]
      let n = 0
      const cycle = (store: LockStore.LockStore, round: number) =>
        Effect.forEach(
          // Rows that are there already, and new ones
          Array.from({ length: 128 }, (_, i) => `key-${i < 10 ? i : `${round}-${i}`}`).toSorted(() =>
            Math.random() - 0.5
          ),
          (key) => {
            const token = `t.0.${n++}`
            return Effect.flatMap(
              take(store, key, token),
              (attempt) => attempt._tag === "Acquired" ? store.release(key, token) : Effect.succeed(true)
            )
          },
          { concurrency: "unbounded" }
        )
      const answers = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, i) => i),
        (round) => Effect.forEach(stores, (store) => cycle(store, round), { concurrency: "unbounded" })
      )
      assert.isTrue(answers.flat(2).every(Boolean))
    }))

  it.live("answer each claim of a key that is several times in a batch", () =>
    Effect.gen(function*() {
      const { store } = yield* fixture
      const one = yield* store
      const attempts = yield* Effect.all(
        Array.from({ length: 40 }, (_, i) => take(one, `key-${i % 4}`, `t.0.${i}`)),
        { concurrency: "unbounded" }
      )
      for (const key of [0, 1, 2, 3]) {
        const winners = attempts.filter(({ _tag }, i) => i % 4 === key && _tag === "Acquired")
        assert.strictEqual(winners.length, 1)
      }
    }))

  it.live("wait for no row that somebody keeps locked", () =>
    Effect.gen(function*() {
      const { look, store, table } = yield* fixture
      const one = yield* store
      for (const key of ["free", "held", "other"]) yield* take(one, key, "a.0.0")
      yield* one.release("free", "a.0.0")
      const locked = yield* Deferred.make<void>()
      const open = yield* Effect.forkChild(look.withTransaction(
        look.unsafe(`SELECT * FROM ${table} WHERE key IN ('kfree', 'kheld') FOR UPDATE`).pipe(
          Effect.andThen(Deferred.succeed(locked, undefined)),
          Effect.andThen(Effect.never)
        )
      ))
      yield* Deferred.await(locked)
      const attempts = yield* Effect.forEach(["free", "held", "new"], (key) => take(one, key, "b.0.0"), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(attempts.map(({ _tag }) => _tag), ["Held", "Held", "Acquired"])
      const holding = (key: string) => ({ key, token: "a.0.0", expiresMillis: 30_000 })
      const extended = yield* one.extendAll!([holding("other"), holding("held")])
      assert.deepStrictEqual(extended.map((answer) => typeof answer === "boolean" ? answer : answer.kind), [
        true,
        "NoReply"
      ])
      assert.strictEqual(kindOf(yield* Effect.exit(one.extend(holding("held")))), "NoReply")
      const releases = yield* Effect.forEach(["held", "other"], (key) => Effect.exit(one.release(key, "a.0.0")), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(releases.map(kindOf), ["NoReply", "Success"])
      yield* Fiber.interrupt(open)
      assert.strictEqual((yield* take(one, "free", "b.0.0"))._tag, "Acquired")
    }))

  it.live("never lose a waiter that joins while the holder leaves", () =>
    Effect.gen(function*() {
      const { store } = yield* fixture
      const [one, other] = [yield* store, yield* store]
      yield* hearing(other)
      for (let i = 0; i < 60; i++) {
        const [holder, waiter] = [`h.0.${i}`, `w.0.${i}`]
        yield* take(one, "key", holder)
        let told = false
        yield* Effect.scoped(Effect.gen(function*() {
          yield* other.listen!("key", waiter, (grant) => {
            told ||= grant !== undefined
          })
          const [attempt, released] = yield* Effect.all([wait(other, "key", waiter), one.release("key", holder)], {
            concurrency: "unbounded"
          })
          assert.isTrue(released)
          if (attempt._tag === "Held") yield* until(Effect.sync(() => told))
          const occupant = Option.getOrThrow(yield* one.inspect("key"))
          assert.strictEqual(occupant.token, waiter)
        }))
        assert.isTrue(yield* other.release("key", waiter))
      }
    }))

  it.live("grant the key to the first entry that they understand", () =>
    Effect.gen(function*() {
      const { look, row, store, table } = yield* fixture
      const one = yield* store
      yield* take(one, "key", "a.0.0")
      const queue = [
        "",
        "nonsense",
        "x.0.0 soon 1000 -",
        "x.0.0 1000 1000 " + "c".repeat(64),
        "y.0.0 5000 1000 -",
        "z.0.0 5000 1000 -"
      ]
      yield* look.unsafe(`UPDATE ${table} SET queue = $1`, [queue])
      assert.isTrue(yield* one.release("key", "a.0.0"))
      const { queue: left, token } = yield* row("key")
      assert.deepStrictEqual([token, left], ["y.0.0", ["z.0.0 5000 1000 -"]])
      yield* look.unsafe(`UPDATE ${table} SET queue = $1`, [["nonsense"]])
      assert.isTrue(yield* one.release("key", "y.0.0"))
      assert.isTrue(Option.isNone(yield* one.inspect("key")))
    }))

  it.live("raise the fencing token when the clock is behind", () =>
    Effect.gen(function*() {
      const { look, row, store, table } = yield* fixture
      const one = yield* store
      yield* take(one, "key", "a.0.0")
      const ahead = BigInt(Date.now() + 3_600_000) * 1000n
      yield* look.unsafe(`UPDATE ${table} SET fence = $1`, [ahead])
      yield* one.release("key", "a.0.0")
      const next = yield* take(one, "key", "b.0.0")
      assert.deepStrictEqual(next, { _tag: "Acquired", fencingToken: Number(ahead) + 512 })
      // Asking again keeps it, or a fenced transaction would refuse its own lease.
      assert.deepStrictEqual(yield* take(one, "key", "b.0.0"), next)
      yield* wait(one, "key", "c.0.0")
      yield* one.release("key", "b.0.0")
      assert.strictEqual(Number((yield* row("key")).fence), Number(ahead) + 1024)
    }))

  it.live("acquire what was released before the server's clock was set back", () =>
    Effect.gen(function*() {
      const { look, row, store, table } = yield* fixture
      const [one, other] = [yield* store, yield* store]
      const keys = ["alone", "together-1", "together-2", "shared", "waited", "asked"]
      for (const key of keys) {
        yield* take(one, key, "a.0.0")
        yield* one.release(key, "a.0.0")
      }
      // To rows it is the same as a clock that goes back.
      yield* look.unsafe(`UPDATE ${table} SET expires_at = expires_at + interval '1 hour', fence = fence + 3600000000`)
      for (const key of keys) assert.isTrue(Option.isNone(yield* one.inspect(key)))
      assert.deepStrictEqual((yield* one.list!("", undefined)).locks, [])
      const before = new Map(
        yield* Effect.forEach(keys, (key) => Effect.map(row(key), ({ fence }) => [key, fence] as const))
      )
      const claims: ReadonlyArray<[LockStore.LockStore, LockStore.Claim]> = [
        [one, { key: "alone", token: "b.0.0", expiresMillis: 30_000, wait: false }],
        [one, { key: "together-1", token: "b.0.1", expiresMillis: 30_000, wait: false }],
        [one, { key: "together-2", token: "b.0.2", expiresMillis: 30_000, wait: false }],
        [one, { key: "shared", token: "b.0.3", expiresMillis: 30_000, wait: true, share: { permits: 1, limit: 1 } }],
        [other, { key: "waited", token: "b.0.4", expiresMillis: 30_000, wait: true }],
        [other, { key: "asked", token: "b.0.5", expiresMillis: 30_000, wait: false }]
      ]
      const attempts = yield* Effect.forEach(claims, ([store, claim]) => store.tryAcquire(claim), {
        concurrency: "unbounded"
      })
      for (const [i, attempt] of attempts.entries()) {
        const { key } = claims[i][1]
        assert.isTrue(attempt._tag === "Acquired" && attempt.fencingToken > Number(before.get(key)), key)
      }
    }))

  it.live("do nothing for a claim that arrives too late", () =>
    Effect.gen(function*() {
      const { look, row, statements } = yield* fixture
      const past = String(Date.now() * 1000 - 1_000_000)
      const [attempt] = yield* look.unsafe(statements.acquire, [["kkey"], ["a.0.0"], ["1000"], past]).values
      assert.deepStrictEqual([attempt[1], attempt[6]], [null, true])
      yield* look.unsafe(statements.wait, ["kkey", "a.0.0", "1000", past, "a.0.0 1000 1000 -"])
      assert.isUndefined(yield* row("key"))
      yield* look.unsafe(statements.acquire, [["kkey"], ["a.0.0"], ["100000"], null])
      yield* look.unsafe(statements.wait, ["kkey", "b.0.0", "1000", past, "b.0.0 1000 1000 -"])
      yield* look.unsafe(statements.exchange, ["kkey", "a.0.0", "b.0.0", "1000", past, "b.0.0 1000 1000 -"])
      const { queue, token } = yield* row("key")
      assert.deepStrictEqual([token, queue], ["a.0.0", []])
    }))

  it.live("tell apart several tokens of one key that are extended together", () =>
    Effect.gen(function*() {
      const { store } = yield* fixture
      const [one, other] = [yield* store, yield* store]
      yield* take(one, "key", "a.0.0")
      const share = { permits: 1, limit: 2 }
      yield* one.tryAcquire({ key: "shared", token: "d.0.0", expiresMillis: 30_000, wait: false, share })
      yield* one.tryAcquire({ key: "shared", token: "e.0.0", expiresMillis: 30_000, wait: false, share })
      const holdings = [["key", "a"], ["key", "b"], ["key", "c"], ["shared", "d"], ["shared", "e"], ["shared", "f"]]
        .map(([key, token]) => ({ key, token: `${token}.0.0`, expiresMillis: 30_000 }))
      for (const store of [one, other]) {
        assert.deepStrictEqual(yield* store.extendAll!(holdings), [true, false, false, true, true, false])
      }
    }))

  it.live("exchange a place in the queue as well as a lease", () =>
    Effect.gen(function*() {
      const { row, store } = yield* fixture
      const one = yield* store
      yield* take(one, "key", "a.0.0")
      yield* wait(one, "key", "b.0.0")
      yield* one.exchange!("b.0.0", { key: "key", token: "c.0.0", expiresMillis: 30_000, wait: true })
      assert.deepStrictEqual((yield* row("key")).queue.map((entry) => entry.split(" ")[0]), ["c.0.0"])
    }))

  it.live("list a shared key with the holder whose lease ends first", () =>
    Effect.gen(function*() {
      const { store } = yield* fixture
      const one = yield* store
      yield* take(one, "list-alone", "a.0.0")
      for (const [token, expiresMillis] of [["b.0.0", 60_000], ["c.0.0", 30_000], ["d.0.0", 60_000]] as const) {
        yield* one.tryAcquire({
          key: "list-shared",
          token,
          expiresMillis,
          wait: false,
          share: { permits: 2, limit: 9 }
        })
      }
      const { locks } = yield* one.list!("list-", undefined)
      assert.deepStrictEqual(locks.map(({ key, permits, token }) => [key, token, permits]), [
        ["list-alone", "a.0.0", undefined],
        ["list-shared", "c.0.0", 2]
      ])
    }))

  it.live("take no transaction id for a refusal to share", () =>
    Effect.gen(function*() {
      const { look, store } = yield* fixture
      const [one, other] = [yield* store, yield* store]
      const next = nextIn(look)
      const share = { permits: 1, limit: 1 }
      const claim = { key: "key", token: "a.0.0", expiresMillis: 30_000, wait: false, share }
      yield* one.tryAcquire(claim)
      yield* other.tryAcquire({ ...claim, token: "w.0.0", wait: true })
      const before = yield* next
      for (let i = 0; i < 100; i++) {
        yield* other.tryAcquire({ ...claim, token: `t.0.${i}` })
        yield* other.tryAcquire({ ...claim, token: "w.0.0", wait: true })
      }
      assert.isBelow((yield* next) - before, 20)
    }))

  it.live("acquire a key that this store released, whatever has happened to it since", () =>
    Effect.gen(function*() {
      const { look, row, store, table } = yield* fixture
      const [one, other] = [yield* store, yield* store]
      const giveBack = Effect.andThen(take(one, "key", "a.0.0"), one.release("key", "a.0.0"))
      const fences: Array<number> = []
      const takes = Effect.fnUntraced(function*(token: string) {
        const attempt = yield* take(one, "key", token)
        assert.strictEqual(attempt._tag, "Acquired")
        fences.push(attempt._tag === "Acquired" ? attempt.fencingToken : 0)
        assert.strictEqual((yield* row("key")).token, token)
        assert.isTrue(yield* one.release("key", token))
      })
      // Still free
      yield* giveBack
      yield* takes("b.0.0")
      // Somebody's
      yield* take(other, "key", "c.0.0")
      const held = yield* take(one, "key", "d.0.0")
      assert.strictEqual(held._tag === "Held" && held.token, "c.0.0")
      assert.isAbove(held._tag === "Held" ? held.remainingMillis! : 0, 20_000)
      yield* other.release("key", "c.0.0")
      // Swept away
      yield* giveBack
      yield* look.unsafe(`DELETE FROM ${table}`)
      yield* takes("e.0.0")
      // Kept locked
      yield* giveBack
      yield* look.unsafe("BEGIN")
      yield* look.unsafe(`SELECT FROM ${table} FOR UPDATE`)
      assert.strictEqual((yield* take(one, "key", "f.0.0"))._tag, "Held")
      yield* look.unsafe("COMMIT")
      yield* takes("g.0.0")
      assert.deepStrictEqual(fences, fences.toSorted((a, b) => a - b))
      // Wanted meanwhile
      yield* take(one, "key", "h.0.0")
      yield* wait(other, "key", "i.0.0")
      assert.isTrue(yield* one.release("key", "h.0.0"))
      assert.strictEqual((yield* row("key")).token, "i.0.0")
      assert.isTrue(yield* other.release("key", "i.0.0"))
      assert.strictEqual((yield* row("key")).token, "")
    }))

  it.live("acquire what this store released in one statement, except what somebody locks, holds or watches", () =>
    Effect.gen(function*() {
      const { look, row, store, table } = yield* fixture
      const [one, other] = [yield* store, yield* store]
      const keys = ["free", "locked", "held", "swept", "old"]
      const together = <A, E>(each: (key: string) => Effect.Effect<A, E>) =>
        Effect.forEach(keys, each, { concurrency: "unbounded" })
      const fences: Array<number> = []
      for (const token of ["a.0.0", "b.0.0"]) {
        for (const attempt of yield* together((key) => take(one, key, token))) {
          assert.strictEqual(attempt._tag, "Acquired")
          if (attempt._tag === "Acquired") fences.push(attempt.fencingToken)
        }
        assert.deepStrictEqual(yield* together((key) => one.release(key, token)), keys.map(() => true))
      }
      yield* take(other, "held", "c.0.0")
      yield* look.unsafe(`DELETE FROM ${table} WHERE key = 'kswept'`)
      // Somebody had it locked, which changes nothing
      yield* look.unsafe(`SELECT FROM ${table} WHERE key = 'kold' FOR KEY SHARE`)
      yield* look.unsafe("BEGIN")
      yield* look.unsafe(`SELECT FROM ${table} WHERE key = 'klocked' FOR UPDATE`)
      const attempts = yield* together((key) => take(one, key, "d.0.0"))
      yield* look.unsafe("COMMIT")
      assert.deepStrictEqual(attempts.map(({ _tag }) => _tag), ["Acquired", "Held", "Held", "Acquired", "Acquired"])
      for (const attempt of attempts) {
        if (attempt._tag === "Acquired") assert.isAbove(attempt.fencingToken, Math.max(...fences))
      }
      assert.deepStrictEqual((yield* together(row)).map(({ token }) => token), ["d.0.0", "", "c.0.0", "d.0.0", "d.0.0"])
    }))

  it.live("release keys in one round trip, and hand one over in another, unless its holder waited for it or held it for long", () =>
    Effect.gen(function*() {
      const { row, store, table, url } = yield* fixture
      const other = yield* store
      const sql = yield* sqlClient(url)
      const unsafe = sql.unsafe.bind(sql)
      let sent = 0
      const counted = Object.assign(sql, {
        unsafe: (text: string, parameters?: ReadonlyArray<unknown>) => {
          sent++
          return unsafe(text, parameters)
        }
      })
      const one = yield* Effect.provideService(SqlBackend.makeStoreSqlClient({ table }), SqlClient.SqlClient, counted)
      const releasing = Effect.fnUntraced(function*(keys: ReadonlyArray<string>, token: string, statements: number) {
        sent = 0
        const released = yield* Effect.forEach(keys, (key) => one.release(key, token), { concurrency: "unbounded" })
        assert.deepStrictEqual([released, sent], [keys.map(() => true), statements])
      })
      yield* take(one, "one", "a.0.0")
      yield* wait(other, "one", "b.0.0")
      yield* wait(one, "one", "c.0.0")
      yield* releasing(["one"], "a.0.0", 2)
      assert.strictEqual((yield* row("one")).token, "b.0.0")
      yield* other.release("one", "b.0.0")
      assert.strictEqual((yield* wait(one, "one", "c.0.0"))._tag, "Acquired")
      yield* wait(other, "one", "d.0.0")
      yield* releasing(["one"], "c.0.0", 1)
      assert.strictEqual((yield* row("one")).token, "d.0.0")

      const token = Token.make(() => Date.now() - 1_000)()
      yield* take(one, "long", token)
      yield* wait(other, "long", "b.0.0")
      yield* releasing(["long"], token, 1)
      assert.strictEqual((yield* row("long")).token, "b.0.0")

      // Of many at once a client of the program's hands on in the same statement, for the sake of its planner.
      const keys = ["wanted", "alone", "wanted too"]
      for (const holder of [one, yield* store]) {
        for (const key of keys) yield* take(holder, key, "a.0.0")
        for (const key of ["wanted", "wanted too"]) yield* wait(other, key, "b.0.0")
        if (holder === one) yield* releasing(keys, "a.0.0", 1)
        else yield* Effect.forEach(keys, (key) => holder.release(key, "a.0.0"), { concurrency: "unbounded" })
        const holders = yield* Effect.forEach(keys, (key) => Effect.map(row(key), ({ token }) => token))
        assert.deepStrictEqual(holders, ["b.0.0", "", "b.0.0"])
        for (const key of ["wanted", "wanted too"]) yield* other.release(key, "b.0.0")
      }
      const free = ["free", "free too"]
      for (const key of free) yield* take(one, key, "e.0.0")
      yield* releasing(free, "e.0.0", 1)
      yield* take(one, "free", "f.0.0")
      yield* releasing(["free"], "f.0.0", 1)
    }))

  it.live("delete rows that nobody has wanted for a minute, and no others", () =>
    Effect.gen(function*() {
      const { look, statements, store, table } = yield* fixture
      const one = yield* store
      for (const key of ["held", "fresh", "old"]) yield* take(one, key, "a.0.0")
      for (const key of ["fresh", "old"]) yield* one.release(key, "a.0.0")
      yield* look.unsafe(`UPDATE ${table} SET expires_at = expires_at - interval '61 s' WHERE key = 'kold'`)
      yield* look.unsafe(statements.sweep)
      const rows = yield* look.unsafe(`SELECT key FROM ${table} ORDER BY key`).values
      assert.deepStrictEqual(rows.map(([key]) => key), ["kfresh", "kheld", "m"])
      // Nothing of what is left is ever swept for its age alone.
      yield* look.unsafe(statements.sweep)
      assert.deepStrictEqual(yield* look.unsafe(`SELECT key FROM ${table} ORDER BY key`).values, rows)
      assert.deepStrictEqual((yield* one.list!("", undefined)).locks.map(({ key }) => key), ["held"])
    }))
})
