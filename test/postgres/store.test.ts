import { assert, describe } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Exit, Fiber, Layer, Option, Redacted } from "effect"
import { Lock, LockBackend, type LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import * as Statement from "effect/sql/Statement"
import * as Statements from "../../src/internal/sql/statements.ts"
import * as Table from "../../src/internal/sql/table.ts"
import * as Token from "../../src/internal/token.ts"
import { logged } from "../engine/scenery.ts"
import { admin, pgbouncer, pooler, postgres } from "../support/postgres.ts"
import { proxy } from "../support/proxy.ts"
import { it } from "../support/punctual.ts"
import { shared, until } from "../support/redis.ts"
import { hearing, sqlClient, table } from "../support/sqlStores.ts"

// Vacuum takes transaction ids, too.
const server = shared(postgres("autovacuum=off"))

const bench = Effect.gen(function*() {
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

const take = (store: LockStore.LockStore, key: string, token: string, expiresMillis = 30_000) =>
  store.tryAcquire({ key, token, expiresMillis, wait: false })

const wait = (store: LockStore.LockStore, key: string, token: string, expiresMillis = 30_000) =>
  store.tryAcquire({ key, token, expiresMillis, wait: true })

const kindOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  exit._tag === "Success"
    ? "Success"
    : (exit.cause.reasons[0] as { readonly error?: { readonly kind?: unknown } }).error?.kind

describe("statements", () => {
  it.live("take no transaction id for a refusal", () =>
    Effect.gen(function*() {
      const { look, store } = yield* bench
      const [one, other] = [yield* store, yield* store]
      const next = Effect.map(
        look.unsafe<{ readonly id: string }>("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS id"),
        (rows) => Number(rows[0].id)
      )
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

  it.live("do not meet in a deadlock, whatever is in a batch", () =>
    Effect.gen(function*() {
      const { table, url } = yield* bench
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
      const { store } = yield* bench
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
      const { look, store, table } = yield* bench
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
      const { store } = yield* bench
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

  it.live("give the key to the first entry that they understand", () =>
    Effect.gen(function*() {
      const { look, row, store, table } = yield* bench
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
      const { look, row, store, table } = yield* bench
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

  it.live("take what was given back before the server's clock was set back", () =>
    Effect.gen(function*() {
      const { look, row, store, table } = yield* bench
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
      const { look, row, statements } = yield* bench
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

  it.live("tell several tokens of one key apart that are extended together", () =>
    Effect.gen(function*() {
      const { store } = yield* bench
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
      const { row, store } = yield* bench
      const one = yield* store
      yield* take(one, "key", "a.0.0")
      yield* wait(one, "key", "b.0.0")
      yield* one.exchange!("b.0.0", { key: "key", token: "c.0.0", expiresMillis: 30_000, wait: true })
      assert.deepStrictEqual((yield* row("key")).queue.map((entry) => entry.split(" ")[0]), ["c.0.0"])
    }))

  it.live("list a key that is shared with the one of its holders that ends first", () =>
    Effect.gen(function*() {
      const { store } = yield* bench
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

  it.live("take no transaction id for one that may not share", () =>
    Effect.gen(function*() {
      const { look, store } = yield* bench
      const [one, other] = [yield* store, yield* store]
      const next = Effect.map(
        look.unsafe<{ readonly id: string }>("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS id"),
        (rows) => Number(rows[0].id)
      )
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

  it.live("take a key that was given back here, whatever has become of it since", () =>
    Effect.gen(function*() {
      const { look, row, store, table } = yield* bench
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

  it.live("take what was given back here in one statement, but for what somebody keeps locked, has or watches", () =>
    Effect.gen(function*() {
      const { look, row, store, table } = yield* bench
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

  it.live("give keys back in one round trip, and one on to who waits in one more unless they waited, too, or had it for long", () =>
    Effect.gen(function*() {
      const { row, store, table, url } = yield* bench
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

  it.live("sweep rows that nobody has wanted for a minute, and no others", () =>
    Effect.gen(function*() {
      const { look, statements, store, table } = yield* bench
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

describe("waiting", () => {
  it.live("is told where LISTEN is heard", () =>
    Effect.gen(function*() {
      const { row, store } = yield* bench
      const [one, other] = [yield* store, yield* store]
      yield* hearing(other)
      yield* take(one, "key", "a.0.0")
      const grants: Array<LockStore.Grant | undefined> = []
      yield* other.listen!("key", "b.0.0", (grant) => grants.push(grant))
      yield* wait(other, "key", "b.0.0")
      assert.match((yield* row("key")).queue[0], /^b\.0\.0 30000 1000 effect_lock:\S+$/)
      yield* one.release("key", "a.0.0")
      yield* until(Effect.sync(() => grants.some((grant) => grant !== undefined)))
      const grant = grants.find((grant) => grant !== undefined)!
      assert.isAtMost(grant.leaseMillis, 1000)
      const claimed = yield* wait(other, "key", "b.0.0")
      assert.deepStrictEqual(claimed, { _tag: "Acquired", fencingToken: grant.fencingToken })
      assert.isAbove(Option.getOrThrow(yield* one.inspect("key")).remainingMillis!, 20_000)
    }))

  it.live("comes by where a pooler swallows what LISTEN would hear", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const pooled = yield* pgbouncer(yield* server)
      const one = yield* b.store
      const other = yield* SqlBackend.makeStore({ url: pooled, table: b.table })
      yield* take(one, "key", "a.0.0")
      const reasons: Array<string> = []
      const ignore = () => {}
      other.observe!({ down: ignore, up: ignore, told: ignore, polling: (reason) => reasons.push(reason) })
      let calls = 0
      yield* other.listen!("key", "b.0.0", () => calls++)
      yield* wait(other, "key", "b.0.0")
      yield* until(Effect.sync(() => calls > 20))
      // Whoever observes the store is told, once, and why.
      yield* until(Effect.sync(() => reasons.length > 0))
      assert.deepStrictEqual(reasons, ["NOTIFY is not heard, as behind a pooler in transaction mode"])
      // From then on nobody sends messages that are not heard.
      yield* other.listen!("key", "c.0.0", ignore)
      yield* wait(other, "key", "c.0.0")
      assert.strictEqual((yield* b.row("key")).queue[1], "c.0.0 30000 1000 -")
      yield* one.release("key", "a.0.0")
      assert.strictEqual((yield* wait(other, "key", "b.0.0"))._tag, "Acquired")
    }))

  it.live("is told as soon as it is heard, also who came before that", () =>
    Effect.gen(function*() {
      const b = yield* bench
      const { port, url } = yield* server
      const between = yield* proxy(port)
      // Longer than a waiter waits to be heard.
      between.latency = [100, 100]
      const one = yield* b.store
      const other = yield* SqlBackend.makeStore({
        url: url.replace(String(port), String(between.port)),
        table: b.table
      })
      yield* take(one, "key", "a.0.0")
      const grants: Array<LockStore.Grant | undefined> = []
      yield* other.listen!("key", "b.0.0", (grant) => grants.push(grant))
      yield* wait(other, "key", "b.0.0")
      // It comes by for a while, and then does not any more.
      yield* until(Effect.sync(() => grants.length > 0))
      yield* until(Effect.gen(function*() {
        const { length } = grants
        yield* Effect.sleep("500 millis")
        return grants.length === length
      }))
      yield* one.release("key", "a.0.0")
      yield* until(Effect.sync(() => grants.some((grant) => grant !== undefined)))
    }))

  it.live("ignores messages that are not ours, and gives back what nobody here wants", () =>
    Effect.gen(function*() {
      const { look, row, store } = yield* bench
      const [one, other] = [yield* store, yield* store]
      yield* hearing(other)
      yield* take(one, "key", "a.0.0")
      const grants: Array<LockStore.Grant | undefined> = []
      yield* other.listen!("key", "b.0.0", (grant) => grants.push(grant))
      yield* wait(other, "key", "b.0.0")
      const channel = (yield* row("key")).queue[0].split(" ")[3]
      const messages = ["", "nonsense", "2 b.0.0 1 1 1 kkey", "1 b.0.0 x 1 1 kkey", "1 a.0.0 1 1 1 kelsewhere"]
      for (const message of messages) yield* look.unsafe("SELECT pg_notify($1, $2)", [channel, message])
      yield* take(one, "stray", "s.0.0")
      yield* look.unsafe("SELECT pg_notify($1, $2)", [channel, "1 s.0.0 1 1 1 kstray"])
      yield* until(Effect.map(one.inspect("stray"), Option.isNone))
      assert.isTrue(grants.every((grant) => grant === undefined))
      assert.strictEqual(Option.getOrThrow(yield* one.inspect("key")).token, "a.0.0")
    }))

  it.live("behind many that are gone takes as long as behind one", () =>
    Effect.gen(function*() {
      const { look, store, table } = yield* bench
      const [one, other] = [yield* store, yield* store]
      yield* take(one, "key", "a.0.0")
      const dead = Array.from({ length: 40 }, (_, i) => `d.0.${i} 30000 1000 effect_lock:dead`)
      yield* look.unsafe(`UPDATE ${table} SET queue = $1`, [dead])
      const waiters = yield* Effect.forEach(Array.from({ length: 20 }), () =>
        Effect.flatMap(LockBackend.make(other), (backend) =>
          Effect.forkChild(
            Effect.provideService(Lock.withLock(Effect.void, "key"), LockBackend.LockBackend, backend)
          )))
      yield* until(Effect.map(one.inspect("key"), (holder) =>
        Option.getOrThrow(holder).waiters === 60))
      yield* one.release("key", "a.0.0")
      // Each of the dead would take a second, or one of them for each of the others.
      const exit = yield* Effect.timeoutOption(Fiber.joinAll(waiters), "15 seconds")
      assert.isTrue(Option.isSome(exit))
    }))

  it.live("leaves no entry and no listener when it is over", () =>
    Effect.gen(function*() {
      const { look, row, store } = yield* bench
      const [one, other] = [yield* store, yield* store]
      yield* take(one, "key", "a.0.0")
      yield* Effect.scoped(Effect.andThen(other.listen!("key", "b.0.0", () => {}), wait(other, "key", "b.0.0")))
      assert.isFalse(yield* other.release("key", "b.0.0"))
      assert.deepStrictEqual((yield* row("key")).queue, [])
      const listening = look.unsafe<{ readonly n: number }>(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'effect-lock' AND query ILIKE 'LISTEN%'"
      )
      yield* until(Effect.map(listening, (rows) => rows[0].n === 0))
    }))
})

describe("living in the program's database", () => {
  it.live("is not part of a transaction that the program has open", () =>
    Effect.gen(function*() {
      const { look, table, url } = yield* bench
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
      const { table, url } = yield* bench
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
      const b = yield* bench
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

  it.live("of another encoding takes every key, and none is in the way of others", () =>
    Effect.gen(function*() {
      const b = yield* bench
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
        const { table } = yield* bench
        yield* use({ url: (yield* pooler(yield* server, mode)).url, table })
      }))
  }

  it.live("migrates once, whoever asks", () =>
    Effect.gen(function*() {
      const b = yield* bench
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

  it.live("migrates a table in a schema there, and not instead of one with a similar name", () =>
    Effect.gen(function*() {
      const { look, table, url } = yield* bench
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
      const { look, table, url } = yield* bench
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
  { look, table, url }: Effect.Success<typeof bench>,
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
      const b = yield* bench
      const name = `bare_${b.table}`
      yield* b.look.unsafe(`CREATE DATABASE ${name}`)
      yield* Effect.addFinalizer(() => Effect.ignore(b.look.unsafe(`DROP DATABASE ${name} WITH (FORCE)`)))
      const url = b.url.replace(/\w+$/, name)
      const look = yield* admin(url)
      yield* look.unsafe(`REVOKE TEMP, CREATE ON DATABASE ${name} FROM PUBLIC`)
      yield* look.unsafe("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
      yield* use(yield* role({ ...b, url, look, table: yield* table(url) }, all))
    }))

  it.live("that lacks one of them is told which there are", () =>
    Effect.gen(function*() {
      for (const lacking of ["SELECT", "INSERT", "UPDATE"]) {
        yield* Effect.scoped(Effect.gen(function*() {
          const b = yield* bench
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
        const b = yield* bench
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

  it.live("may be told to do by its settings what it does not by itself", () =>
    Effect.gen(function*() {
      const options = yield* role(yield* bench, all, {
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
      const options = yield* role(yield* bench, all, { default_transaction_read_only: "on" })
      const error = yield* Effect.flip(take(yield* SqlBackend.makeStore(options), "key", "a.0.0"))
      assert.strictEqual(error.kind, "ReadOnly")
      assert.include(error.message, "default_transaction_read_only is on for the role")
    }))

  it.live("for which there is no policy on the table is told so, and locks with one for all rows", () =>
    Effect.gen(function*() {
      const b = yield* bench
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
    it.live(`${what} lets in nobody twice, and is said`, () =>
      Effect.gen(function*() {
        const { look, store, table } = yield* bench
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

  it.live("that is changed while it is in use is used on, and said when it is gone, and used when it is back", () =>
    Effect.gen(function*() {
      const { look, store, table } = yield* bench
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

  it.live("in several parts has one row for each key, and no other is changed with it", () =>
    Effect.gen(function*() {
      const { look, store, table, url } = yield* bench
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

describe("what is wrong is said", () => {
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
      const { look, table, url } = yield* bench
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

  it.live("and of what never was taken nothing more: no release of it is tried", () =>
    Effect.gen(function*() {
      const { look, table, url } = yield* bench
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

  it.live("settings that a pooler does not take", () =>
    Effect.gen(function*() {
      const { table } = yield* bench
      const pg = { startupParameters: { synchronous_commit: "off" } }
      const error = yield* ask({ url: yield* pgbouncer(yield* server), table, pg })
      assert.deepStrictEqual([error.name, "kind" in error && error.kind], ["BackendFailure", "Unsupported"])
      assert.include(error.message, "ignore_startup_parameters")
    }))

  it.live("a client of another dialect", () =>
    Effect.gen(function*() {
      const sqlite = yield* SqlClient.make({
        acquirer: Effect.die("not used"),
        compiler: Statement.makeCompilerSqlite(),
        driver: "test",
        spanAttributes: []
      }).pipe(Effect.provide(Reactivity.layer))
      const error = yield* Effect.flip(Effect.scoped(
        Effect.provideService(SqlBackend.makeStoreSqlClient(), SqlClient.SqlClient, sqlite)
      ))
      assert.match(error.message, /\(Unsupported\): the SqlClient speaks SQLite, and locks need PostgreSQL/)
    }))

  it.live("a layer that was closed", () =>
    Effect.gen(function*() {
      const { store } = yield* bench
      const closed = yield* Effect.scoped(store)
      assert.strictEqual(kindOf(yield* Effect.exit(take(closed, "key", "a.0.0"))), "Closed")
    }))
})
