/** A lock store among the tabs and workers of one origin. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { BackendFailure, LockError } from "../../LockError.ts"
import type { Acquired, Attempt, Claim, Grant, Holder, LockStore, Observer } from "../../LockStore.ts"
import { monotonicMillis } from "../time.ts"
import * as Ages from "./age.ts"
import * as Changes from "./changes.ts"
import * as Channel from "./channel.ts"
import * as Home from "./home.ts"
import * as Presence from "./presence.ts"
import * as Record from "./record.ts"
import * as Table from "./table.ts"
import * as Waiting from "./waiting.ts"

/** Browsers round their clocks, up to this much to prevent fingerprinting. */
const roundingMillis = 100

const unsupported = (description: string, cause?: unknown) =>
  new LockError({
    reason: new BackendFailure({
      backend: Table.backend,
      operation: "connect",
      kind: "Unsupported",
      retryable: false,
      description,
      cause
    })
  })

const wasAway = (operation: string, key: string) =>
  new BackendFailure({
    backend: Table.backend,
    operation,
    key,
    kind: "Unknown",
    retryable: true,
    description: "the page was put away meanwhile"
  })

/** The required APIs. A page that is neither https nor from localhost has no Web Locks. */
const required = (): string | undefined => {
  if (typeof indexedDB === "undefined") return "IndexedDB is missing: this is no browser, or storage is switched off"
  if (typeof navigator === "undefined" || navigator.locks === undefined) {
    return "Web Locks are missing: the page must come by https, or from localhost"
  }
  return typeof BroadcastChannel === "undefined" ? "BroadcastChannel is missing" : undefined
}

