/**
 * Many alarms on one sleeping fiber: setting and cancelling one costs a heap
 * operation, not a timer and a fiber. With no alarm set nothing sleeps.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** Something that rings; it is its own entry in the heap. */
export interface Alarm {
  at: number
  /** Place in the heap, -1 when not set. */
  index: number
  ring(): void
}

export class Alarms {
  private readonly heap: Array<Alarm> = []
  private sleeper: Fiber.Fiber<void> | undefined = undefined
  private wakeAt = Infinity
  private readonly clock: Clock.Clock
  private readonly fork: <A>(effect: Effect.Effect<A>) => Fiber.Fiber<A>
  private resting = false

  constructor(clock: Clock.Clock, fork: <A>(effect: Effect.Effect<A>) => Fiber.Fiber<A>) {
    this.clock = clock
    this.fork = fork
  }

  /** Monotonic milliseconds. */
  now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe()) / 1_000_000
  }

  get size(): number {
    return this.heap.length
  }

  /** Rings an alarm that is not set at `at`, never earlier; an infinite time never comes. */
  set(alarm: Alarm, at: number): void {
    alarm.at = at
    if (at === Infinity) return
    this.heap.push(alarm)
    this.up(alarm, this.heap.length - 1)
    if (alarm.index === 0) this.sleep()
  }

  cancel(alarm: Alarm): void {
    const index = alarm.index
    if (index === -1) return
    alarm.index = -1
    const last = this.heap.pop()!
    if (last !== alarm) {
      this.down(last, index)
      this.up(last, last.index)
    }
    if (this.heap.length === 0) this.rest()
  }

  /**
   * Stops the sleeper at the end of the turn, but not if the next alarm follows at
   * once, as when locks are taken one after the other. Starting it does not wait
   * like this: a clock that jumps in between would pass over the alarm.
   */
  private rest(): void {
    if (this.resting) return
    this.resting = true
    queueMicrotask(this.stopIfIdle)
  }

  private readonly stopIfIdle = (): void => {
    this.resting = false
    if (this.heap.length === 0) this.stop()
  }

  stop(): void {
    const sleeper = this.sleeper
    this.sleeper = undefined
    this.wakeAt = Infinity
    sleeper?.interruptUnsafe()
  }

  private sleep(): void {
    const first = this.heap[0]
    // Waking up too early is cheap; being replaced at every set is not.
    if (this.wakeAt <= first.at) return
    this.stop()
    this.wakeAt = first.at
    const millis = Math.max(1, Math.ceil(first.at - this.now()))
    this.sleeper = this.fork(Effect.flatMap(this.clock.sleep(Duration.millis(millis)), () => Effect.sync(this.wake)))
  }

  private readonly wake = (): void => {
    this.sleeper = undefined
    this.wakeAt = Infinity
    const now = this.now()
    while (this.heap.length > 0 && this.heap[0].at <= now) {
      const alarm = this.heap[0]
      alarm.index = -1
      const last = this.heap.pop()!
      if (last !== alarm) this.down(last, 0)
      alarm.ring()
    }
    if (this.heap.length > 0) this.sleep()
  }

  private up(alarm: Alarm, index: number): void {
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = this.heap[parent]
      if (above.at <= alarm.at) break
      this.heap[index] = above
      above.index = index
      index = parent
    }
    this.heap[index] = alarm
    alarm.index = index
  }

  private down(alarm: Alarm, index: number): void {
    const length = this.heap.length
    while (true) {
      let child = 2 * index + 1
      if (child >= length) break
      if (child + 1 < length && this.heap[child + 1].at < this.heap[child].at) child++
      const below = this.heap[child]
      if (below.at >= alarm.at) break
      this.heap[index] = below
      below.index = index
      index = child
    }
    this.heap[index] = alarm
    alarm.index = index
  }
}
