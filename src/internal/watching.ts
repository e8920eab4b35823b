/** Watching who holds a key, without wanting it. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { LockBackend } from "../LockBackend.ts"
import type { LockRequest } from "../LockConfig.ts"
import { type Holder, type LockError, LockTimeout } from "../LockError.ts"
import { failWith, isPassing } from "./failing.ts"
import { monotonicMillis, wholeMillis } from "./time.ts"

/** For backends without notifications; for the others a safety net. */
const everySecond = Schedule.spaced("1 second")

const tokenOf = (holder: Option.Option<Holder>): string =>
  Option.match(holder, { onNone: () => "", onSome: (h) => h.token })

/** What a look has found, or its failure. */
type Look = Result.Result<Option.Option<Holder>, LockError>

/**
 * Looks at a key: at once, and then at each notification, when the schedule says so, or when a
 * lease that was seen is over, but at the latest at `by`. It ends with the schedule.
 */
const looking = Effect.fnUntraced(function*(
  backend: LockBackend["Service"],
  key: string,
  schedule: Schedule.Schedule<unknown>
) {
  const clock = yield* Clock.Clock
  const news = yield* Latch.make()
  const step = yield* Schedule.toStep(schedule)
  yield* backend.watch(key, () => news.openUnsafe())
  let hasLooked = false
  /** The end of the lease that is seen: there is no notification if a holder dies. */
  let remaining = Infinity

  const pause = Effect.flatMap(
    Effect.suspend(() => step(clock.currentTimeMillisUnsafe(), undefined)),
    ([, delay]) => Effect.sleep(Duration.max(delay, Duration.millis(1)))
  )
  // Beside the step, which may take time itself.
  const waiting = Effect.suspend(() =>
    Effect.raceFirst(pause, Effect.timeoutOption(news.await, Math.max(1, remaining + 1)))
  )

  return (by: number) =>
    Effect.gen(function*() {
      if (hasLooked) {
        const left = by - monotonicMillis(clock)
        yield* left === Infinity ? waiting : Effect.timeoutOption(waiting, Math.max(0, left))
      }
      hasLooked = true
      // Notifications from here on lead to the next look.
      news.closeUnsafe()
      const looked: Look = yield* Effect.result(backend.inspect(key))
      if (Result.isFailure(looked) && !isPassing(looked.failure)) return yield* looked.failure
      const holder = Result.getOrElse(looked, () => Option.none<Holder>())
      remaining = Option.match(holder, {
        onNone: () => Infinity,
        onSome: (h) => h.remaining === undefined ? Infinity : Duration.toMillis(h.remaining)
      })
      return looked
    })
})

/** The current holder, and then each other one that is seen. It ends with the schedule. */
export const changes = (
  backend: LockBackend["Service"],
  key: string,
  look: Schedule.Schedule<unknown> = everySecond
): Stream.Stream<Option.Option<Holder>, LockError> =>
  Stream.unwrap(Effect.map(looking(backend, key, look), (next) => {
    let seen: string | undefined
    return Stream.fromEffectRepeat(Effect.gen(function*() {
      while (true) {
        const looked = yield* next(Infinity)
        if (Result.isFailure(looked) || tokenOf(looked.success) === seen) continue
        seen = tokenOf(looked.success)
        return looked.success
      }
    }))
  }))

/** Waits until the key is seen free, with a last look when the time is over. */
export const awaitFree = (
  backend: LockBackend["Service"],
  { key, timeoutMillis }: LockRequest,
  look: Schedule.Schedule<unknown> = everySecond
): Effect.Effect<void, LockError> =>
  Effect.scoped(Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const startedAt = monotonicMillis(clock)
    const endsAt = startedAt + timeoutMillis
    const next = yield* looking(backend, key, look)
    let last: Look | undefined
    do {
      const looked: Look | undefined = yield* Pull.catchDone(next(endsAt), () => Effect.undefined)
      if (looked === undefined) break
      if (Result.isSuccess(looked) && Option.isNone(looked.success)) return
      last = looked
    } while (monotonicMillis(clock) < endsAt)
    // A backend that does not answer does not count as a holder.
    if (last !== undefined && Result.isFailure(last)) return yield* last.failure
    const holder = last && Option.getOrUndefined(last.success)
    const timeout = Duration.millis(timeoutMillis)
    const waited = wholeMillis(monotonicMillis(clock) - startedAt)
    return yield* Effect.withFiber((caller) =>
      failWith(() => new LockTimeout({ key, timeout, waited, holder }), caller)
    )
  }))
