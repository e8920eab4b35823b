/**
 * The connection that listens on the channel of a store.
 *
 * A pooler in between may accept `LISTEN` and receive nothing, and a connection may die silently.
 * So the store sends itself a greeting at the start and regularly; if it is not received, the
 * connection is given up for another one.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { deadlineMillis, type Link } from "./link.ts"

export interface Subscription {
  /** Done when it first works, or is known not to. */
  readonly settled: Deferred.Deferred<void>
  /** Whether messages arrive. */
  up: boolean
  /** Why they do not. */
  cause: unknown
}

interface Handlers {
  readonly message: (payload: string) => void
  /** Messages arrive from now on; `isFirst` if that was not known yet. */
  readonly up: (isFirst: boolean) => void
  /** They do not arrive, or no longer. */
  readonly down: (cause: unknown) => void
}

export interface Subscriptions {
  readonly subscribe: Effect.Effect<Subscription, never, Scope.Scope>
  /** Whether messages may be expected: not if the client cannot listen, or no greeting arrived when it last tried. */
  readonly mayHear: () => boolean
}

/** How long a greeting may take. */
const greetingMillis = 500

/**
 * How often a greeting is sent, and how long after the last one that arrived a subscription is
 * given up.
 */
const greetEveryMillis = 4000
const deafAfterMillis = 9000

/** How long to wait for the next try when no greeting arrived at all. */
const deafMillis = 60_000

/** The first and the longest pause before a subscription that ended is tried again. */
const againMillis = 100
const againAtMostMillis = 2000

const greeting = "1 hello"

/** Closing a dead connection takes time, which nobody waits for. */
const leave = (scope: Scope.Closeable): Effect.Effect<void> =>
  Effect.asVoid(Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true }))

export const make = (
  { listen, run }: Link,
  channel: string,
  now: () => number,
  handlers: Handlers
): Subscriptions => {
  let deafUntil = -Infinity

  const mayHear = (): boolean => listen !== undefined && deafUntil === -Infinity

  const greet = Effect.callback<void, unknown>((resume) =>
    run(
      "SELECT pg_notify($1::text, $2::text)",
      [channel, greeting],
      (rows, error) => resume(rows === undefined ? Effect.fail(error) : Effect.void)
    )
  )

  /** Listens until that fails or greetings no longer arrive; says whether one ever did. */
  const hearing = Effect.fnUntraced(function*(subscription: Subscription) {
    const scope = yield* Scope.make()
    const queue = yield* Scope.provide(listen!(channel), scope).pipe(
      Effect.timeout(Duration.millis(deadlineMillis)),
      Effect.onExit((exit) => Exit.isFailure(exit) ? leave(scope) : Effect.void)
    )
    let heardAt: number | undefined
    const reading = Effect.forever(Effect.map(Queue.take(queue), ({ payload }) => {
      if (payload !== greeting) return handlers.message(payload)
      heardAt = now()
      deafUntil = -Infinity
      if (subscription.up) return
      subscription.up = true
      handlers.up(Deferred.doneUnsafe(subscription.settled, Effect.void))
    }))
    const greetings = Effect.gen(function*() {
      yield* greet
      yield* Effect.sleep(Duration.millis(greetingMillis))
      if (heardAt === undefined) return false
      while (now() - heardAt < deafAfterMillis) {
        yield* Effect.sleep(Duration.millis(greetEveryMillis))
        yield* Effect.ignore(greet)
      }
      return true
    })
    return yield* Effect.raceFirst(reading, greetings).pipe(Effect.ensuring(leave(scope)))
  })

  /** Listens again whenever that has ended. */
  const staying = Effect.fnUntraced(function*(subscription: Subscription) {
    // The subscription before this one would not have tried again sooner either.
    if (now() < deafUntil) yield* Effect.sleep(Duration.millis(deafUntil - now()))
    let pause = againMillis
    while (true) {
      const exit = yield* Effect.exit(hearing(subscription))
      if (Exit.isSuccess(exit) && !exit.value) deafUntil = now() + deafMillis
      subscription.cause = Exit.isFailure(exit)
        ? Cause.squash(exit.cause)
        : "NOTIFY is not heard, as behind a pooler in transaction mode"
      pause = subscription.up ? againMillis : Math.min(pause * 2, againAtMostMillis)
      subscription.up = false
      Deferred.doneUnsafe(subscription.settled, Effect.void)
      handlers.down(subscription.cause)
      yield* Effect.sleep(Duration.millis(Math.max(pause * (0.5 + Math.random()), deafUntil - now())))
    }
  })

  const subscribe = Effect.gen(function*() {
    const subscription: Subscription = {
      settled: Deferred.makeUnsafe(),
      up: false,
      cause: listen === undefined ? "the client has no LISTEN" : "the subscription is not answered"
    }
    if (!mayHear()) Deferred.doneUnsafe(subscription.settled, Effect.void)
    if (listen !== undefined) yield* Effect.forkScoped(staying(subscription))
    return subscription
  })

  return { subscribe, mayHear }
}
