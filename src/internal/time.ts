/** The clocks of the engine and the stores: monotonic time, and the scheduler's turns. */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Scheduler from "effect/Scheduler"

/**
 * Monotonic milliseconds, which deadlines are reckoned in. Time is at least what
 * our own sleeps have said has passed: a test runner's fake timers end a sleep
 * without moving the monotonic clock. Counting more time than has passed is safe.
 */
export class Time {
  private readonly clock: Clock.Clock
  private ahead = 0

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe()) / 1_000_000 + this.ahead
  }

  /** By the wall clock. */
  wallMillis(): number {
    return this.clock.currentTimeMillisUnsafe()
  }

  sleep(millis: number) {
    return this.clock.sleep(Duration.millis(millis))
  }

  /** A sleep until `at` is over. Real timers end up to a millisecond early, and that is no time. */
  slept(at: number): void {
    const missing = at - this.now()
    if (missing > 2) this.ahead += missing
  }
}

const times = new WeakMap<Clock.Clock, Time>()

/** One for each clock, so that the stores and engines of a program agree. */
export const timeOf = (clock: Clock.Clock): Time => {
  let time = times.get(clock)
  if (time === undefined) times.set(clock, time = new Time(clock))
  return time
}

export const monotonicMillis = (clock: Clock.Clock): number => timeOf(clock).now()

/** A time that is over or still to come, in whole milliseconds. */
export const wholeMillis = (millis: number): Duration.Duration => Duration.millis(Math.max(0, Math.round(millis)))

/** A century: far beyond any lease, and far below what any server refuses. */
export const longestLease: Duration.Duration = Duration.days(36_500)

/** In 2255, and room above for all who count on from there. */
const lastFence = Number.MAX_SAFE_INTEGER - 2 ** 44

/** A fencing token by the wall clock, in microseconds; a safe integer however wrong that is. */
export const fenceAt = (wallMillis: number): number => Math.min(Math.floor(wallMillis * 1000), lastFence)

/** A way to run tasks in the scheduler's next turn. */
export const nextTurn = (context: Context.Context<never>): (task: () => void) => void => {
  const dispatcher = Context.get(context, Scheduler.Scheduler).makeDispatcher()
  return (task) => dispatcher.scheduleTask(task, 0)
}
