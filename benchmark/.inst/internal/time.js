import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Scheduler from "effect/Scheduler";
/**
 * Monotonic milliseconds, which deadlines are reckoned in. Time is at least what
 * our own sleeps have said has passed: a test runner's fake timers end a sleep
 * without moving the monotonic clock. Counting more time than has passed is safe.
 */
export class Time {
    clock;
    ahead = 0;
    constructor(clock) {
        this.clock = clock;
    }
    now() {
        return Number(this.clock.monotonicTimeNanosUnsafe()) / 1_000_000 + this.ahead;
    }
    /** By the wall clock. */
    wallMillis() {
        return this.clock.currentTimeMillisUnsafe();
    }
    sleep(millis) {
        return this.clock.sleep(Duration.millis(millis));
    }
    /** A sleep until `at` is over. Real timers end up to a millisecond early, and that is no time. */
    slept(at) {
        const missing = at - this.now();
        if (missing > 2)
            this.ahead += missing;
    }
}
const times = new WeakMap();
/** One for each clock, so that the stores and engines of a program agree. */
export const timeOf = (clock) => {
    let time = times.get(clock);
    if (time === undefined)
        times.set(clock, time = new Time(clock));
    return time;
};
export const monotonicMillis = (clock) => timeOf(clock).now();
/** A time that is over or still to come, in whole milliseconds. */
export const wholeMillis = (millis) => Duration.millis(Math.max(0, Math.round(millis)));
/** A way to run tasks in the scheduler's next turn. */
export const nextTurn = (context) => {
    const dispatcher = Context.get(context, Scheduler.Scheduler).makeDispatcher();
    return (task) => dispatcher.scheduleTask(task, 0);
};
