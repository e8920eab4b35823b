/** A lock store among the tabs and workers of one origin. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { LockError } from "../../LockError.ts"
import type { LockStore, Observer } from "../../LockStore.ts"
import { monotonicMillis } from "../time.ts"
import * as Acquiring from "./acquiring.ts"
import * as Ages from "./age.ts"
import * as Changes from "./changes.ts"
import * as Channel from "./channel.ts"
import * as Database from "./database.ts"
import { backend, unsupported } from "./failure.ts"
import * as Ground from "./ground.ts"
import * as Home from "./home.ts"
import * as Inspecting from "./inspecting.ts"
import * as Presence from "./presence.ts"
import * as Table from "./table.ts"
import { Tabs } from "./tabs.ts"
import * as Waiting from "./waiting.ts"

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
  const database = yield* Database.make(name)
  const table = Table.make(name, database, wall)
  const tabs = new Tabs(name, yield* Home.of(name, table.identity))
  const presence = yield* Effect.mapError(
    Presence.make(tabs),
    (cause) => unsupported("Web Locks are refused to this page", cause)
  )
  const waiting = Waiting.make(presence, tabs)
  const channel = yield* Channel.make(
    name,
    (message) => hear(message),
    (cause) => unsupported("BroadcastChannel is refused to this page", cause)
  )
  const ground = Ground.make({ ages, channel, presence, table, tabs })
  const { update } = ground
  const acquiring = Acquiring.make(ground, waiting, monotonic)

  const hear = ({ key, to }: Channel.Message): void => {
    const isOffer = typeof to !== "string"
    if (isOffer) waiting.watch(key, to.tab)
    const token = isOffer ? to.token : to
    const listener = waiting.of(token)
    if (listener?.key !== key) return
    if (isOffer) run(acquiring.accept(token, listener))
    else listener.notify(undefined)
  }

  let observers: ReadonlyArray<Observer> = []
  presence.tell({
    left: () => {
      for (const { ended } of observers) ended?.()
      waiting.rest()
      channel.leave()
      database.abort()
    },
    came: () => {
      channel.listen()
      waiting.tellAll()
    }
  })

  return {
    name: backend,
    // All tabs use the same clock of the host, and rounding is accounted for.
    drift: 0,
    shares: true,
    // A safety net: waiters are notified.
    retry: Schedule.jittered(Schedule.spaced(Duration.seconds(1))),
    tryAcquire: acquiring.tryAcquire,
    extend: ({ expiresMillis, key, outlives = false, token }) =>
      update("extend", key, (record, view) => Changes.extend(record, token, expiresMillis, view, outlives)),
    transfer: acquiring.transfer,
    release: (key, token) => update("release", key, (record, view) => Changes.release(record, token, view)),
    ...Inspecting.make(ground, table),
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
