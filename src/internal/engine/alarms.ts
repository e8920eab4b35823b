/**
 * Many alarms on one sleeping fiber: setting one costs a heap operation instead of a timer and a fiber. Most are
 * cancelled, the oldest first; their slots are cleared once there are many. Without an alarm nothing sleeps.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import type { Time } from "../time.ts"

/** Something that rings, and knows its own index in the heap. */
export interface Alarm {
  /** -1 when it is not set. */
  index: number
  ring(): void
}

/** Up to so many slots of cancelled alarms are kept. */
const few = 32

/** Fills the slot of a cancelled alarm. */
const nobody: Alarm = { index: -1, ring: constVoid }

export class Alarms {
  private readonly time: Time
  private readonly fork: <A>(effect: Effect.Effect<A>) => Fiber.Fiber<A>
  private readonly soon: (task: () => void) => void
  private readonly heap: Array<Alarm> = []
  /**
   * The times of the alarms in the heap, in an array of their own: reading a number is faster than a field of
   * objects of many shapes.
   */
  private readonly times: Array<number> = []
  /** The number of cancelled slots in the heap. */
  private vacant = 0
  private sleeper: Fiber.Fiber<void> | undefined = undefined
  private wakeAt = Infinity
  /** The current time while alarms ring. */
  private ringingAt = -Infinity
  private isResting = false

  /** `soon` runs a task in the next turn. */
  constructor(
    time: Time,
    fork: <A>(effect: Effect.Effect<A>) => Fiber.Fiber<A>,
    soon: (task: () => void) => void
  ) {
    this.time = time
    this.fork = fork
    this.soon = soon
  }

  /** Monotonic milliseconds. */
  now(): number {
    return this.time.now()
  }

  /** The number of alarms that are set. */
  get size(): number {
    return this.heap.length - this.vacant
  }

  /**
   * Sets an alarm that is not set, to ring at `at` and never earlier; never if that is infinite, at once if it is
   * `NaN`.
   */
  set(alarm: Alarm, at: number): void {
    if (at === Infinity) return
    // Not before those that are due now, whatever its time.
    const time = at > this.ringingAt ? at : this.ringingAt
    this.heap.push(alarm)
    this.times.push(time)
    this.up(alarm, time, this.heap.length - 1)
    if (alarm.index === 0) this.sleep()
  }

  cancel(alarm: Alarm): void {
    const { index } = alarm
    if (index === -1) return
    alarm.index = -1
    this.heap[index] = nobody
    this.vacant++
    if (this.vacant > this.size + few) this.tidy()
    if (this.size === 0) this.rest()
  }

  stop(): void {
    const { sleeper } = this
    this.sleeper = undefined
    this.wakeAt = Infinity
    sleeper?.interruptUnsafe()
  }

  /**
   * Stops the sleeper at the end of the turn, unless another alarm is set by then, as when locks are taken one
   * after the other. The start is not deferred like this: a clock that jumps in between would skip the alarm.
   */
  private rest(): void {
    if (this.isResting) return
    this.isResting = true
    this.soon(() => {
      this.isResting = false
      if (this.size > 0) return
      this.tidy()
      this.stop()
    })
  }

  private sleep(): void {
    const first = this.times[0]
    // Waking up too early is cheap; a new sleeper for each alarm is not.
    if (this.wakeAt <= first) return
    this.stop()
    this.wakeAt = first
    const millis = Math.max(1, Math.ceil(first - this.now()))
    this.sleeper = this.fork(Effect.flatMap(this.time.sleep(millis), () => Effect.sync(() => this.wake(first))))
  }

  private wake(until: number): void {
    this.sleeper = undefined
    this.wakeAt = Infinity
    this.time.slept(until)
    const { heap, times } = this
    const at = this.now()
    this.ringingAt = at
    // Bounds alarms that set themselves again for a time in the past.
    let left = 10 + 4 * heap.length
    try {
      while (heap.length > 0 && times[0] <= at && left-- > 0) this.takeFirst().ring()
    } finally {
      this.ringingAt = -Infinity
      // If one of them throws, the others still ring.
      if (this.size > 0) this.sleep()
      else this.tidy()
    }
  }

  private takeFirst(): Alarm {
    const { heap, times } = this
    const first = heap[0]
    if (first === nobody) this.vacant--
    const last = heap.pop()!
    const at = times.pop()!
    if (heap.length > 0) this.down(last, at, 0)
    first.index = -1
    return first
  }

  /** Removes the cancelled slots. */
  private tidy(): void {
    const { heap, times } = this
    let size = 0
    for (let i = 0; i < heap.length; i++) if (heap[i] !== nobody) this.put(heap[i], times[i], size++)
    heap.length = times.length = size
    this.vacant = 0
    for (let i = (size >> 1) - 1; i >= 0; i--) this.down(heap[i], times[i], i)
  }

  private up(alarm: Alarm, at: number, from: number): void {
    const { heap, times } = this
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (times[parent] <= at) break
      this.put(heap[parent], times[parent], index)
      index = parent
    }
    this.put(alarm, at, index)
  }

  private down(alarm: Alarm, at: number, from: number): void {
    const { heap, times } = this
    let index = from
    while (true) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && times[child + 1] < times[child]) child++
      if (times[child] >= at) break
      this.put(heap[child], times[child], index)
      index = child
    }
    this.put(alarm, at, index)
  }

  private put(alarm: Alarm, at: number, index: number): void {
    this.heap[index] = alarm
    this.times[index] = at
    alarm.index = index
  }
}
