/**
 * Thousands of small worlds, each made of a seed. A failing one is printed, and
 * `SIMULATION=<kind>:<seed>` plays it again, step by step. More of them:
 * `SIMULATION_SEEDS=20000 SIMULATION_FROM=1000000`.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Kind, type Outcome, simulate } from "./scenario.ts"

const [onlyKind, onlySeed] = (process.env.SIMULATION ?? "").split(":")
const seeds = Number(process.env.SIMULATION_SEEDS ?? 1_500)
const from = Number(process.env.SIMULATION_FROM ?? 1)

const stores: Record<Kind, string> = {
  direct: "the store in memory",
  polling: "a store that is asked again and again",
  told: "a store that tells of releases",
  given: "a store with a queue, which gives keys to waiters"
}

/** Plays it again for the steps that led there. */
const explain = (kind: Kind, seed: number): string => {
  const { lines } = simulate(seed, kind, true)
  return [`SIMULATION=${kind}:${seed} plays this again; its last steps were`, ...lines.slice(-60)].join("\n")
}

describe("engines over", () => {
  for (const [kind, store] of Object.entries(stores) as Array<[Kind, string]>) {
    if (onlySeed !== undefined) {
      if (kind !== onlyKind) continue
      it(`${store}: seed ${onlySeed}`, () => {
        const { lines, violation } = simulate(Number(onlySeed), kind, true)
        console.log(lines.join("\n"))
        assert.isUndefined(violation)
      })
      continue
    }

    it(`${store}: ${seeds} seeds`, { timeout: 600_000 }, () => {
      const failed: Array<{ readonly seed: number; readonly violation: string }> = []
      const total = { operations: 0, entered: 0, told: 0 }
      for (let seed = from; seed < from + seeds; seed++) {
        const { entered, operations, told, violation }: Outcome = simulate(seed, kind)
        total.operations += operations
        total.entered += entered
        total.told += told
        if (violation !== undefined) failed.push({ seed, violation })
      }
      if (failed.length > 0) {
        const list = failed.map(({ seed, violation }) => `${kind}:${seed} ${violation}`)
        assert.fail([`${failed.length} of ${seeds} seeds fail`, ...list, explain(kind, failed[0].seed)].join("\n"))
      }
      // It was no idle talk: locks were taken, and some were lost.
      assert.isAbove(total.entered, total.operations / 4)
      assert.isAbove(total.told, total.entered / 100)
    })
  }

  if (onlySeed === undefined) {
    it("the same seed is the same world", () => {
      // Tokens are the only thing that is random without a seed.
      const played = () => simulate(3, "given", true).lines.map((line) => line.replace(/[\w-]{4,}/g, "…"))
      assert.deepStrictEqual(played(), played())
    })
  }
})
