/** The clocks of the engine and the stores: monotonic time, and the scheduler's turns. */
import type * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
/**
 * Monotonic milliseconds, which deadlines are reckoned in. Time is at least what
 * our own sleeps have said has passed: a test runner's fake timers end a sleep
 * without moving the monotonic clock. Counting more time than has passed is safe.
 */
export declare class Time {
    private readonly clock;
    private ahead;
    constructor(clock: Clock.Clock);
    now(): number;
    /** By the wall clock. */
    wallMillis(): number;
    sleep(millis: number): import("effect/Effect").Effect<void, never, never>;
    /** A sleep until `at` is over. Real timers end up to a millisecond early, and that is no time. */
    slept(at: number): void;
}
/** One for each clock, so that the stores and engines of a program agree. */
export declare const timeOf: (clock: Clock.Clock) => Time;
export declare const monotonicMillis: (clock: Clock.Clock) => number;
/** A time that is over or still to come, in whole milliseconds. */
export declare const wholeMillis: (millis: number) => Duration.Duration;
/** A way to run tasks in the scheduler's next turn. */
export declare const nextTurn: (context: Context.Context<never>) => (task: () => void) => void;
