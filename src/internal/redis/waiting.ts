/** Waiting without polling: the processes that wait, each with one subscription, and the waiters of each. */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Grant } from "../../LockStore.ts"
import { ServerClock } from "../serverClock.ts"
import type { Ground } from "./ground.ts"
import * as Keys from "./keys.ts"
import type { Notify, Waiter } from "./looks.ts"
import type { Mode, Place } from "./place.ts"
import { type Hearing, Process } from "./process.ts"
import type * as Reply from "./reply.ts"

export interface Waiting {
  readonly listen: (key: string, token: string, notify: Notify) => Effect.Effect<void, never, Scope.Scope>
  /** The same, until the returned function is called; undefined if it has to wait for the subscription. */
  readonly listenAtOnce: (key: string, token: string, notify: Notify) => (() => void) | undefined
  /** How the token's listener will be notified of a grant; asked when the token joins a queue. */
  readonly modeOf: (token: string) => Mode
  /** The token has a place in a queue; returns whether that is looked after. */
  readonly settle: (place: Place, restMillis: number | undefined) => boolean
  /** The token is released: no look may put it back into the queue. */
  readonly leave: (token: string) => void
  /** A reply to something sent at `sentAt` says that the server's clock is at `micros`. */
  readonly observe: (sentAt: number, micros: number) => void
}

/** How long the first waiter waits for the subscription before it claims without it. */
const settleMillis = 250

export const make = Effect.fnUntraced(function*(ground: Ground): Effect.fn.Return<Waiting, never, Scope.Scope> {
  const { now, strict, transport } = ground
  // A message carries the time of the server, which is not a strict fencing token.
  const oneClock = transport.oneClock && !strict
  const clock = new ServerClock()
  const processes = new Map<string, Process>()
  const byToken = new Map<string, { readonly process: Process; readonly waiter: Waiter }>()
  let closed = false

  const grantOf = ({ leaseMillis, micros }: Reply.Message): Grant | undefined => {
    const since = leaseMillis === 0 || !oneClock ? undefined : clock.earliest(micros)
    return since === undefined ? undefined : { fencingToken: micros, sinceMillis: Math.min(now(), since), leaseMillis }
  }

  const hearing: Hearing = { grantOf, ended: ({ owner }) => processes.delete(owner) }

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
      for (const process of Array.from(processes.values())) process.stop()
    })
  )

  const start = (owner: string): Process => {
    const process = new Process(ground, hearing, owner)
    processes.set(owner, process)
    return process
  }

  const enter = (process: Process, key: string, token: string, notify: Notify): void => {
    byToken.set(token, { process, waiter: process.enter(key, token, notify) })
  }

  const exit = (process: Process, token: string): void => {
    byToken.delete(token)
    process.exit(token)
  }

  const listen = Effect.fnUntraced(function*(key: string, token: string, notify: Notify) {
    if (closed) return yield* Effect.interrupt
    const process = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const owner = Keys.ownerOf(token)
        const process = processes.get(owner) ?? start(owner)
        enter(process, key, token, notify)
        return process
      }),
      (process) => Effect.sync(() => exit(process, token))
    )
    if (!Deferred.isDoneUnsafe(process.settled)) {
      yield* Effect.timeoutOption(Deferred.await(process.settled), Duration.millis(settleMillis))
    }
    process.begun()
  })

  const listenAtOnce = (key: string, token: string, notify: Notify): (() => void) | undefined => {
    const process = processes.get(Keys.ownerOf(token))
    if (process === undefined || !Deferred.isDoneUnsafe(process.settled)) return undefined
    enter(process, key, token, notify)
    process.begun()
    return () => exit(process, token)
  }

  transport.observe({
    ready: () => {
      for (const process of processes.values()) process.looks.lookAtAll()
    },
    reset: () => clock.forget()
  })

  return {
    listen,
    listenAtOnce,
    modeOf: (token) => byToken.get(token)?.process.up === true ? 1 : 2,
    settle: (place, restMillis) => {
      const found = byToken.get(place.token)
      found?.process.looks.settle(found.waiter, place, restMillis)
      return found !== undefined
    },
    leave: (token) => {
      const found = byToken.get(token)
      if (found !== undefined) found.waiter.place = undefined
    },
    observe: (sentAt, micros) => clock.observe(sentAt, now(), micros)
  }
})
