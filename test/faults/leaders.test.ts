import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isInstalled } from "../../scripts/installed.ts"
import { serverUrl } from "../support/urls.ts"
import { follow, servers } from "./leaders.ts"

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

    it.live(
      "that are told to stop are followed by those who cannot ask, whether they had waited or not",
      () =>
        Effect.gen(function*() {
          const url = yield* serverUrl(server)
          let gaps: ReadonlyArray<number> = [Infinity]
          // Who notices that nothing gets through connects anew, and does not hear meanwhile: on a busy machine it is in time.
          for (let tries = 0; gaps.includes(Infinity) && tries < 10; tries++) {
            gaps = yield* follow(url, 600_000, "SIGTERM", { isMute: true, term: Math.min(700 * 2 ** tries, 10_000) })
          }
          assert.lengthOf(gaps, 2)
          assert.notInclude(gaps, Infinity)
        }).pipe(Effect.scoped),
      1_200_000
    )
  })
}
