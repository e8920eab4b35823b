/** Permits whose taking, or giving back, was executed and never answered: neither leaked nor given twice. */
import { assert, describe, it as plain } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Lock, LockBackend, type LockError, type LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import { admin, postgres } from "../../support/postgres.ts"
import { proxy } from "../../support/proxy.ts"
import { it } from "../../support/punctual.ts"
import { shared, until } from "../../support/redis.ts"
import { eventually, table } from "../../support/sqlStores.ts"

const server = shared(postgres())
const limit = 2

/** One process behind a network that loses replies, and one that sees what has become of it. */
const bench = Effect.gen(function*() {
  const { port, url } = yield* server
  const between = yield* proxy(port)
  const options = { table: yield* table(url) }
  const one = yield* SqlBackend.makeStore({ url: url.replace(String(port), String(between.port)), ...options })
  const other = yield* SqlBackend.makeStore({ url, ...options })
  const look = yield* admin(url)
  return {
    between,
    one,
    other,
    /** Tokens of those who have a permit, and of those who wait for one. Beside them may be a note of who was first. */
    row: Effect.map(
      look.unsafe<Record<"sharers" | "queue", ReadonlyArray<string>>>(`SELECT * FROM ${options.table}`),
      ([{ queue, sharers }]) =>
        [sharers, queue].map((entries) =>
          entries.map((entry) => entry.split(" ")[0]).filter((token) => !token.startsWith("?"))
        )
    ),
    fence: Effect.map(
      look.unsafe<{ readonly fence: string }>(`SELECT split_part(sharers[1], ' ', 3) AS fence FROM ${options.table}`),
      ([{ fence }]) => Number(fence)
    )
  }
})

const ask = (store: LockStore.LockStore, token: string, wait = false) =>
  store.tryAcquire({ key: "key", token, expiresMillis: 600_000, wait, share: { permits: 1, limit } })

const tagOf = (attempt: Effect.Effect<LockStore.Attempt, LockError.BackendFailure>) =>
  Effect.map(eventually(attempt), ({ _tag }) => _tag)

const isLost = (request: Effect.Effect<unknown, LockError.BackendFailure>) =>
  Effect.map(Effect.flip(request), ({ kind }) => assert.include(["Unreachable", "NoReply"], kind))

