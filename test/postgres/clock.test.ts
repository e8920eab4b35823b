/** What a jump of the server's wall clock costs, as `docs/postgresql.md` says it, and what it does not. */
import { assert, describe } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Fiber, Layer, Option } from "effect"
import { type Lease, Lock, type LockBackend, type LockError, type LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import * as SqlClient from "effect/sql/SqlClient"
import * as Statements from "../../src/internal/sql/statements.ts"
import { admin } from "../support/postgres.ts"
import { it } from "../support/punctual.ts"
import { shared, until } from "../support/redis.ts"
import { canSkew, skewedPostgres } from "../support/skew.ts"
import { sqlClient, table } from "../support/sqlStores.ts"

const hour = 3_600_000

/** Which nobody renews during a test. */
const lease = { expires: "1 hour" } as const

const server = shared(skewedPostgres)

type Services = LockBackend.LockBackend | SqlBackend.LockTable | SqlClient.SqlClient

const bench = Effect.gen(function*() {
  const { setClock, url } = yield* server
  // Servers of before had the right time, and so has the one of the next test.
  yield* Effect.acquireRelease(Effect.sync(() => setClock(0)), () => Effect.sync(() => setClock(0)))
  const options = { url, table: yield* table(url) }
  const look = yield* admin(url)
  return {
    ...options,
    look,
    setClock,
    store: SqlBackend.makeStore(options),
    /** A process of its own: a backend, and a client for its work. */
    process: Effect.gen(function*() {
      const services = yield* Layer.build(Layer.fresh(SqlBackend.layer(options)))
      const all = Context.add(services, SqlClient.SqlClient, yield* sqlClient(url))
      return <A, E>(effect: Effect.Effect<A, E, Services>) => Effect.provideContext(effect, all)
    }),
    /** How much is left of a lease by the server's clock, in milliseconds. */
    left: (key: string) =>
      Effect.map(
        look.unsafe<{ readonly left: number }>(
          `SELECT date_part('epoch', expires_at - clock_timestamp()) * 1000 AS left FROM ${options.table} WHERE key = $1`,
          [`k${key}`]
        ),
        ([row]) => row.left
      )
  }
})

type Process = <A, E>(effect: Effect.Effect<A, E, Services>) => Effect.Effect<A, E>

/** Who has the key from when it gets it until it is told to go, and its lease. */
const stay = Effect.fnUntraced(function*(process: Process, key: string) {
  const [entered, leave] = [yield* Deferred.make<Lease.Lease, LockError.LockError>(), yield* Deferred.make<void>()]
  const fiber = yield* Effect.forkChild(
    process(
      Lock.withLock(key, lease)((held) => Effect.andThen(Deferred.succeed(entered, held), Deferred.await(leave)))
    ).pipe(Effect.tapError((error) => Deferred.fail(entered, error)), Effect.exit)
  )
  const end = Effect.flatten(Fiber.join(fiber))
  return {
    entered: Deferred.await(entered),
    hasEntered: () => Deferred.isDoneUnsafe(entered),
    end,
    leave: Effect.andThen(Deferred.succeed(leave, undefined), end)
  }
})

const inLine = (process: Process, key: string, waiters: number) =>
  until(Effect.map(process(Lock.inspect(key)), (holder) => Option.getOrThrow(holder).waiters === waiters))

const whyOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => {
    const { reason } = error as LockError.LockError
    return reason._tag === "LockLost" ? reason.why : reason._tag
  })

const fenceOf = (attempt: LockStore.Attempt): number => {
  assert.strictEqual(attempt._tag, "Acquired")
  return attempt._tag === "Acquired" ? attempt.fencingToken : 0
}

const claim = (key: string, token: string, more?: Partial<LockStore.Claim>): LockStore.Claim => ({
  key,
  token,
  expiresMillis: hour,
  wait: false,
  ...more
})

