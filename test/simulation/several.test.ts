/** Several keys, work under leases that one has, and waiting until a key is free, in hundreds of worlds. */
import { assert, describe, it } from "@effect/vitest"
import { judging } from "./judging.ts"
import { kinds } from "./plan.ts"
import { seeds } from "./seeds.ts"
import { play } from "./several.ts"

const worlds = 100 * seeds
const smallWorlds = Math.ceil(seeds / 2)

const { interrupting, judge } = judging(play)

describe("several keys", () => {
  for (const kind of Object.keys(kinds) as Array<keyof typeof kinds>) {
    it(`over "${kind}": ${worlds} worlds`, { timeout: 600_000 }, () => {
      let entered = 0
      for (let seed = 1; seed <= worlds; seed++) entered += judge(seed, kind).entered
      assert.isAbove(entered, 3 * worlds)
    })

    it(`over "${kind}": interruption at every step of ${smallWorlds}`, { timeout: 600_000 }, () => {
      interrupting(smallWorlds, kind)
    })
  }
})
