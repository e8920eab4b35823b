/** The clocks of the engine and the stores: monotonic time, and the scheduler's turns. */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Scheduler from "effect/Scheduler"

/**
 * Monotonic milliseconds, by which deadlines are counted. They are never less than what our own sleeps
 * have waited for: a test runner's fake timers end a sleep without moving the monotonic clock. It is
 * safe to count more time than has passed.
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

  /** A sleep until `at` is over. A real timer may have fired up to a millisecond early, so that is not counted. */
  slept(at: number): void {
    const missing = at - this.now()
    if (missing > 2) this.ahead += missing
  }
}

const times = new WeakMap<Clock.Clock, Time>()

/** One for each clock, so that the stores and backends of a program agree. */
export const timeOf = (clock: Clock.Clock): Time => {
  let time = times.get(clock)
  if (time === undefined) times.set(clock, time = new Time(clock))
  return time
}

export const monotonicMillis = (clock: Clock.Clock): number => timeOf(clock).now()

/** A duration of whole milliseconds, at least zero. */
export const wholeMillis = (millis: number): Duration.Duration => Duration.millis(Math.max(0, Math.round(millis)))

/** A century: far longer than any lease, and far less than any server refuses. */
export const longestLease: Duration.Duration = Duration.days(36_500)

/** The year 2255, with room above it for those who count up from there. */
const lastFence = Number.MAX_SAFE_INTEGER - 2 ** 44

/** A fencing token by the wall clock, in microseconds: a safe integer however wrong the clock is. */
export const fenceAt = (wallMillis: number): number => Math.min(Math.floor(wallMillis * 1000), lastFence)

/** A way to run tasks in the scheduler's next turn. */
export const nextTurn = (context: Context.Context<never>): (task: () => void) => void => {
  const dispatcher = Context.get(context, Scheduler.Scheduler).makeDispatcher()
  return (task) => dispatcher.scheduleTask(task, 0)
}
