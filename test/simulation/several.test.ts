/** Several keys, work under leases that one has, and waiting until a key is free, in hundreds of worlds. */
import { assert, describe, it } from "@effect/vitest"
import { kinds } from "./plan.ts"
import { seeds } from "./seeds.ts"
import { play } from "./several.ts"

const worlds = 200 * seeds
const smallWorlds = seeds

const judge = (seed: number, kind: keyof typeof kinds, interrupt?: Parameters<typeof play>[2]) => {
  const outcome = play(seed, kind, interrupt)
  if (outcome.violation === undefined) return outcome
  const { lines } = play(seed, kind, interrupt, true)
  return assert.fail(
    [`${kind} ${seed} ${JSON.stringify(interrupt)}: ${outcome.violation}`, ...lines.slice(-60)].join("\n")
  )
}

describe("several keys", () => {
  for (const kind of Object.keys(kinds) as Array<keyof typeof kinds>) {
    it(`over "${kind}": ${worlds} worlds`, { timeout: 600_000 }, () => {
      let entered = 0
      for (let seed = 1; seed <= worlds; seed++) entered += judge(seed, kind).entered
      assert.isAbove(entered, 3 * worlds)
    })

    it(`over "${kind}": interruption at every step of ${smallWorlds}`, { timeout: 600_000 }, () => {
      for (let seed = 1; seed <= smallWorlds; seed++) {
        for (const [number, steps] of judge(seed, kind).lengths.entries()) {
          for (let step = 0; step < Math.min(steps, 150); step++) judge(seed, kind, { number, step })
        }
      }
    })
  }
})
