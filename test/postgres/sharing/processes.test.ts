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
        const rows = yield* sql.unsafe<{ readonly token: string; readonly queue: ReadonlyArray<string> }>(
          "SELECT * FROM effect_locks"
        )
        assert.deepStrictEqual(rows.map(({ queue, token }) => [token, queue]), [["t.1", []]])
      }).pipe(Effect.scoped),
    180_000
  )
})
