/**
 * Notifications of grants: while anybody here waits, one connection listens on a channel of this
 * store, on which a release notifies it of the grant to a waiter.
 *
 * A pooler in between may accept `LISTEN` and receive nothing, and a connection may die silently.
 * So the store sends itself a greeting at the start and regularly; if it is not received, the
 * waiters have to poll.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import * as RcRef from "effect/RcRef"
import * as Scope from "effect/Scope"
import type { Grant } from "../../LockStore.ts"
import type { Notices } from "../notices.ts"
import { deadlineMillis, type Link } from "./link.ts"
import type { Server } from "./server.ts"
import { Watchers } from "./watchers.ts"

type Notify = (grant: Grant | undefined) => void

interface Listener {
  readonly notify: Notify
  /** Its entry in the queue has no channel: it gets no message, and polls. */
  polls: boolean
}

interface Subscription {
  readonly settled: Deferred.Deferred<void>
  /** Open while anybody has to poll. */
  readonly poll: Latch.Latch
  up: boolean
  /** Why there is no subscription. */
  cause: unknown
}

export interface Grants {
  readonly listen: (token: string, notify: Notify) => Effect.Effect<void, never, Scope.Scope>
  /** Calls `changed` on each change of a row, and perhaps more often, while the subscription works. */
  readonly watch: (row: string, changed: () => void) => Effect.Effect<void, never, Scope.Scope>
  /** The channel for a waiting token, if there is one; asked when the token joins a queue. */
  readonly channelFor: (token: string) => string | undefined
}

/** How long the first waiter waits for the subscription before it polls. */
const settleMillis = 300

/** How long an idle subscription is kept for the next waiter. */
const idleMillis = 3000

/** How long a greeting may take. */
const greetingMillis = 500

/**
 * How often a greeting is sent, and how long after the last one that arrived a subscription is
 * given up.
 */
const greetEveryMillis = 4000
const deafAfterMillis = 9000

/** How often watchers renew their entries, which is more often than rows are deleted. */
const enrolledMillis = 30_000

/** How long to wait for the next try when no greeting arrived at all. */
const deafMillis = 60_000

/** The first and the longest pause before a subscription that ended is tried again. */
const againMillis = 100
const againAtMostMillis = 2000

const greeting = "1 hello"

const changed = /^1 \? (.*)$/s

const granted = /^1 ([\w.-]+) (\d{1,16}) (\d{1,16}) (-?\d{1,16}) (.*)$/s

const pollMillis = () => Duration.millis(10 + Math.random() * 30)

/** What a message says: a row was granted to a token that listens, or to one that does not. */
interface Told {
  readonly granted: (token: string) => void
  readonly stray: (token: string, row: string) => void
}