describe.skipIf(!canSkew)("a server whose clock jumps ahead", () => {
  it.live("gives what is held to the next; the last one learns of it when it asks, and commits nothing", () =>
    Effect.gen(function*() {
      const { look, process, setClock, table } = yield* bench
      yield* look.unsafe(`CREATE TABLE ${table}_work (who text)`)
      yield* Effect.addFinalizer(() => Effect.ignore(look.unsafe(`DROP TABLE ${table}_work`)))
      const [here, there] = [yield* process, yield* process]
      const write = (who: string, held: Lease.Lease) =>
        Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(`INSERT INTO ${table}_work VALUES ('${who}')`)).pipe(
          SqlBackend.withTransaction(held)
        )
      const last = yield* stay(here, "key")
      const before = yield* last.entered
      yield* here(write("last", before))
      const next = yield* stay(there, "key")
      yield* inLine(here, "key", 1)
      setClock(2 * hour)
      const after = yield* next.entered
      assert.isAbove(after.fencingToken, before.fencingToken)
      // This is what it costs.
      assert.isAbove(Duration.toMillis(yield* before.remaining), 0)
      assert.strictEqual(yield* whyOf(here(write("late", before))), "Taken")
      yield* there(write("next", after))
      assert.strictEqual(yield* whyOf(last.end), "Taken")
      yield* next.leave
      assert.deepStrictEqual(yield* look.unsafe(`SELECT who FROM ${table}_work`).values, [["last"], ["next"]])
    }))

  it.live("ends leases that nobody else wants, too, and permits, which are given to others once", () =>
    Effect.gen(function*() {
      const { process, setClock, store } = yield* bench
      const [here, other] = [yield* process, yield* store]
      const holder = yield* stay(here, "key")
      const held = yield* holder.entered
      const share = { permits: 1, limit: 2 }
      for (const token of ["a.0.0", "b.0.0"]) fenceOf(yield* other.tryAcquire(claim("shared", token, { share })))
      yield* other.tryAcquire(claim("shared", "c.0.0", { share, wait: true }))
      setClock(2 * hour)
      assert.strictEqual(yield* whyOf(held.extend()), "Taken")
      assert.strictEqual(yield* whyOf(holder.end), "Taken")
      fenceOf(yield* other.tryAcquire(claim("shared", "c.0.0", { share, wait: true })))
      fenceOf(yield* other.tryAcquire(claim("shared", "d.0.0", { share })))
      assert.strictEqual((yield* other.tryAcquire(claim("shared", "e.0.0", { share })))._tag, "Held")
      const holdings = ["a.0.0", "b.0.0", "c.0.0", "d.0.0"].map((token) => claim("shared", token))
      assert.deepStrictEqual(yield* other.extendAll!(holdings), [false, false, true, true])
    }))

  it.live("answers who asks as before, though what it asks seems to come late", () =>
    Effect.gen(function*() {
      const { setClock, store } = yield* bench
      const [one, other] = [yield* store, yield* store]
      yield* one.tryAcquire(claim("held", "a.0.0"))
      yield* one.tryAcquire(claim("left", "a.0.0"))
      yield* one.tryAcquire(claim("passed", "a.0.0"))
      // More than a statement may take, each time, and less than a lease.
      let ahead = 0
      const jump = Effect.sync(() => setClock(ahead += 60_000))
      const attempts = [
        one.tryAcquire(claim("new", "b.0.0")),
        Effect.andThen(one.release("new", "b.0.0"), one.tryAcquire(claim("new", "c.0.0"))),
        one.tryAcquire(claim("waited", "b.0.0", { wait: true })),
        one.tryAcquire(claim("shared", "b.0.0", { share: { permits: 1, limit: 2 } })),
        one.exchange!("a.0.0", claim("left", "b.0.0", { wait: true })),
        one.transfer!("a.0.0", claim("passed", "b.0.0"))
      ]
      for (const attempt of attempts) {
        yield* jump
        fenceOf(yield* attempt)
      }
      yield* jump
      const many = yield* Effect.forEach(
        ["x", "y", "z", "held"],
        (key) => one.tryAcquire(claim(key, "d.0.0")),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(many.map(({ _tag }) => _tag), ["Acquired", "Acquired", "Acquired", "Held"])
      assert.strictEqual(Option.getOrThrow(yield* other.inspect("held")).token, "a.0.0")
    }))
})

