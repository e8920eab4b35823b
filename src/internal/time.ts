/** The two clocks of the engine and the stores: monotonic time, and the scheduler's turns. */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Scheduler from "effect/Scheduler"

/** The monotonic clock in milliseconds, which deadlines are reckoned in. */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000

/** A time that is over or still to come, in whole milliseconds. */
export const wholeMillis = (millis: number): Duration.Duration => Duration.millis(Math.max(0, Math.round(millis)))

/** A way to run tasks in the scheduler's next turn. */
export const nextTurn = (context: Context.Context<never>): (task: () => void) => void => {
  const dispatcher = Context.get(context, Scheduler.Scheduler).makeDispatcher()
  return (task) => dispatcher.scheduleTask(task, 0)
}
