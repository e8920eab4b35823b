/** Plays worlds for tests: whatever is found is told with the seed and the last of the log. */
import { assert } from "@effect/vitest"
import type { Kind } from "./plan.ts"
import type { Interruption, Outcome } from "./stage.ts"

type Play<A extends Outcome> = (seed: number, kind: Kind, interrupt?: Interruption, traced?: boolean) => A

export const judging = <A extends Outcome>(play: Play<A>) => {
  const judge = (seed: number, kind: Kind, interrupt?: Interruption): A => {
    const outcome = play(seed, kind, interrupt)
    if (outcome.violation === undefined) return outcome
    const { lines } = play(seed, kind, interrupt, true)
    return assert.fail(
      [`${kind} ${seed} ${JSON.stringify(interrupt)}: ${outcome.violation}`, ...lines.slice(-60)].join("\n")
    )
  }
  /** Each call of the first worlds is interrupted at each of its steps, one at a time. */
  const interrupting = (worlds: number, kind: Kind): void => {
    for (let seed = 1; seed <= worlds; seed++) {
      for (const [number, steps] of judge(seed, kind).lengths.entries()) {
        for (let step = 0; step < Math.min(steps, 150); step++) judge(seed, kind, { number, step })
      }
    }
  }
  return { judge, interrupting }
}
