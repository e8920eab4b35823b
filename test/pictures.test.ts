import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { drawn } from "../scripts/sharing.ts"

describe("pictures in docs/sharing.md", () => {
  it.live("are what runs show", () =>
    Effect.gen(function*() {
      const [before, after] = yield* drawn
      assert.strictEqual(before, after, "tsx scripts/sharing.ts draws them anew")
    }))
})
