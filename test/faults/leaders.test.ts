import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isInstalled } from "../../scripts/installed.ts"
import { serverUrl } from "../support/urls.ts"
import { farAway, follow, servers } from "./leaders.ts"

for (const server of servers) {
  describe.skipIf(!isInstalled(server))(`leaders on ${server}`, () => {
    it.live("are one at a time, and one that is killed is followed", () =>
      Effect.gen(function*() {
        const gaps = yield* follow(yield* serverUrl(server), 1_500, "SIGKILL")
        assert.strictEqual(gaps.length, 2)
      }).pipe(Effect.scoped))

    it.live("that are told to stop are followed long before their lease ends", () =>
      Effect.gen(function*() {
        const gaps = yield* follow(yield* serverUrl(server), 600_000, "SIGTERM")
        assert.strictEqual(gaps.length, 2)
      }).pipe(Effect.scoped))

    it.live("that are told to stop are followed within one round trip, whether they had waited or not", () =>
      Effect.gen(function*() {
        const away = 50
        const url = yield* farAway(yield* serverUrl(server), away)
        // A busy machine makes a round trip longer, and never two of them shorter.
        let best: ReadonlyArray<number> = [Infinity, Infinity]
        for (let i = 0; i < 5 && Math.max(...best) >= 1.7 * 2 * away; i++) {
          const gaps = yield* follow(url, 600_000, "SIGTERM", away)
          best = best.map((gap, j) => Math.min(gap, gaps[j]))
        }
        for (const gap of best) assert.isBelow(gap, 1.7 * 2 * away)
      }).pipe(Effect.scoped))
  })
}
