/**
 * Many alarms on one sleeping fiber: setting and cancelling one costs a heap
 * operation, not a timer and a fiber. With no alarm set nothing sleeps.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { monotonicMillis } from "./time.ts"

/** Something that rings; it knows its own place in the heap. */
export interface Alarm {
  /** -1 when it is not set. */
  index: number
  ring(): void
}

export interface Alarms {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Rings an alarm that is not set at `at`, never earlier; an infinite time never comes. */
  readonly set: (alarm: Alarm, at: number) => void
  readonly cancel: (alarm: Alarm) => void
  readonly stop: () => void
  /** How many are set. */
  readonly size: () => number
}

/** `soon` runs a task in the next turn. */
export const make = (
  clock: Clock.Clock,
  fork: <A>(effect: Effect.Effect<A>) => Fiber.Fiber<A>,
  soon: (task: () => void) => void
): Alarms => {
  const heap: Array<Alarm> = []
  /** When those in the heap ring: kept apart, since looking at a number is faster than at alarms of many kinds. */
  const times: Array<number> = []
  let sleeper: Fiber.Fiber<void> | undefined
  let wakeAt = Infinity
  let resting = false

  const now = (): number => monotonicMillis(clock)

  const set = (alarm: Alarm, at: number): void => {
    if (at === Infinity) return
    heap.push(alarm)
    times.push(at)
    up(alarm, at, heap.length - 1)
    if (alarm.index === 0) sleep()
  }

  const cancel = (alarm: Alarm): void => {
    const { index } = alarm
    if (index === -1) return
    remove(index)
    if (heap.length === 0) rest()
  }

  /**
   * Stops the sleeper at the end of the turn, but not if the next alarm follows at
   * once, as when locks are taken one after the other. Starting it does not wait
   * like this: a clock that jumps in between would pass over the alarm.
   */
  const rest = (): void => {
    if (resting) return
    resting = true
    soon(stopIfIdle)
  }

  const stopIfIdle = (): void => {
    resting = false
    if (heap.length === 0) stop()
  }

  const stop = (): void => {
    const stopped = sleeper
    sleeper = undefined
    wakeAt = Infinity
    stopped?.interruptUnsafe()
  }

  const sleep = (): void => {
    const [first] = times
    // Waking up too early is cheap; being replaced at every set is not.
    if (wakeAt <= first) return
    stop()
    wakeAt = first
    const millis = Math.max(1, Math.ceil(first - now()))
    sleeper = fork(Effect.flatMap(clock.sleep(Duration.millis(millis)), () => Effect.sync(wake)))
  }

  const wake = (): void => {
    sleeper = undefined
    wakeAt = Infinity
    const at = now()
    while (heap.length > 0 && times[0] <= at) {
      const [alarm] = heap
      remove(0)
      alarm.ring()
    }
    if (heap.length > 0) sleep()
  }

  const remove = (index: number): void => {
    heap[index].index = -1
    const last = heap.pop()!
    const at = times.pop()!
    if (index === heap.length) return
    down(last, at, index)
    up(last, at, last.index)
  }

  const up = (alarm: Alarm, at: number, index: number): void => {
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (times[parent] <= at) break
      put(heap[parent], times[parent], index)
      index = parent
    }
    put(alarm, at, index)
  }

  const down = (alarm: Alarm, at: number, index: number): void => {
    while (true) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && times[child + 1] < times[child]) child++
      if (times[child] >= at) break
      put(heap[child], times[child], index)
      index = child
    }
    put(alarm, at, index)
  }

  const put = (alarm: Alarm, at: number, index: number): void => {
    heap[index] = alarm
    times[index] = at
    alarm.index = index
  }

  return { now, set, cancel, stop, size: () => heap.length }
}
