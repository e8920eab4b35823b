/** What the checker of such processes sees, and how Redis fares. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as RedisBackend from "effect-lock/RedisBackend"
import { redis, until } from "../../support/redis.ts"
import { faults, killed, type Stay } from "../../support/sharing/processes.ts"

const stay = (at: number, to: number, permits: number, limit: number, asked = at): Stay => ({
  id: "",
  fence: at,
  at,
  asked,
  to,
  permits,
  limit
})

describe("the checker", () => {
  it("sees what must not be", () => {
    assert.lengthOf(faults([stay(1, 5, 1, 0), stay(5, 6, 1, 9), stay(5, 7, 2, 3), stay(8, 9, 1, 0)]), 0)
    assert.lengthOf(faults([stay(1, 5, 1, 0), stay(4, 6, 1, 9)]), 1)
    assert.lengthOf(faults([stay(1, 5, 1, 9), stay(4, 6, 1, 0)]), 1)
    assert.lengthOf(faults([stay(1, 5, 2, 9), stay(4, 6, 2, 3)]), 1)
  })

  it("counts those of another limit that came in before one asked, where tokens tell no order", () => {
    assert.lengthOf(faults([stay(1, 5, 2, 9), stay(4, 6, 2, 3, 2)], false), 1)
    assert.lengthOf(faults([stay(1, 5, 2, 9), stay(4, 6, 2, 3, 1)], false), 0)
    assert.lengthOf(faults([stay(1, 5, 2, 3), stay(4, 6, 2, 3, 1)], false), 1)
  })
})

for (const server of ["redis", "cluster"] as const) {
  describe(`processes that are killed (${server === "cluster" ? "as in a cluster" : "one server"})`, () => {
    it.live(
      "never have the key together but within its limits, all get on, and nothing is left",
      () =>
        Effect.gen(function*() {
          const { port } = yield* redis()
          const all = yield* killed(server, port)
          assert.deepStrictEqual(faults(all, false), [])
          assert.isTrue([0, 5].every((limit) => all.some((one) => one.limit === limit)))
          // What they leave ends by itself.
          const store = yield* RedisBackend.makeStore({ host: "127.0.0.1", port })
          yield* until(Effect.map(store.holders!("k"), (holders) => holders.length === 0))
          const claim = { key: "k", token: "t.1", expiresMillis: 60_000, wait: true }
          yield* until(Effect.map(store.tryAcquire(claim), ({ _tag }) => _tag === "Acquired"))
        }).pipe(Effect.scoped)
    )
  })
}
