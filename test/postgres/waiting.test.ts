/** Waiting, with notifications and without. */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { Lock, LockBackend, type LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import { pgbouncer, postgres } from "../support/postgres.ts"
import { proxy } from "../support/proxy.ts"
import { it } from "../support/punctual.ts"
import { shared, until } from "../support/redis.ts"
import { hearing } from "../support/sqlStores.ts"
import { fixtureOn, take, wait } from "./support.ts"

const server = shared(postgres())
const fixture = fixtureOn(server)

describe("a waiter", () => {
  it.live("is notified of its grant where LISTEN works", () =>
    Effect.gen(function*() {
      const { row, store } = yield* fixture
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

  it.live("polls where a pooler swallows notifications, and observers are told once", () =>
    Effect.gen(function*() {
      const b = yield* fixture
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

  it.live("no longer polls once notifications arrive, also if it came before that", () =>
    Effect.gen(function*() {
      const b = yield* fixture
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

  it.live("ignores messages that are not ours, and what is granted to nobody here is released", () =>
    Effect.gen(function*() {
      const { look, row, store } = yield* fixture
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

  it.live("behind many that are gone waits as long as behind one", () =>
    Effect.gen(function*() {
      const { look, store, table } = yield* fixture
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
      const { look, row, store } = yield* fixture
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
