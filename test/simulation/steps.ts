/** Interruption at every step of every call of a small world. */
import type { Kind } from "./plan.ts"
import { type Options, simulate } from "./scenario.ts"

/** How a small world is played again and again. */
export function* interruptions(seed: number, kind: Kind, options: Options): Generator<Options> {
  const { lengths } = simulate(seed, kind, { ...options, small: true })
  for (const [call, length] of lengths.entries()) {
    for (let step = 0; step < length; step++) yield { ...options, small: true, interrupt: { call, step } }
  }
}
