/** Waiting for a notification instead of looking. */
import { Duration, Effect, Schedule } from "effect"
import { LockError } from "effect-lock"

/**
 * A waiter that knows that another one holds the key does not look again by itself. A claim without an answer, as on a busy
 * machine, is repeated, since nobody is notified before the answer.
 */
export const untilTold: Schedule.Schedule<unknown> = Schedule.fromStep(
  Effect.succeed((_now: number, reply: unknown) =>
    Effect.succeed<[unknown, Duration.Duration]>([
      reply,
      reply instanceof LockError.BackendFailure ? Duration.millis(50) : Duration.hours(1)
    ])
  )
)
