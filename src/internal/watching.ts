/** Who has a key, told to those who do not want it. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { LockBackend } from "../LockBackend.ts"
import type { LockRequest } from "../LockConfig.ts"
import { type Holder, type LockError, LockTimeout } from "../LockError.ts"
import { failWith } from "./failing.ts"
import { monotonicMillis, wholeMillis } from "./time.ts"

/** For backends that tell of nothing; for the others a net. */
const everySecond = Schedule.spaced("1 second")

/** Trouble that may pass ends nobody's watch. */
const passes = ({ reason }: LockError): boolean => reason._tag === "BackendFailure" && reason.retryable

const tokenOf = (holder: Option.Option<Holder>): string =>
  Option.match(holder, { onNone: () => "", onSome: (h) => h.token })

/** The holder now, and from then on each other one that is seen. It ends with the schedule. */
export const changes = (
  backend: LockBackend["Service"],
  key: string,
  look: Schedule.Schedule<unknown> = everySecond
): Stream.Stream<Option.Option<Holder>, LockError> =>
  Stream.unwrap(Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const news = yield* Latch.make()
    const step = yield* Schedule.toStep(look)
    yield* backend.watch(key, () => news.openUnsafe())
    let seen: string | undefined
    let hasLooked = false
    /** Of the lease that is seen: a holder that dies tells nobody. */
    let remaining = Infinity

    return Stream.fromEffectRepeat(Effect.gen(function*() {
      while (true) {
        if (hasLooked) {
          const [, delay] = yield* step(clock.currentTimeMillisUnsafe(), undefined)
          const millis = Math.max(1, Math.min(Duration.toMillis(delay), remaining + 1))
          yield* Effect.timeoutOption(news.await, millis)
        }
        hasLooked = true
        // What is told from here on is looked at the next time.
        news.closeUnsafe()
        const looked = yield* Effect.result(backend.inspect(key))
        if (Result.isFailure(looked)) {
          if (!passes(looked.failure)) return yield* looked.failure
          remaining = Infinity
          continue
        }
        const holder = looked.success
        remaining = Option.match(holder, {
          onNone: () => Infinity,
          onSome: (h) => h.remaining === undefined ? Infinity : Duration.toMillis(h.remaining)
        })
        if (tokenOf(holder) === seen) continue
        seen = tokenOf(holder)
        return holder
      }
    }))
  }))

/** Until the key is seen free. */
export const awaitFree = (
  backend: LockBackend["Service"],
  { key, timeoutMillis }: LockRequest,
  look: Schedule.Schedule<unknown> | undefined
): Effect.Effect<void, LockError> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const startedAt = monotonicMillis(clock)
    let holder: Holder | undefined
    const seenFree = changes(backend, key, look).pipe(
      Stream.tap((seen) => Effect.sync(() => holder = Option.getOrUndefined(seen))),
      Stream.filter(Option.isNone),
      Stream.runHead
    )
    const timeout = Duration.millis(timeoutMillis)
    // No time at all is time for one look.
    const free = timeoutMillis === 0
      ? Option.filter(yield* Effect.asSome(backend.inspect(key)), Option.isNone)
      : Option.flatten(yield* Effect.timeoutOption(seenFree, timeout))
    if (Option.isSome(free)) return
    const waited = wholeMillis(monotonicMillis(clock) - startedAt)
    return yield* failWith(new LockTimeout({ key, timeout, waited, holder }))
  })
