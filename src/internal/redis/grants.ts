/**
 * Waiting without asking: one subscription per process, to the channel on which
 * releasers tell what they have given to it.
 *
 * Where the subscription is missing (the server's rules forbid it, or the
 * connection is down), waiters are told to ask again every now and then instead.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as RcMap from "effect/RcMap"
import type * as Scope from "effect/Scope"
import type { Grant } from "../../LockStore.ts"
import * as Keys from "./keys.ts"
import type { Transport } from "./transport.ts"

type Notify = (grant: Grant | undefined) => void

interface Listener {
  readonly notify: Notify
  /** It told the server that it would ask. */
  polls: boolean
}

interface Subscription {
  readonly listeners: Map<string, Listener>
  readonly settled: Deferred.Deferred<void>
  readonly poll: Latch.Latch
  up: boolean
}

export interface Grants {
  readonly listen: (token: string, notify: Notify) => Effect.Effect<void, never, Scope.Scope>
  /** Whether the token's listener will hear of a grant; asked when the token goes into a queue. */
  readonly listens: (token: string) => boolean
  /** A reply to something sent at `sentAt` says that the server's clock is at `micros`. */
  readonly observe: (sentAt: number, micros: number) => void
  readonly reset: () => void
  /** Makes everybody ask again. */
  readonly nudge: () => void
}

/** How long the first waiter waits for the subscription before it asks without. */
const settleMillis = 250

/** How long an idle subscription is kept for the next waiter. */
const idleMillis = 1000

const pollMillis = () => Duration.millis(10 + Math.random() * 30)

/** A lower bound of the clocks' distance loses its worth as they drift. */
const boundMillis = 10_000

/** `stray` is called with a token that was given a lock although nobody here listens for it. */
export const make = Effect.fnUntraced(function*(
  transport: Transport,
  prefix: string,
  now: () => number,
  stray: (token: string, lock: string) => void
): Effect.fn.Return<Grants, never, Scope.Scope> {
  /**
   * Our monotonic clock minus the server's, at least: a reply was written after
   * its request was sent.
   */
  let offset: number | undefined
  let offsetAt = 0
  let refused = false
  const subscriptions = new Set<Subscription>()
  const byToken = new Map<string, Subscription>()

  const grantOf = (micros: number, leaseMillis: number): Grant | undefined => {
    if (offset === undefined || !transport.oneClock) return undefined
    return { fencingToken: micros, sinceMillis: Math.min(now(), offset + micros / 1000), leaseMillis }
  }

  const subscribe = (owner: string): Effect.Effect<Subscription, never, Scope.Scope> =>
    Effect.gen(function*() {
      const subscription: Subscription = {
        listeners: new Map(),
        settled: Deferred.makeUnsafe(),
        poll: Latch.makeUnsafe(),
        up: false
      }
      const settle = () => Deferred.doneUnsafe(subscription.settled, Effect.void)
      const down = () => {
        subscription.up = false
        settle()
        if (subscription.listeners.size > 0) subscription.poll.openUnsafe()
      }
      if (refused) settle()
      else {
        yield* Effect.acquireRelease(
          Effect.sync(() =>
            transport.subscribe(Keys.channelPrefix(prefix) + owner, {
              message: (message) => {
                const [token, micros, lease] = message.split(" ", 3)
                const listener = subscription.listeners.get(token)
                if (listener !== undefined) listener.notify(grantOf(Number(micros), Number(lease)))
                else stray(token, message.slice(token.length + micros.length + lease.length + 3))
              },
              up: () => {
                subscription.up = true
                // Those who wait for the first answer have not asked for anything yet.
                if (settle()) return
                for (const { notify } of subscription.listeners.values()) notify(undefined)
              },
              down,
              refused: () => {
                refused = true
                down()
              }
            })
          ),
          (unsubscribe) => Effect.sync(unsubscribe)
        )
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => subscriptions.add(subscription)),
        () => Effect.sync(() => subscriptions.delete(subscription))
      )
      yield* Effect.forkScoped(poll(subscription))
      return subscription
    })

  const poll = Effect.fnUntraced(function*(subscription: Subscription) {
    while (true) {
      yield* subscription.poll.await
      yield* Effect.sleep(pollMillis())
      let polled = false
      for (const { notify, polls } of subscription.listeners.values()) {
        if (subscription.up && !polls) continue
        polled = true
        if (!transport.isDown()) notify(undefined)
      }
      if (!polled) subscription.poll.closeUnsafe()
    }
  })

  const shared = yield* RcMap.make({ lookup: subscribe, idleTimeToLive: Duration.millis(idleMillis) })

  const listen = Effect.fnUntraced(function*(token: string, notify: Notify) {
    const subscription = yield* RcMap.get(shared, Keys.ownerOf(token))
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        subscription.listeners.set(token, { notify, polls: false })
        byToken.set(token, subscription)
      }),
      () =>
        Effect.sync(() => {
          subscription.listeners.delete(token)
          byToken.delete(token)
        })
    )
    if (!Deferred.isDoneUnsafe(subscription.settled)) {
      yield* Effect.timeoutOption(Deferred.await(subscription.settled), Duration.millis(settleMillis))
    }
    if (!subscription.up) subscription.poll.openUnsafe()
  })

  return {
    listen,
    listens: (token) => {
      const subscription = byToken.get(token)
      if (subscription === undefined) return false
      if (subscription.up) return true
      const listener = subscription.listeners.get(token)
      if (listener !== undefined) listener.polls = true
      return false
    },
    observe: (sentAt, micros) => {
      const bound = sentAt - micros / 1000
      if (offset !== undefined && bound <= offset && sentAt - offsetAt < boundMillis) return
      offset = bound
      offsetAt = sentAt
    },
    reset: () => {
      offset = undefined
    },
    nudge: () => {
      for (const { listeners } of subscriptions) {
        for (const { notify } of listeners.values()) notify(undefined)
      }
    }
  }
})
