/** The short run, as tests: every family of faults for some seconds. The long one is `npx tsx test/faults/run.ts`. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { shared } from "../support/redis.ts"
import { attack, type Build, build, type Scenario } from "./runner.ts"

const seconds = Number(process.env.FAULTS_SECONDS ?? 2)
export const seed = Number(process.env.FAULTS_SEED ?? 1)

/** What takes too long may be the machine's doing; what is wrong is not. */
const isLate = (violation: string) =>
  /^(stuck: free|told \d+ ms late|outlived its timeout by|its release took)/.test(violation)

const survives = (scenario: Scenario, built: Effect.Effect<Build>) =>
  it.live(scenario.name, () =>
    Effect.gen(function*() {
      let { counts, violations } = yield* attack(scenario, yield* built, seed, seconds)
      // Lateness counts when it comes again and again under the same attack, and so does it if nobody comes to anything.
      const isInDoubt = () => counts.sections === 0 || violations.length > 0
      for (let more = 3; more > 0 && isInDoubt() && violations.every(isLate); more--) {
        console.warn(`${scenario.name}, once more: ${violations.join("; ") || "nobody had a lock"}`)
        ;({ counts, violations } = yield* attack(scenario, yield* built, seed, seconds))
      }
      assert.deepStrictEqual(violations, [], JSON.stringify(counts))
      // It was no idle talk.
      assert.isAbove(counts.sections, 0)
    }), 600_000)

const longOnly = /no faults|wall clocks|forgets nothing|many pauses|silent server|malformed messages/

/** A test for each scenario that the short run has. */
export const surviveAll = (scenarios: ReadonlyArray<Scenario>): void => {
  const built = shared(build)
  for (const scenario of scenarios) if (!longOnly.test(scenario.name)) survives(scenario, built)
}
