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
import * as Presence from "./presence.ts"
import * as Record from "./record.ts"
import * as Table from "./table.ts"

/** Clocks of browsers are rounded, to as much as this where they hide who reads them. */
const roundingMillis = 100

/** More tabs than this that are gone are not remembered: who asks again finds out again. */
const mostDead = 1_000

interface Listener {
  readonly key: string
  readonly notify: (grant: Grant | undefined) => void
  /** How the lease is to be. */
  expires: number
  outlives: boolean
  /** The tabs whose end it waits for, and how to do so no more. */
  readonly watched: Map<string, () => void>
}

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

/** What must be there. A page that is neither https nor of localhost has no Web Locks. */
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
  const dead = new Set<string>()
  const listeners = new Map<string, Listener>()
  let observers: ReadonlyArray<Observer> = []

  /** A page that is kept frozen would have to hear what is said meanwhile. */
  let channel: BroadcastChannel | undefined
  const tuneIn = () => {
    channel = new BroadcastChannel(name)
    channel.addEventListener("message", ({ data }) => {
      const message = Record.decodeMessage(data)
      if (message !== undefined) hear(message)
    })
  }
  const tuneOut = () => {
    channel?.close()
    channel = undefined
  }

  const presence = yield* Effect.mapError(
    Presence.make(name, {
      left: (tab) => {
        bury(tab)
        for (const { ended } of observers) ended?.()
        for (const listener of listeners.values()) unwatch(listener)
        tuneOut()
      },
      came: () => {
        tuneIn()
        for (const { notify } of listeners.values()) notify(undefined)
      }
    }),
    (cause) => unsupported("Web Locks are refused to this page", cause)
  )
  const table = yield* Table.make(name, wall)
  yield* Effect.acquireRelease(Effect.sync(tuneIn), () => Effect.sync(tuneOut))

  const bury = (gone: string): void => {
    if (dead.size >= mostDead) dead.clear()
    dead.add(gone)
  }

  const viewOf = (key: string): Record.View => ({
    stamp: ages.stamp(),
    remaining: (holder) => holder.lease + roundingMillis - ages.of(key, holder.token, holder, holder.lease),
    absence: (absent) => ages.of(key, absent.token, absent, Record.absentMillis),
    isDead: (tab) => dead.has(tab)
  })

  /** Finds out which of these tabs are gone: whether any is. */
  const areGone = (
    operation: string,
    key: string,
    tabs: ReadonlyArray<string>
  ): Effect.Effect<boolean, BackendFailure> => {
    const others = tabs.filter((other) => other !== presence.tab() && other !== Record.nobody)
    if (others.length === 0) return Effect.succeed(false)
    return Effect.map(
      Effect.tryPromise({
        try: () => presence.gone(others),
        catch: (cause) =>
          new BackendFailure({ backend: Table.backend, operation, key, kind: "Unknown", retryable: true, cause })
      }),
      (gone) => {
        for (const tab of gone) bury(tab)
        return gone.length > 0
      }
    )
  }

  /** Has a listener told when a tab is gone whose end may let it in. */
  const watch = (listener: Listener, other: string): void => {
    const { notify, watched } = listener
    if (other === presence.tab() || other === Record.nobody || watched.has(other)) return
    watched.set(
      other,
      presence.watch(other, () => {
        bury(other)
        notify(undefined)
      })
    )
  }

  const unwatch = ({ watched }: Listener, except: ReadonlyArray<string> = []): void => {
    for (const [tab, end] of watched) {
      if (except.includes(tab)) continue
      watched.delete(tab)
      end()
    }
  }

  const hear = ({ key, to }: Record.Message): void => {
    const isOffer = typeof to !== "string"
    if (isOffer) { for (const listener of listeners.values()) if (listener.key === key) watch(listener, to.tab) }
    const token = isOffer ? to.token : to
    const listener = listeners.get(token)
    if (listener?.key !== key) return
    if (isOffer) run(accept(key, token, listener))
    else listener.notify(undefined)
  }

  const say = (key: string, to: Record.Message["to"]): void => {
    const message: Record.Message = { version: 2, key, to }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is no window
    channel?.postMessage(message)
    // Which a channel does not bring to who said it.
    hear(message)
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
      view: Record.View,
      tab: string,
      nextToken: () => number
    ) => Record.Change<A>
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
          for (const to of offered) say(key, to)
          if (missed !== undefined) say(key, missed)
          return presence.tab() === tab ? Effect.succeed(answer) : wasAway(operation, key)
        }
      ))

  /**
   * Takes what has been offered, at once and not when the one who waits gets to
   * it: browsers put off the timers of a hidden tab, but no messages.
   */
  const accept = (key: string, token: string, listener: Listener): Effect.Effect<void> => {
    const sinceMillis = monotonic()
    const { expires: leaseMillis, outlives } = listener
    return update("acquire", key, (record, view, tab, nextToken): Record.Change<Grant | undefined> => {
      const { answer, next } = Record.accept(record, { token, tab, expires: leaseMillis, outlives }, view)
      return { answer: answer ? { fencingToken: nextToken(), sinceMillis, leaseMillis } : undefined, next }
    }).pipe(
      Effect.map((grant) => listener.notify(grant)),
      // Who waits asks for itself, and is told what is wrong.
      Effect.catch(() => Effect.sync(() => listener.notify(undefined)))
    )
  }

  const tryAcquire = (asked: Claim): Effect.Effect<Attempt, BackendFailure> => {
    const { expiresMillis: expires, key, outlives = false, share, token, wait } = asked
    const listener = listeners.get(token)
    if (listener !== undefined) Object.assign(listener, { expires, outlives })
    return Effect.flatMap(
      update("acquire", key, (record, view, tab, nextToken): Record.Change<Acquired | Record.Held> => {
        const { answer, ...change } = Record.claim(record, { token, tab, expires, wait, outlives, share }, view)
        return { answer: answer._tag === "Acquired" ? { ...answer, fencingToken: nextToken() } : answer, ...change }
      }),
      (answer): Effect.Effect<Attempt, BackendFailure> => {
        if (answer._tag === "Acquired") return Effect.succeed(answer)
        const { remaining, tabs, token, waiters } = answer
        const held: Attempt = { _tag: "Held", token, remainingMillis: remaining, waiters }
        if (listener !== undefined) {
          for (const other of tabs) watch(listener, other)
          unwatch(listener, tabs)
          return Effect.succeed(held)
        }
        // Who does not wait finds out now, and goes on to whoever is next.
        return Effect.flatMap(areGone("acquire", key, tabs), (are) => are ? tryAcquire(asked) : Effect.succeed(held))
      }
    )
  }

  const transfer = (
    from: string,
    { expiresMillis: expires, key, outlives = false, token }: Claim
  ): Effect.Effect<Attempt, BackendFailure> =>
    update("acquire", key, (record, view, tab, nextToken): Record.Change<Attempt> => {
      const { answer, next } = Record.transfer(record, from, { token, tab, expires, outlives }, view)
      if (answer._tag === "Acquired") return { answer: { _tag: "Acquired", fencingToken: nextToken() }, next }
      const { remaining: remainingMillis, token: holder, waiters } = answer
      return { answer: { _tag: "Held", token: holder, remainingMillis, waiters }, next }
    })

  const holders = (key: string): Effect.Effect<ReadonlyArray<Holder>, BackendFailure> =>
    Effect.flatMap(table.read("inspect", key), (record) => {
      const seen = Record.living(record, viewOf(key))
      return Effect.map(areGone("inspect", key, seen.map(({ tab }) => tab)), () => {
        const now = viewOf(key)
        return Record.living(record, now).map((holder) => ({
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
    // Every tab reckons by the same clock of the host, and rounding has been allowed for.
    drift: 0,
    shares: true,
    // A safety net: who waits is told.
    retry: Schedule.jittered(Schedule.spaced(Duration.seconds(1))),
    tryAcquire,
    extend: ({ expiresMillis, key, outlives = false, token }) =>
      update("extend", key, (record, view) => Record.extend(record, token, expiresMillis, view, outlives)),
    transfer,
    release: (key, token) => update("release", key, (record, view) => Record.release(record, token, view)),
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
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => {
          const listener: Listener = {
            key,
            notify,
            expires: 0,
            outlives: false,
            watched: new Map()
          }
          listeners.set(token, listener)
          return listener
        }),
        (listener) =>
          Effect.sync(() => {
            listeners.delete(token)
            unwatch(listener)
          })
      ))
  }
})
