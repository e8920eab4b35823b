/** How late this process is, for checks that count on real time, and mean nothing if the machine gave it none. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { monotonicMillis } from "../time.ts"

/** Measures the greatest delay of a timer in this process, in real milliseconds, until the result is asked for. */
export const observe: Effect.Effect<() => number, never, Scope.Scope> = Effect.gen(function*() {
  const clock = Clock.Clock.defaultValue()
  const step = 10
  let latest = 0
  let due = monotonicMillis(clock) + step
  const look = () => {
    const now = monotonicMillis(clock)
    latest = Math.max(latest, now - due)
    due = now + step
  }
  yield* Effect.forever(Effect.andThen(Effect.sleep(step), Effect.sync(look))).pipe(
    Effect.provideService(Clock.Clock, clock),
    Effect.forkScoped({ startImmediately: true })
  )
  return () => {
    look()
    return latest
  }
})

/** How long other processes have been kept waiting in total, in milliseconds, for systems that tell. */
type Waited = () => number

/**
 * Retries a check, up to so many times in all, if it fails while this process is late by more than `millis`, or others wait
 * longer than that in total. It is told how often it has been tried.
 */
export const punctually = (millis: number, attempts: number, waited: Waited = () => 0) =>
<A, E, R>(
  effect: (tried: number) => Effect.Effect<A, E, R>,
  tried = 0
): Effect.Effect<A, E, Exclude<R, Scope.Scope>> =>
  Effect.gen(function*() {
    const lateness = yield* observe
    const before = waited()
    const exit = yield* Effect.exit(effect(tried))
    return Exit.isFailure(exit) && tried + 1 < attempts && Math.max(lateness(), waited() - before) > millis
      ? yield* punctually(millis, attempts, waited)(effect, tried + 1)
      : yield* exit
  }).pipe(Effect.scoped)
