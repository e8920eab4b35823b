import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SqlBackend from "effect-lock/SqlBackend"
import { admin, postgres } from "../../support/postgres.ts"
import { until } from "../../support/redis.ts"
import { faults, killed } from "../../support/sharing/processes.ts"

describe("processes that are killed", () => {
  it.live(
    "never have the key together but within its limits, all get on, and nothing is left",
    () =>
      Effect.gen(function*() {
        const { port, url } = yield* postgres()
        const sql = yield* admin(url)
        yield* sql.unsafe(yield* SqlBackend.createTable())
        const all = yield* killed("postgres", port)
        assert.deepStrictEqual(faults(all), [])
        assert.isTrue([0, 5].every((limit) => all.some((one) => one.limit === limit)))
        // What they leave ends by itself.
        const store = yield* SqlBackend.makeStore({ url })
        yield* until(Effect.map(store.holders!("k"), (holders) => holders.length === 0))
        const claim = { key: "k", token: "t.1", expiresMillis: 60_000, wait: true }
        yield* until(Effect.map(store.tryAcquire(claim), ({ _tag }) => _tag === "Acquired"))
        yield* store.release("k", "t.1")
        // What the dead have in the queue is given them, for a moment.
        const idle = sql.unsafe("SELECT FROM effect_locks WHERE expires_at <= clock_timestamp() AND queue = '{}'")
        yield* until(Effect.map(
          Effect.andThen(Effect.ignore(Effect.andThen(store.tryAcquire(claim), store.release("k", "t.1"))), idle),
          (rows) => rows.length === 1
        ))
      }).pipe(Effect.scoped)
  )
})