export const make = Effect.fnUntraced(function*(name: string): Effect.fn.Return<LockStore, LockError, Scope.Scope> {
  const missing = required()
  if (missing !== undefined) return yield* unsupported(missing)

  const context = yield* Effect.context<never>()
  const run = Effect.runForkWith(context)
  const clock = Context.get(context, Clock.Clock)
  const monotonic = () => monotonicMillis(clock)
  const wall = () => clock.currentTimeMillisUnsafe()

  const ages = Ages.make(wall, monotonic)
  const table = yield* Table.make(name, wall)
  const presence = yield* Effect.mapError(
    Presence.make(name, yield* Home.of(name, table.identity)),
    (cause) => unsupported("Web Locks are refused to this page", cause)
  )
  const waiting = Waiting.make(presence)
  const channel = yield* Channel.make(
    name,
    (message) => hear(message),
    (cause) => unsupported("BroadcastChannel is refused to this page", cause)
  )
  let observers: ReadonlyArray<Observer> = []
  presence.tell({
    left: () => {
      for (const { ended } of observers) ended?.()
      waiting.rest()
      channel.leave()
      table.abort()
    },
    came: () => {
      channel.listen()
      waiting.tellAll()
    }
  })

  const viewOf = (key: string): Changes.View => ({
    stamp: ages.stamp(),
    remaining: (holder) => holder.lease + roundingMillis - ages.of(key, holder.token, holder, holder.lease),
    absence: (absent) => ages.of(key, absent.token, absent, Changes.absentMillis),
    isDead: presence.isGone
  })

  /** Finds out which of these tabs are gone, and returns whether any is. */
  const areGone = (
    operation: string,
    key: string,
    tabs: ReadonlyArray<string>
  ): Effect.Effect<boolean, BackendFailure> => {
    const others = tabs.filter((other) => other !== presence.tab() && other !== Record.nobody)
    if (others.length === 0) return Effect.succeed(false)
    return Effect.tryPromise({
      try: () => presence.find(others),
      catch: (cause) =>
        new BackendFailure({ backend: Table.backend, operation, key, kind: "Unknown", retryable: true, cause })
    })
  }

  const hear = ({ key, to }: Channel.Message): void => {
    const isOffer = typeof to !== "string"
    if (isOffer) waiting.watch(key, to.tab)
    const token = isOffer ? to.token : to
    const listener = waiting.of(token)
    if (listener?.key !== key) return
    if (isOffer) run(accept(key, token, listener))
    else listener.notify(undefined)
  }

  /**
   * While the page is away nothing is asked for: an answer would wake it, and end it. What
   * it does under a name that it has no more others do not know of.
   */
  const update = <A>(
    operation: string,
    key: string,
    change: (
      record: Record.Record,
      view: Changes.View,
      tab: string,
      nextToken: () => number
    ) => Changes.Change<A>
  ): Effect.Effect<A, BackendFailure> =>
    Effect.flatMap(presence.here, (tab) =>
      Effect.flatMap(
        table.update(operation, key, (record, nextToken) => {
          const { next, ...told } = change(record, viewOf(key), tab, nextToken)
          const { holders, queue } = next ?? record
          ages.keep(key, new Set([...holders, ...queue].map(({ token }) => token)))
          return { answer: told, next }
        }),
        ({ answer, missed, offered = [] }) => {
          for (const to of offered) channel.say(key, to)
          if (missed !== undefined) channel.say(key, missed)
          return presence.tab() === tab ? Effect.succeed(answer) : wasAway(operation, key)
        }
      ))

  /**
   * Accepts an offer at once, and not when the waiter gets to it: browsers throttle the timers of a
   * hidden tab, but not its messages.
   */
  const accept = (key: string, token: string, listener: Waiting.Listener): Effect.Effect<void> => {
    const sinceMillis = monotonic()
    const { expires: leaseMillis, outlives } = listener
    return update("acquire", key, (record, view, tab, nextToken): Changes.Change<Grant | undefined> => {
      const { answer, next } = Changes.accept(record, { token, tab, expires: leaseMillis, outlives }, view)
      return { answer: answer ? { fencingToken: nextToken(), sinceMillis, leaseMillis } : undefined, next }
    }).pipe(
      Effect.map((grant) => listener.notify(grant)),
      // The waiter then claims by itself, and gets the error.
      Effect.catch(() => Effect.sync(() => listener.notify(undefined)))
    )
  }

  const tryAcquire = (asked: Claim): Effect.Effect<Attempt, BackendFailure> => {
    const { expiresMillis: expires, key, outlives = false, share, token, wait } = asked
    const listener = waiting.of(token)
    if (listener !== undefined) Object.assign(listener, { expires, outlives })
    return Effect.flatMap(
      update("acquire", key, (record, view, tab, nextToken): Changes.Change<Acquired | Changes.Held> => {
        const { answer, ...change } = Changes.claim(record, { token, tab, expires, wait, outlives, share }, view)
        return { answer: answer._tag === "Acquired" ? { ...answer, fencingToken: nextToken() } : answer, ...change }
      }),
      (answer): Effect.Effect<Attempt, BackendFailure> => {
        if (answer._tag === "Acquired") return Effect.succeed(answer)
        const { remaining, tabs, token, waiters } = answer
        const held: Attempt = { _tag: "Held", token, remainingMillis: remaining, waiters }
        if (listener !== undefined) {
          waiting.watchOnly(listener, tabs)
          return Effect.succeed(held)
        }
        // A claim that does not wait finds out now who is gone, and tries again.
        return Effect.flatMap(areGone("acquire", key, tabs), (are) => are ? tryAcquire(asked) : Effect.succeed(held))
      }
    )
  }

  const transfer = (
    from: string,
    { expiresMillis: expires, key, outlives = false, token }: Claim
  ): Effect.Effect<Attempt, BackendFailure> =>
    update("acquire", key, (record, view, tab, nextToken): Changes.Change<Attempt> => {
      const { answer, next } = Changes.transfer(record, from, { token, tab, expires, outlives }, view)
      if (answer._tag === "Acquired") return { answer: { _tag: "Acquired", fencingToken: nextToken() }, next }
      const { remaining: remainingMillis, token: holder, waiters } = answer
      return { answer: { _tag: "Held", token: holder, remainingMillis, waiters }, next }
    })

  const holders = (key: string): Effect.Effect<ReadonlyArray<Holder>, BackendFailure> =>
    Effect.flatMap(table.read("inspect", key), (record) => {
      const seen = Changes.living(record, viewOf(key))
      return Effect.map(areGone("inspect", key, seen.map(({ tab }) => tab)), () => {
        const now = viewOf(key)
        return Changes.living(record, now).map((holder) => ({
          token: holder.token,
          remainingMillis: now.remaining(holder),
          waiters: record.queue.length,
          ...(holder.permits !== undefined && { permits: holder.permits })
        }))
      })
    })

  const inspect = (key: string) => Effect.map(holders(key), ([first]) => Option.fromUndefinedOr(first))

  const list = Effect.fnUntraced(function*(prefix: string, from: string | undefined) {
    const keys = yield* table.keys(prefix, from)
    const looked = yield* Effect.forEach(
      keys,
      (key) => Effect.map(inspect(key), Option.map((holder) => ({ key, ...holder }))),
      { concurrency: "unbounded" }
    )
    const locks = looked.flatMap(Option.toArray)
    return keys.length < Table.pageSize ? { locks } : { locks, next: keys[keys.length - 1] }
  })

  return {
    name: Table.backend,
    // All tabs use the same clock of the host, and rounding is accounted for.
    drift: 0,
    shares: true,
    // A safety net: waiters are notified.
    retry: Schedule.jittered(Schedule.spaced(Duration.seconds(1))),
    tryAcquire,
    extend: ({ expiresMillis, key, outlives = false, token }) =>
      update("extend", key, (record, view) => Changes.extend(record, token, expiresMillis, view, outlives)),
    transfer,
    release: (key, token) => update("release", key, (record, view) => Changes.release(record, token, view)),
    inspect,
    holders,
    list,
    observe: (observer) => {
      observers = [...observers, observer]
      return () => {
        observers = observers.filter((other) => other !== observer)
      }
    },
    listen: (key, token, notify) =>
      Effect.acquireRelease(
        Effect.sync(() => waiting.add(key, token, notify)),
        () => Effect.sync(() => waiting.remove(token))
      )
  }
})