describe.skipIf(!canSkew)("a server whose clock is set back", () => {
  it.live("keeps what is held, for as much longer if nobody renews it, and hands on what is given back", () =>
    Effect.gen(function*() {
      const { left, process, setClock, store } = yield* bench
      const [here, there, other] = [yield* process, yield* process, yield* store]
      const last = yield* stay(here, "key")
      const before = yield* last.entered
      const next = yield* stay(there, "key")
      yield* inLine(here, "key", 1)
      fenceOf(yield* other.tryAcquire(claim("dead", "a.0.0")))
      setClock(-2 * hour)
      // This is what it costs.
      assert.isAbove(yield* left("dead"), 2 * hour)
      assert.strictEqual((yield* other.tryAcquire(claim("dead", "b.0.0")))._tag, "Held")
      assert.isAbove(yield* left("key"), 2 * hour)
      yield* before.extend()
      assert.isAtMost(yield* left("key"), hour)
      assert.isFalse(next.hasEntered())
      yield* last.leave
      assert.isAbove((yield* next.entered).fencingToken, before.fencingToken)
      yield* next.leave
      setClock(0)
      assert.isAtMost(yield* left("dead"), hour)
    }))

  it.live("gives fencing tokens that rise above those of rows that are long gone, whoever takes the key, and how", () =>
    Effect.gen(function*() {
      const { look, setClock, store, table } = yield* bench
      const [one, other] = [yield* store, yield* store]
      const { sweep, watch } = Statements.make({ name: table, sql: table })
      const share = { permits: 1, limit: 2 }
      const ways: Record<
        string,
        (key: string, token: string) => Effect.Effect<LockStore.Attempt, LockError.BackendFailure>
      > = {
        alone: (key, token) => other.tryAcquire(claim(key, token)),
        waiting: (key, token) => other.tryAcquire(claim(key, token, { wait: true })),
        sharing: (key, token) => other.tryAcquire(claim(key, token, { share })),
        together: (key, token) =>
          Effect.map(
            Effect.forEach([key, `${key} too`], (key) => other.tryAcquire(claim(key, token)), {
              concurrency: "unbounded"
            }),
            ([first]) => first
          ),
        watched: (key, token) =>
          Effect.andThen(
            Effect.orDie(look.unsafe(watch, [`k${key}`, "nobody"])),
            other.tryAcquire(claim(key, token))
          )
      }
      const before: Record<string, number> = {}
      for (const key of Object.keys(ways)) {
        before[key] = fenceOf(yield* one.tryAcquire(claim(key, "a.0.0")))
        yield* one.release(key, "a.0.0")
      }
      setClock(hour)
      yield* look.unsafe(sweep)
      assert.deepStrictEqual(yield* look.unsafe(`SELECT key FROM ${table}`).values, [["m"]])
      setClock(-2 * hour)
      // As many as one process may have given out by itself since.
      for (const [key, way] of Object.entries(ways)) {
        assert.isAtLeast(fenceOf(yield* way(key, "b.0.0")), before[key] + 512, key)
      }
    }))

  it.live("and ahead again gives fencing tokens that rise", () =>
    Effect.gen(function*() {
      const { setClock, store } = yield* bench
      const [one, other] = [yield* store, yield* store]
      const fences: Array<number> = []
      for (const [i, ahead] of [0, -hour, hour, -2 * hour, 0].entries()) {
        setClock(ahead)
        const store = i % 2 === 0 ? one : other
        fences.push(fenceOf(yield* store.tryAcquire(claim("key", `a.0.${i}`))))
        assert.isTrue(yield* store.release("key", `a.0.${i}`))
      }
      for (const [i, fence] of fences.entries()) assert.isTrue(i === 0 || fence > fences[i - 1], fences.join())
    }))
})
