/** When a call asks the store again: by its own schedule, the store's, or the default for polling. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { LockRequest } from "../../LockConfig.ts"
import type { Caller, Restore } from "../guard.ts"
import type { Time } from "../time.ts"
import type { News } from "./news.ts"
import type { Port } from "./port.ts"

type Step = (now: number, input: unknown) => Pull.Pull<[unknown, Duration.Duration]>

/** For stores that cannot notify of a release. */
const polling = Schedule.jittered(
  Schedule.min([Schedule.exponential(Duration.millis(10), 1.5), Schedule.spaced("250 millis")])
)

export class Pace {
  private readonly port: Port
  private readonly time: Time
  private readonly retry: LockRequest["retry"]
  private readonly caller: Caller
  private step: Step | undefined = undefined

  constructor(port: Port, time: Time, retry: LockRequest["retry"], caller: Caller) {
    this.port = port
    this.time = time
    this.retry = retry
    this.caller = caller
  }

  /** The next delay in milliseconds; undefined when the schedule has ended. */
  private delay(input: unknown): Effect.Effect<number | undefined> {
    const { port: { store }, time } = this
    const start = this.step === undefined
      ? Effect.map(Schedule.toStep(this.retry ?? store.retry ?? polling), (step) => this.step = step as Step)
      : Exit.succeed(this.step)
    return Effect.flatMap(start, (step) =>
      Pull.catchDone(
        Effect.map(Effect.suspend(() => step(time.wallMillis(), input)), ([, delay]) => {
          const millis = Duration.toMillis(delay)
          return Number.isNaN(millis) ? 0 : millis
        }),
        () => Effect.undefined
      ))
  }

  /**
   * The same for a caller that is notified, and has time until `endsAt`. A schedule whose step takes time is cut
   * off there, or by a notification, after which there is no delay left.
   */
  next(input: unknown, news: News, endsAt: number, restore: Restore): Effect.Effect<number | undefined> {
    const fiber = Effect.runForkWith(this.caller.context)(this.delay(input))
    const done = fiber.pollUnsafe()
    if (done !== undefined) return done
    const { alarms } = this.port
    return restore(Effect.callback<number | undefined>((resume) => {
      let isOver = false
      const rest = () => {
        if (isOver) return
        isOver = true
        alarms.cancel(alarm)
        news.whileBusy(undefined)
      }
      // The caller may already be at its next step by the time this one has been interrupted.
      const hurry = () => (rest(), resume(Effect.succeed(0)), fiber.interruptUnsafe())
      const alarm = { index: -1, ring: hurry }
      alarms.set(alarm, endsAt)
      fiber.addObserver((exit) => (rest(), resume(exit)))
      news.whileBusy(hurry)
      return Effect.sync(() => (rest(), fiber.interruptUnsafe()))
    }))
  }

  /** Runs the whole schedule on a fiber of its own, for a caller that waits in the line and does not ask the store. */
  passing(input: () => unknown): Fiber.Fiber<void> {
    return Effect.runForkWith(this.caller.context)(this.pass(input))
  }

  private pass(input: () => unknown): Effect.Effect<void> {
    return Effect.flatMap(Effect.suspend(() => this.delay(input())), (delay) => {
      if (delay === undefined) return Effect.void
      return Effect.flatMap(this.sleep(Math.max(1, delay)), () => this.pass(input))
    })
  }

  private sleep(millis: number): Effect.Effect<void> {
    const { alarms } = this.port
    return Effect.callback((resume) => {
      const alarm = { index: -1, ring: () => resume(Effect.void) }
      alarms.set(alarm, alarms.now() + millis)
      return Effect.sync(() => alarms.cancel(alarm))
    })
  }
}