describe("a lost reply", () => {
  for (const wait of [false, true]) {
    it.live(`to who took a permit ${wait ? "in line" : "at once"} leaves it with the one permit that it has`, () =>
      Effect.gen(function*() {
        const { between, fence, one, other, row } = yield* bench
        // What writes the row says who has it then; what reads it names the row alone.
        between.cutAtReplyTo = /a\.0\.0/
        yield* isLost(ask(one, "a.0.0", wait))
        assert.deepStrictEqual(yield* row, [["a.0.0"], []])
        const fencingToken = yield* fence
        // Asking again is answered as the first time.
        assert.deepStrictEqual(yield* eventually(ask(one, "a.0.0", wait)), { _tag: "Acquired", fencingToken })
        assert.deepStrictEqual(yield* row, [["a.0.0"], []])
        assert.strictEqual(yield* tagOf(ask(other, "b.0.0")), "Acquired")
        assert.strictEqual(yield* tagOf(ask(other, "c.0.0")), "Held")
        assert.isTrue(yield* eventually(one.release("key", "a.0.0")))
        assert.strictEqual(yield* tagOf(ask(other, "c.0.0")), "Acquired")
        assert.strictEqual(yield* tagOf(ask(other, "d.0.0")), "Held")
      }))
  }

  it.live("to who took a permit and gives up leaves nothing", () =>
    Effect.gen(function*() {
      const { between, one, other, row } = yield* bench
      between.cutAtReplyTo = /a\.0\.0/
      yield* isLost(ask(one, "a.0.0"))
      assert.deepStrictEqual(yield* row, [["a.0.0"], []])
      assert.isTrue(yield* eventually(one.release("key", "a.0.0")))
      assert.deepStrictEqual(yield* row, [[], []])
      for (const token of ["b.0.0", "c.0.0"]) assert.strictEqual(yield* tagOf(ask(other, token)), "Acquired")
      assert.strictEqual(yield* tagOf(ask(other, "d.0.0")), "Held")
    }))

  it.live("to who goes into the queue leaves it there once", () =>
    Effect.gen(function*() {
      const { between, one, other, row } = yield* bench
      for (const token of ["b.0.0", "c.0.0"]) yield* ask(other, token)
      between.cutAtReplyTo = /a\.0\.0/
      yield* isLost(ask(one, "a.0.0", true))
      assert.deepStrictEqual(yield* row, [["b.0.0", "c.0.0"], ["a.0.0"]])
      assert.strictEqual(yield* tagOf(ask(one, "a.0.0", true)), "Held")
      assert.deepStrictEqual(yield* row, [["b.0.0", "c.0.0"], ["a.0.0"]])
      assert.isTrue(yield* eventually(other.release("key", "b.0.0")))
      assert.strictEqual(yield* tagOf(ask(one, "a.0.0", true)), "Acquired")
      assert.deepStrictEqual(yield* row, [["c.0.0", "a.0.0"], []])
    }))

  it.live("to who gave a permit back has let in one of those who wait, and no other", () =>
    Effect.gen(function*() {
      const { between, one, other, row } = yield* bench
      yield* eventually(ask(one, "a.0.0"))
      yield* ask(other, "b.0.0")
      for (const token of ["c.0.0", "d.0.0"]) yield* ask(other, token, true)
      // Whoever is left in the row
      between.cutAtReplyTo = /b\.0\.0/
      yield* isLost(one.release("key", "a.0.0"))
      assert.deepStrictEqual(yield* row, [["b.0.0", "c.0.0"], ["d.0.0"]])
      assert.isFalse(yield* eventually(one.release("key", "a.0.0")))
      assert.deepStrictEqual(yield* row, [["b.0.0", "c.0.0"], ["d.0.0"]])
      assert.strictEqual(yield* tagOf(ask(other, "c.0.0", true)), "Acquired")
      assert.isTrue(yield* other.release("key", "b.0.0"))
      assert.strictEqual(yield* tagOf(ask(other, "d.0.0", true)), "Acquired")
      for (const token of ["c.0.0", "d.0.0"]) assert.isTrue(yield* other.release("key", token))
      assert.deepStrictEqual(yield* row, [[], []])
    }))

  it.live("to who changes one permit for another leaves it with the other one", () =>
    Effect.gen(function*() {
      const { between, one, other, row } = yield* bench
      yield* eventually(ask(one, "a.0.0"))
      yield* ask(other, "b.0.0")
      between.cutAtReplyTo = /e\.0\.0/
      const claim = { key: "key", token: "e.0.0", expiresMillis: 600_000, wait: true, share: { permits: 1, limit } }
      yield* isLost(one.exchange!("a.0.0", claim))
      assert.deepStrictEqual(yield* row, [["b.0.0", "e.0.0"], []])
      assert.isFalse(yield* eventually(one.release("key", "a.0.0")))
      assert.isTrue(yield* eventually(one.release("key", "e.0.0")))
      assert.deepStrictEqual(yield* row, [["b.0.0"], []])
    }))

  // Too many together are so however busy the machine is.
  plain.live(
    "again and again lets in no more than may be together, and in the end all permits are free",
    () =>
      Effect.gen(function*() {
        const { between, one, other, row } = yield* bench
        const backends = [yield* LockBackend.make(one), yield* LockBackend.make(other)]
        let [inside, most, turns] = [0, 0, 0]
        const work = Effect.acquireUseRelease(
          Effect.sync(() => most = Math.max(most, ++inside)),
          () => Effect.sleep("2 millis"),
          () => Effect.sync(() => inside--)
        )
        const turn = Effect.suspend(() => {
          // Reads and writes, as it comes
          if (++turns % 7 === 0) between.cutAtReply = true
          return Effect.exit(Lock.withPermits(work, "key", { limit, expires: "1 minute", timeout: "1 minute" }))
        })
        const workers = yield* Effect.forEach(
          Array.from({ length: 8 }, (_, i) => backends[i % 2]),
          (backend) =>
            Effect.forkChild(
              Effect.provideService(Effect.repeat(turn, { times: 20 }), LockBackend.LockBackend, backend)
            )
        )
        yield* Fiber.joinAll(workers)
        between.cutAtReply = false
        assert.isAtMost(most, limit)
        assert.isAbove(turns, 100)
        // What is owed is paid.
        yield* until(Effect.map(row, (entries) => entries.flat().length === 0))
      })
  )
})
