/** When a waiter retries a store that has failed: soon at first, then less and less often. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Made from "./made.ts"

const firstMillis = 10
const longestMillis = 250

const pause = (attempt: number): number => Math.min(longestMillis, firstMillis * 1.5 ** Math.min(attempt, 16))

/**
 * A schedule for waiters that retries sooner after failures of the store, also those of another
 * copy of this package.
 */
export const soonerAfterFailure = (schedule: Schedule.Schedule<unknown>): Schedule.Schedule<unknown> =>
  Schedule.modifyDelay(schedule, ({ attempt, duration, input }) =>
    Made.isMade(input, Made.BackendFailure)
      ? Effect.map(Random.nextBetween(0.8, 1.2), (jitter) => Duration.millis(jitter * pause(attempt)))
      : Effect.succeed(duration))
