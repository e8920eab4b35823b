/** A lock store among the tabs and workers of one origin. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { BackendFailure, LockError } from "../../LockError.ts"
import type { Acquired, Attempt, Claim, Grant, LockStore } from "../../LockStore.ts"
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
  /** Whose end it waits for. */
  watched: string | undefined
  unwatch: (() => void) | undefined
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

  const presence = yield* Effect.mapError(
    Presence.make(name),
    (cause) => unsupported("Web Locks are refused to this page", cause)
  )
  const table = yield* Table.make(name, wall)
  const channel = yield* Effect.acquireRelease(
    Effect.sync(() => new BroadcastChannel(name)),
    (channel) => Effect.sync(() => channel.close())
  )

  const { tab } = presence
  const ages = Ages.make(wall, monotonic)
  const dead = new Set<string>()
  const listeners = new Map<string, Listener>()

  const bury = (gone: string): void => {
    if (dead.size >= mostDead) dead.clear()
    dead.add(gone)
  }

  const viewOf = (key: string): Record.View => ({
    stamp: ages.stamp(),
    remaining: (holder) => holder.lease + roundingMillis - ages.of(key, holder, holder.lease),
    isDead: (tab) => dead.has(tab)
  })

  /** Looks whether a tab is there. */
  const isThere = (operation: string, key: string, other: string): Effect.Effect<boolean, BackendFailure> =>
    Effect.map(
      Effect.tryPromise({
        try: async () => other === Record.nobody || presence.isThere(other),
        catch: (cause) =>
          new BackendFailure({ backend: Table.backend, operation, key, kind: "Unknown", retryable: true, cause })
      }),
      (there) => {
        if (!there) bury(other)
        return there
      }
    )

  /** Has a listener told when the tab that has the key is gone. */
  const watch = (listener: Listener, holder: string): void => {
    if (listener.watched === holder) return
    listener.unwatch?.()
    listener.watched = holder
    listener.unwatch = holder === tab || holder === Record.nobody ? undefined : presence.watch(holder, () => {
      bury(holder)
      listener.notify(undefined)
    })
  }

  const hear = ({ key, to }: Record.Offer): void => {
    for (const listener of listeners.values()) if (listener.key === key) watch(listener, to.tab)
    const listener = listeners.get(to.token)
    if (listener?.key === key) run(accept(key, to.token, listener))
  }

  const say = (key: string, to: Record.Waiter): void => {
    const offer: Record.Offer = { version: 1, key, to }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is no window
    channel.postMessage(offer)
    // Which a channel does not bring to who said it.
    hear(offer)
  }

  const update = <A>(
    operation: string,
    key: string,
    change: (record: Record.Record, view: Record.View, nextToken: () => number) => Record.Change<A>
  ): Effect.Effect<A, BackendFailure> =>
    Effect.map(
      table.update(operation, key, (record, nextToken) => {
        const { answer, next, offered } = change(record, viewOf(key), nextToken)
        return { answer: { answer, offered }, next }
      }),
      ({ answer, offered }) => {
        if (offered !== undefined) say(key, offered)
        return answer
      }
    )

  /**
   * Takes what has been offered, at once and not when the one who waits gets to
   * it: browsers put off the timers of a hidden tab, but no messages.
   */
  const accept = (key: string, token: string, listener: Listener): Effect.Effect<void> => {
    const sinceMillis = monotonic()
    const { expires: leaseMillis, outlives } = listener
    return update("acquire", key, (record, view, nextToken): Record.Change<Grant | undefined> => {
      const { answer, next } = Record.accept(record, { token, tab, expires: leaseMillis, outlives }, view)
      return { answer: answer ? { fencingToken: nextToken(), sinceMillis, leaseMillis } : undefined, next }
    }).pipe(
      Effect.map((grant) => listener.notify(grant)),
      // Who waits asks for itself, and is told what is wrong.
      Effect.catch(() => Effect.sync(() => listener.notify(undefined)))
    )
  }

  const tryAcquire = (asked: Claim): Effect.Effect<Attempt, BackendFailure> => {
    const { expiresMillis: expires, key, outlives = false, token, wait } = asked
    const listener = listeners.get(token)
    if (listener !== undefined) Object.assign(listener, { expires, outlives })
    return Effect.flatMap(
      update("acquire", key, (record, view, nextToken): Record.Change<Acquired | Record.Held> => {
        const { answer, next, offered } = Record.claim(record, { token, tab, expires, wait, outlives }, view)
        return {
          answer: answer._tag === "Acquired" ? { _tag: "Acquired", fencingToken: nextToken() } : answer,
          next,
          offered
        }
      }),
      (answer): Effect.Effect<Attempt, BackendFailure> => {
        if (answer._tag === "Acquired") {
          ages.forget(key)
          return Effect.succeed(answer)
        }
        const { remaining, tab: holder, token, waiters } = answer
        const held: Attempt = { _tag: "Held", token, remainingMillis: remaining, waiters }
        if (listener !== undefined) watch(listener, holder)
        if (listener !== undefined || holder === tab) return Effect.succeed(held)
        // Who does not wait finds out now, and goes on to whoever is next.
        return Effect.flatMap(
          isThere("acquire", key, holder),
          (there) => there ? Effect.succeed(held) : tryAcquire(asked)
        )
      }
    )
  }

  const transfer = (
    from: string,
    { expiresMillis: expires, key, outlives = false, token }: Claim
  ): Effect.Effect<Attempt, BackendFailure> =>
    update("acquire", key, (record, view, nextToken): Record.Change<Attempt> => {
      const { answer, next } = Record.transfer(record, from, { token, tab, expires, outlives }, view)
      if (answer._tag === "Acquired") return { answer: { _tag: "Acquired", fencingToken: nextToken() }, next }
      const { remaining: remainingMillis, token: holder, waiters } = answer
      return { answer: { _tag: "Held", token: holder, remainingMillis, waiters }, next }
    })

  channel.addEventListener("message", ({ data }) => {
    const offer = Record.decodeOffer(data)
    if (offer !== undefined) hear(offer)
  })

  const inspect: LockStore["inspect"] = (key) =>
    Effect.flatMap(table.read("inspect", key), ({ holder, queue }) => {
      const view = viewOf(key)
      if (holder === undefined || view.isDead(holder.tab)) return Effect.succeedNone
      const { token } = holder
      const remainingMillis = view.remaining(holder)
      if (remainingMillis <= 0) return Effect.succeedNone
      const occupant = Option.some({ token, remainingMillis, waiters: queue.length })
      if (holder.tab === tab) return Effect.succeed(occupant)
      return Effect.map(isThere("inspect", key, holder.tab), (there) => there ? occupant : Option.none())
    })

  const list = Effect.fnUntraced(function*(prefix: string, from: string | undefined) {
    const keys = yield* table.keys(prefix, from)
    const looked = yield* Effect.forEach(
      keys,
      (key) => Effect.map(inspect(key), Option.map((occupant) => ({ key, ...occupant }))),
      { concurrency: "unbounded" }
    )
    const locks = looked.flatMap(Option.toArray)
    return keys.length < Table.pageSize ? { locks } : { locks, next: keys[keys.length - 1] }
  })

  return {
    name: Table.backend,
    // Every tab reckons by the same clock of the host, and rounding has been allowed for.
    drift: 0,
    // A safety net: who waits is told.
    retry: Schedule.jittered(Schedule.spaced(Duration.seconds(1))),
    tryAcquire,
    extend: ({ expiresMillis, key, outlives = false, token }) =>
      update("extend", key, (record, view) => Record.extend(record, token, expiresMillis, view, outlives)),
    transfer,
    release: (key, token) => update("release", key, (record, view) => Record.release(record, token, view)),
    inspect,
    list,
    listen: (key, token, notify) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => {
          const listener: Listener = {
            key,
            notify,
            expires: 0,
            outlives: false,
            watched: undefined,
            unwatch: undefined
          }
          listeners.set(token, listener)
          return listener
        }),
        (listener) =>
          Effect.sync(() => {
            listeners.delete(token)
            listener.unwatch?.()
          })
      ))
  }
})
