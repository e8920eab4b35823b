/** What tests of the engine put around it: clocks that misbehave, stores that answer anything, and ears. */
import { assert } from "@effect/vitest"
import { Clock, Effect, Logger } from "effect"
import type { LockError, LockStore } from "effect-lock"

/** A clock of which a part is in the hands of a test. */
interface LateClock extends Clock.Clock {
  /** Time passes, and nobody is woken: the event loop is busy. */
  readonly pass: (millis: number) => void
  /** Only the wall clock goes on, as on a host that was suspended. */
  readonly passOnTheWall: (millis: number) => void
}

export const lateClock: Effect.Effect<LateClock> = Effect.map(Effect.clockWith(Effect.succeed), (clock) => {
  let ahead = 0
  let wallAhead = 0
  const nanos = (millis: number) => BigInt(millis) * 1_000_000n
  const currentTimeMillisUnsafe = () => clock.currentTimeMillisUnsafe() + ahead + wallAhead
  const currentTimeNanosUnsafe = () => clock.currentTimeNanosUnsafe() + nanos(ahead + wallAhead)
  const monotonicTimeNanosUnsafe = () => clock.monotonicTimeNanosUnsafe() + nanos(ahead)
  return {
    // Stays one that a test can turn.
    ...clock,
    currentTimeMillisUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
    currentTimeNanosUnsafe,
    currentTimeNanos: Effect.sync(currentTimeNanosUnsafe),
    monotonicTimeNanosUnsafe,
    monotonicTimeNanos: Effect.sync(monotonicTimeNanosUnsafe),
    sleep: (duration) => clock.sleep(duration),
    pass: (millis) => void (ahead += millis),
    passOnTheWall: (millis) => void (wallAhead += millis)
  }
})

/** Runs a test with a {@link LateClock} in place of its own. */
export const withLateClock = <A, E, R>(test: (clock: LateClock) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(lateClock, (clock) => Effect.provideService(test(clock), Clock.Clock, clock))

export const reasonOf = <A, R>(
  effect: Effect.Effect<A, LockError.LockError, R>
): Effect.Effect<LockError.LockErrorReason, A, R> => Effect.map(Effect.flip(effect), ({ reason }) => reason)

/** The reason, which has to be of the kind given. */
export const the = <Tag extends LockError.LockErrorReason["_tag"]>(
  reason: LockError.LockErrorReason,
  tag: Tag
): Extract<LockError.LockErrorReason, { readonly _tag: Tag }> => {
  assert.strictEqual(reason._tag, tag, reason.message)
  return reason as Extract<LockError.LockErrorReason, { readonly _tag: Tag }>
}

/** Runs an effect and says what was logged meanwhile. */
export const logged = <A, E, R>(
  test: (lines: ReadonlyArray<string>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      lines.push(`${logLevel}: ${String(Array.isArray(message) ? message[0] : message)}`)
    })
    return Effect.provide(test(lines), Logger.layer([logger]))
  })

/** A store that answers as somebody else's may: whatever the type says. */
export const answering = (
  store: LockStore.LockStore,
  answers: { readonly [K in keyof LockStore.LockStore]?: () => Effect.Effect<unknown, LockError.BackendFailure> }
): LockStore.LockStore => ({ ...store, ...answers as unknown as Partial<LockStore.LockStore> })
