/** An attack that nothing could fail proves nothing: locks that are broken on purpose do. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isInstalled } from "../../scripts/installed.ts"
import { attack } from "./runner.ts"
import { broken } from "./scenarios.ts"
import { building, seed } from "./short.ts"

describe.skipIf(!isInstalled("redis"))("the checker catches", () => {
  const built = building()
  for (const { caught, ...scenario } of broken) {
    it.live(scenario.name, () =>
      Effect.gen(function*() {
        // Its moment does not come in every run.
        const seen: Array<string> = []
        for (let i = 0; i < 4 && !seen.some((violation) => caught.test(violation)); i++) {
          seen.push(...(yield* attack(scenario, yield* built, seed + i, 5)).violations)
        }
        assert.isTrue(seen.some((violation) => caught.test(violation)), `only this was noticed: ${seen.join("\n")}`)
      }), 120_000)
  }
})
