/**
 * Thousands of small worlds, each made of a seed. What fails is printed with a
 * command that plays it again, step by step. `npm run simulate` plays any number of them.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Kind, kinds } from "./plan.ts"
import { type Options, type Outcome, simulate } from "./scenario.ts"
import { seeds } from "./seeds.ts"
import { interruptions } from "./steps.ts"

const worlds = 100 * seeds
const smallWorlds = Math.ceil(2.5 * seeds)

/** Plays it again for the steps that led there. */
const explain = (seed: number, kind: Kind, options: Options): string => {
  const { lines } = simulate(seed, kind, { ...options, traced: true })
  const how = options.small === true ? " --steps" : ""
  return [`npm run simulate -- --kind ${kind} --seeds ${seed}${how} --log`, ...lines.slice(-60)].join("\n")
}

const play = (kind: Kind, played: Iterable<readonly [number, Options]>) => {
  const failed: Array<readonly [number, Options, string]> = []
  const total = { worlds: 0, operations: 0, entered: 0, told: 0 }
  for (const [seed, options] of played) {
    const { entered, operations, told, violation }: Outcome = simulate(seed, kind, options)
    total.worlds++
    total.operations += operations
    total.entered += entered
    total.told += told
    if (violation !== undefined) failed.push([seed, options, violation])
  }
  if (failed.length > 0) {
    const list = failed.slice(0, 20).map(([seed, , violation]) => `${kind} ${seed}: ${violation}`)
    const [seed, options] = failed[0]
    assert.fail(
      [`${failed.length} of ${total.worlds} worlds fail`, ...list, explain(seed, kind, options)].join("\n")
    )
  }
  return total
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

describe("engines over", () => {
  for (const [kind, store] of Object.entries(kinds) as Array<[Kind, string]>) {
    it(`${store}: ${worlds} worlds`, { timeout: 600_000 }, () => {
      const { entered, operations, told } = play(kind, range(worlds).map((seed) => [seed, {}] as const))
      // It was no idle talk: locks were taken, and some were lost.
      assert.isAbove(entered, operations / 4)
      assert.isAbove(told, entered / 100)
    })

    it(`${store}: interruption at every step of ${smallWorlds}`, { timeout: 600_000 }, () => {
      const total = play(
        kind,
        range(smallWorlds).flatMap((seed) =>
          Array.from(interruptions(seed, kind, {}), (options) => [seed, options] as const)
        )
      )
      assert.isAbove(total.entered, 0)
    })
  }

  it("the same seed is the same world", () => {
    // Only what comes with no seed differs: the names of holders in messages.
    const played = () =>
      simulate(3, "given", { traced: true }).lines.map((line) => line.replace(/\b\d+-[\w-]{12}/g, "…"))
    assert.deepStrictEqual(played(), played())
  })
})
