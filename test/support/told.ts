/** Waiting to be told, and not looking. */
import { Duration, Effect, Schedule } from "effect"
import { LockError } from "effect-lock"

/**
 * Who has heard that another has the key does not look again by itself. A claim of which nothing was heard, as on a busy machine,
 * is made again: nobody is told who has no answer yet.
 */
export const untilTold: Schedule.Schedule<unknown> = Schedule.fromStep(
  Effect.succeed((_now: number, reply: unknown) =>
    Effect.succeed<[unknown, Duration.Duration]>([
      reply,
      reply instanceof LockError.BackendFailure ? Duration.millis(50) : Duration.hours(1)
    ])
  )
)
