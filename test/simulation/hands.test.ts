/** Keys that change hands in hundreds of worlds, and with an interruption at every step of some. */
import { assert, describe, it } from "@effect/vitest"
import { play } from "./hands.ts"
import { seeds } from "./seeds.ts"

const worlds = 200 * seeds
const smallWorlds = 6 * seeds

const judge = (seed: number, kind: Parameters<typeof play>[1], interrupt?: Parameters<typeof play>[2]) => {
  const outcome = play(seed, kind, interrupt)
  if (outcome.violation === undefined) return outcome
  const { lines } = play(seed, kind, interrupt, true)
  return assert.fail(
    [`${kind} ${seed} ${JSON.stringify(interrupt)}: ${outcome.violation}`, ...lines.slice(-60)].join("\n")
  )
}

describe("keys that change hands", () => {
  for (const kind of ["direct", "polling", "told", "given", "hostile"] as const) {
    it(`over "${kind}": ${worlds} worlds`, { timeout: 600_000 }, () => {
      let entered = 0
      let adopted = 0
      for (let seed = 1; seed <= worlds; seed++) {
        const outcome = judge(seed, kind)
        entered += outcome.entered
        adopted += outcome.adopted
      }
      assert.isAbove(entered, worlds)
      assert.isAbove(adopted, worlds / 5)
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