export const make = Effect.fnUntraced(function*(
  link: Link,
  channel: string,
  { now, serverClock, statements }: Server,
  told: Told,
  notices: Notices
): Effect.fn.Return<Grants, never, Scope.Scope> {
  const listeners = new Map<string, Listener>()
  const watchers = new Watchers(link, statements, channel)
  let current: Subscription | undefined
  let deafUntil = -Infinity

  const hear = (payload: string): void => {
    const seen = changed.exec(payload)?.[1]
    if (seen !== undefined) return watchers.tell(seen)
    const match = granted.exec(payload)
    if (match === null) return
    const [, token, fence, micros, lease, row] = match
    const listener = listeners.get(token)
    if (listener === undefined) return told.stray(token, row)
    told.granted(token)
    const since = serverClock.earliest(Number(micros))
    listener.notify(
      since === undefined
        ? undefined
        : { fencingToken: Number(fence), sinceMillis: Math.min(now(), since), leaseMillis: Number(lease) }
    )
  }

  const nudge = (): void => {
    for (const { notify } of Array.from(listeners.values())) notify(undefined)
  }

  /** Entries that were deleted are made again. */
  const enrolling = (subscription: Subscription) =>
    Effect.forever(Effect.andThen(
      Effect.sleep(Duration.millis(enrolledMillis)),
      Effect.sync(() => {
        if (subscription.up) watchers.enrollAll()
      })
    ))

  const greet = Effect.callback<void, unknown>((resume) =>
    link.run(
      "SELECT pg_notify($1::text, $2::text)",
      [channel, greeting],
      (rows, error) => resume(rows === undefined ? Effect.fail(error) : Effect.void)
    )
  )

  /** Listens until that fails or greetings no longer arrive; says whether one ever did. */
  const hearing = Effect.fnUntraced(function*(subscription: Subscription) {
    const scope = yield* Scope.make()
    const queue = yield* Scope.provide(link.listen!(channel), scope).pipe(
      Effect.timeout(Duration.millis(deadlineMillis)),
      Effect.onExit((exit) => Exit.isFailure(exit) ? leave(scope) : Effect.void)
    )
    let heardAt: number | undefined
    const reading = Effect.forever(Effect.map(Queue.take(queue), ({ payload }) => {
      if (payload !== greeting) return hear(payload)
      heardAt = now()
      deafUntil = -Infinity
      if (subscription.up) return
      subscription.up = true
      notices.told()
      watchers.enrollAll()
      // Those who wait for the first answer are not in a queue yet.
      if (!Deferred.doneUnsafe(subscription.settled, Effect.void)) nudge()
    }))
    const greeting_ = Effect.gen(function*() {
      yield* greet
      yield* Effect.sleep(Duration.millis(greetingMillis))
      if (heardAt === undefined) return false
      while (now() - heardAt < deafAfterMillis) {
        yield* Effect.sleep(Duration.millis(greetEveryMillis))
        yield* Effect.ignore(greet)
      }
      return true
    })
    return yield* Effect.raceFirst(reading, greeting_).pipe(Effect.ensuring(leave(scope)))
  })

  /** Closing a dead connection takes time, which nobody waits for. */
  const leave = (scope: Scope.Closeable): Effect.Effect<void> =>
    Effect.asVoid(Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true }))

  const staying = Effect.fnUntraced(function*(subscription: Subscription) {
    let pause = againMillis
    while (true) {
      const exit = yield* Effect.exit(hearing(subscription))
      if (Exit.isSuccess(exit) && !exit.value) deafUntil = now() + deafMillis
      subscription.cause = Exit.isFailure(exit)
        ? Cause.squash(exit.cause)
        : "NOTIFY is not heard, as behind a pooler in transaction mode"
      if (listeners.size > 0) notices.polling(subscription.cause)
      pause = subscription.up ? againMillis : Math.min(pause * 2, againAtMostMillis)
      subscription.up = false
      serverClock.forget()
      Deferred.doneUnsafe(subscription.settled, Effect.void)
      subscription.poll.openUnsafe()
      yield* Effect.sleep(Duration.millis(Math.max(pause * (0.5 + Math.random()), deafUntil - now())))
    }
  })

  const polling = Effect.fnUntraced(function*(subscription: Subscription) {
    while (true) {
      yield* subscription.poll.await
      yield* Effect.sleep(pollMillis())
      let polled = false
      for (const { notify, polls } of Array.from(listeners.values())) {
        if (subscription.up && !polls) continue
        polled = true
        notify(undefined)
      }
      if (!polled) subscription.poll.closeUnsafe()
    }
  })

  const subscribe = Effect.gen(function*() {
    const subscription: Subscription = {
      settled: Deferred.makeUnsafe(),
      poll: Latch.makeUnsafe(),
      up: false,
      cause: link.listen === undefined ? "the client has no LISTEN" : "the subscription is not answered"
    }
    current = subscription
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (current === subscription) current = undefined
      })
    )
    yield* Effect.forkScoped(polling(subscription))
    yield* Effect.forkScoped(enrolling(subscription))
    // After a failed subscription, nobody waits for the next one.
    if (link.listen === undefined || deafUntil !== -Infinity) Deferred.doneUnsafe(subscription.settled, Effect.void)
    if (link.listen !== undefined) {
      const wait = Effect.suspend(() => Effect.sleep(Duration.millis(Math.max(0, deafUntil - now()))))
      yield* Effect.forkScoped(Effect.andThen(now() < deafUntil ? wait : Effect.void, staying(subscription)))
    }
    return subscription
  })

  const shared = yield* RcRef.make({ acquire: subscribe, idleTimeToLive: Duration.millis(idleMillis) })

  return {
    listen: Effect.fnUntraced(function*(token, notify) {
      const subscription = yield* RcRef.get(shared)
      yield* Effect.acquireRelease(
        Effect.sync(() => listeners.set(token, { notify, polls: false })),
        () => Effect.sync(() => listeners.delete(token))
      )
      if (!Deferred.isDoneUnsafe(subscription.settled)) {
        yield* Effect.timeoutOption(Deferred.await(subscription.settled), Duration.millis(settleMillis))
      }
      if (subscription.up) return
      subscription.poll.openUnsafe()
      notices.polling(subscription.cause)
    }),
    watch: Effect.fnUntraced(function*(row, notify) {
      const subscription = yield* RcRef.get(shared)
      yield* Effect.acquireRelease(
        Effect.sync(() => watchers.add(row, notify)),
        () => Effect.sync(() => watchers.remove(row, notify))
      )
      // It may have come up only now, and then it has already enrolled the others.
      if (subscription.up) watchers.enroll(row)
    }),
    channelFor: (token) => {
      const listener = listeners.get(token)
      if (listener === undefined) return undefined
      if (current?.up !== true) current?.poll.openUnsafe()
      // A token that will listen gets messages only from then on. Before that it polls, and messages are lost.
      if (link.listen === undefined || deafUntil !== -Infinity) listener.polls = true
      return listener.polls ? undefined : channel
    }
  }
})
