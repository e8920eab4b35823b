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
  })
}
