/**
 * Many alarms on one sleeping fiber: setting and cancelling one costs a heap
 * operation, not a timer and a fiber. With no alarm set nothing sleeps.
 */
import * as Effect from "effect/Effect";
import type * as Fiber from "effect/Fiber";
import type { Time } from "../time.ts";
/** Something that rings; it knows its own place in the heap. */
export interface Alarm {
    /** -1 when it is not set. */
    index: number;
    ring(): void;
}
export declare class Alarms {
    private readonly time;
    private readonly fork;
    private readonly soon;
    private readonly heap;
    /** When those in the heap ring: kept apart, since looking at a number is faster than at alarms of many kinds. */
    private readonly times;
    private sleeper;
    private wakeAt;
    private isResting;
    /** `soon` runs a task in the next turn. */
    constructor(time: Time, fork: <A>(effect: Effect.Effect<A>) => Fiber.Fiber<A>, soon: (task: () => void) => void);
    /** Monotonic milliseconds. */
    now(): number;
    /** How many are set. */
    get size(): number;
    /** Rings an alarm that is not set at `at`, never earlier; an infinite time never comes, one that is no number at once. */
    set(alarm: Alarm, at: number): void;
    cancel(alarm: Alarm): void;
    stop(): void;
    /**
     * Stops the sleeper at the end of the turn, but not if the next alarm follows at
     * once, as when locks are taken one after the other. Starting it does not wait
     * like this: a clock that jumps in between would pass over the alarm.
     */
    private rest;
    private sleep;
    private wake;
    private remove;
    private up;
    private down;
    private put;
}
