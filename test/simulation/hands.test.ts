/** Keys that change hands in hundreds of worlds, and with an interruption at every step of some. */
import { assert, describe, it } from "@effect/vitest"
import { play } from "./hands.ts"
import { judging } from "./judging.ts"
import { seeds } from "./seeds.ts"

const worlds = 100 * seeds
const smallWorlds = 3 * seeds

const { interrupting, judge } = judging(play)

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
      interrupting(smallWorlds, kind)
    })
  }
})
