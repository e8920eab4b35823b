/**
 * Notifications of grants and of changes: while anybody here waits, one connection listens on a
 * channel of this store, on which a release notifies it of the grant to a waiter. Where messages do
 * not arrive, the waiters have to poll.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as RcRef from "effect/RcRef"
import type * as Scope from "effect/Scope"
import type { Grant } from "../../LockStore.ts"
import type { Notices } from "../notices.ts"
import type { Link } from "./link.ts"
import type { Server } from "./server.ts"
import * as Subscriptions from "./subscription.ts"
import { Watchers } from "./watchers.ts"

type Notify = (grant: Grant | undefined) => void

interface Listener {
  readonly notify: Notify
  /** Its entry in the queue has no channel: it gets no message, and polls. */
  polls: boolean
}

interface Listening {
  readonly subscription: Subscriptions.Subscription
  /** Open while anybody has to poll. */
  readonly poll: Latch.Latch
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

/** How often watchers renew their entries, which is more often than rows are deleted. */
const enrolledMillis = 30_000

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
  let current: Listening | undefined

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

  const { mayHear, subscribe } = Subscriptions.make(link, channel, now, {
    message: hear,
    up: (isFirst) => {
      notices.told()
      watchers.enrollAll()
      // Those who wait for the first answer are not in a queue yet.
      if (isFirst) return
      for (const { notify } of Array.from(listeners.values())) notify(undefined)
    },
    down: (cause) => {
      if (listeners.size > 0) notices.polling(cause)
      serverClock.forget()
      current?.poll.openUnsafe()
    }
  })

  const polling = Effect.fnUntraced(function*({ poll, subscription }: Listening) {
    while (true) {
      yield* poll.await
      yield* Effect.sleep(pollMillis())
      let polled = false
      for (const { notify, polls } of Array.from(listeners.values())) {
        if (subscription.up && !polls) continue
        polled = true
        notify(undefined)
      }
      if (!polled) poll.closeUnsafe()
    }
  })

  /** Entries that were deleted are made again. */
  const enrolling = ({ subscription }: Listening) =>
    Effect.forever(Effect.andThen(
      Effect.sleep(Duration.millis(enrolledMillis)),
      Effect.sync(() => {
        if (subscription.up) watchers.enrollAll()
      })
    ))

  const listening = Effect.gen(function*() {
    const own: Listening = { subscription: yield* subscribe, poll: Latch.makeUnsafe() }
    current = own
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (current === own) current = undefined
      })
    )
    yield* Effect.forkScoped(polling(own))
    yield* Effect.forkScoped(enrolling(own))
    return own
  })

  const shared = yield* RcRef.make({ acquire: listening, idleTimeToLive: Duration.millis(idleMillis) })

  return {
    listen: Effect.fnUntraced(function*(token, notify) {
      const { poll, subscription } = yield* RcRef.get(shared)
      yield* Effect.acquireRelease(
        Effect.sync(() => listeners.set(token, { notify, polls: false })),
        () => Effect.sync(() => listeners.delete(token))
      )
      if (!Deferred.isDoneUnsafe(subscription.settled)) {
        yield* Effect.timeoutOption(Deferred.await(subscription.settled), Duration.millis(settleMillis))
      }
      if (subscription.up) return
      poll.openUnsafe()
      notices.polling(subscription.cause)
    }),
    watch: Effect.fnUntraced(function*(row, notify) {
      const { subscription } = yield* RcRef.get(shared)
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
      if (current?.subscription.up !== true) current?.poll.openUnsafe()
      // A token that will listen gets messages only from then on. Before that it polls, and messages are lost.
      if (!mayHear()) listener.polls = true
      return listener.polls ? undefined : channel
    }
  }
})
