/** Clocks that are wrong. */
import { Clock, Effect } from "effect"

interface Skew {
  /** Added to the monotonic clock, in milliseconds. */
  readonly monotonic?: () => number
  /** Added to the wall clock, in milliseconds. */
  readonly wall?: () => number
}

/** Runs an effect, and whatever keeps its clock, with a wrong one. */
export const withSkew = (skew: Skew) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.service(Clock.Clock), (clock) => {
    const { monotonic = () => 0, wall = () => 0 } = skew
    const skewed: Clock.Clock = Object.assign(Object.create(clock), {
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + BigInt(Math.round(monotonic() * 1e6)),
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + wall()
    })
    return Effect.provideService(effect, Clock.Clock, skewed)
  })
