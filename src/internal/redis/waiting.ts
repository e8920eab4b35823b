/**
 * Waiting without polling: one subscription per process, to the channel on which releases notify it
 * of grants.
 *
 * Messages get lost, holders crash, and servers forget. So regularly, and when a holder's lease
 * should end, the process looks at all locks that it waits for in one script, which also keeps its
 * places in the queues; only waiters that may get a lock are told to claim it. Without the
 * subscription (forbidden by the server's rules, or the connection is down) the looks are frequent
 * enough to replace it, and as soon as it is back all waiters are told to claim.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Grant } from "../../LockStore.ts"
import type { Notices } from "../notices.ts"
import { ServerClock } from "../serverClock.ts"
import * as Failure from "./failure.ts"
import * as Keys from "./keys.ts"
import type { Mode, Place } from "./place.ts"
import * as Reply from "./reply.ts"
import type { Scripts } from "./scripts.ts"
import type { Subscription, Transport } from "./transport.ts"

type Notify = (grant: Grant | undefined) => void

interface Waiter {
  readonly key: string
  readonly token: string
  readonly notify: Notify
  /** Its place in the queue, as far as we know; a waiter without one need not be looked after. */
  place: Place | undefined
  /** It was notified since its last look. */
  told: boolean
  lookedAt: number
  lookAt: number
}

interface Process {
  readonly owner: string
  readonly channel: string
  readonly waiters: Map<string, Waiter>
  /** Done when the subscription is up, or has failed. */
  readonly settled: Deferred.Deferred<void>
  subscription: Subscription | undefined
  up: boolean
  /** Why it is not up. */
  cause: unknown
  timer: ReturnType<typeof setTimeout> | undefined
  timerAt: number
  /** Since when nobody waits, and the timer that then ends the subscription. */
  idleSince: number
  idling: ReturnType<typeof setTimeout> | undefined
}

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

/** How long an idle subscription is kept for the next waiter. */
const idleMillis = 1000

/** How often a process looks at the locks it waits for, whatever the messages. */
const lookMillis = 3000

/** The most waiters in one look. */
const lookSize = 250

/** Without a subscription: the more waiters, the longer the pause. */
const pollMillis = (waiters: number): number => Math.min(250, 10 + waiters / 10) * (1 + 2 * Math.random())

/** Those who wait for the end of a lease come a little later, and at different moments. */
export const soonAfter = (restMillis: number): number => restMillis + 2 + Math.random() * 10

export const make = Effect.fnUntraced(function*(
  transport: Transport,
  scripts: Scripts,
  prefix: string,
  now: () => number,
  notices: Notices
): Effect.fn.Return<Waiting, never, Scope.Scope> {
  const clock = new ServerClock()
  const processes = new Map<string, Process>()
  const byToken = new Map<string, { readonly process: Process; readonly waiter: Waiter }>()

  const grantOf = ({ leaseMillis, micros }: Reply.Message): Grant | undefined => {
    const since = leaseMillis === 0 || !transport.oneClock ? undefined : clock.earliest(micros)
    return since === undefined ? undefined : { fencingToken: micros, sinceMillis: Math.min(now(), since), leaseMillis }
  }

  // ---------------------------------------------------------------------------
  // Being told
  // ---------------------------------------------------------------------------

  const start = (owner: string): Process => {
    const process: Process = {
      owner,
      channel: Keys.channelPrefix(prefix) + owner,
      waiters: new Map(),
      settled: Deferred.makeUnsafe(),
      subscription: undefined,
      up: false,
      cause: new Error("the subscription is not answered"),
      timer: undefined,
      timerAt: Infinity,
      idleSince: 0,
      idling: undefined
    }
    processes.set(owner, process)
    process.subscription = transport.subscribe(process.channel, {
      message: (text) => {
        const message = Reply.message(text)
        const waiter = message && process.waiters.get(message.token)
        if (waiter === undefined || !Keys.isLockOf(message!.lock, prefix, waiter.key)) return
        waiter.told = true
        waiter.notify(grantOf(message!))
      },
      up: () => {
        process.up = true
        Deferred.doneUnsafe(process.settled, Effect.void)
        notices.told()
        // What was given to them meanwhile they have not heard of, and those who polled need not any more.
        look(process, Array.from(process.waiters.values()))
      },
      down: (cause) => {
        process.up = false
        process.cause = cause
        Deferred.doneUnsafe(process.settled, Effect.void)
        if (process.waiters.size > 0) notices.polling(cause)
        for (const waiter of process.waiters.values()) waiter.lookAt = 0
        schedule(process)
      }
    })
    return process
  }

  const stop = (process: Process): void => {
    processes.delete(process.owner)
    clearTimeout(process.timer)
    clearTimeout(process.idling)
    process.subscription?.stop()
  }

  let closed = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
      for (const process of Array.from(processes.values())) stop(process)
    })
  )

  /** Stops it once nobody has waited for a while. Not anew each time: they come and go. */
  const idle = (process: Process, millis: number): void => {
    process.idling ??= setTimeout(() => {
      process.idling = undefined
      if (process.waiters.size > 0) return
      const rest = process.idleSince + idleMillis - performance.now()
      if (rest > 0) idle(process, rest)
      else stop(process)
    }, millis)
  }

  const enter = (process: Process, key: string, token: string, notify: Notify): void => {
    const waiter: Waiter = { key, token, notify, place: undefined, told: false, lookedAt: 0, lookAt: Infinity }
    process.waiters.set(token, waiter)
    byToken.set(token, { process, waiter })
  }

  const exit = (process: Process, token: string): void => {
    process.waiters.delete(token)
    byToken.delete(token)
    if (process.waiters.size > 0 || processes.get(process.owner) !== process) return
    process.idleSince = performance.now()
    idle(process, idleMillis)
  }

  const begun = (process: Process): void => {
    if (!process.up) notices.polling(process.cause)
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
    begun(process)
  })

  const listenAtOnce = (key: string, token: string, notify: Notify): (() => void) | undefined => {
    const process = processes.get(Keys.ownerOf(token))
    if (process === undefined || !Deferred.isDoneUnsafe(process.settled)) return undefined
    enter(process, key, token, notify)
    begun(process)
    return () => exit(process, token)
  }

  // ---------------------------------------------------------------------------
  // Looking
  // ---------------------------------------------------------------------------

  /** When to look next at any of them. */
  const schedule = (process: Process): void => {
    let at = Infinity
    for (const { lookAt, place } of process.waiters.values()) {
      if (place !== undefined && lookAt < at) at = lookAt
    }
    plan(process, at)
  }

  /** Looks then, if that is sooner than planned. */
  const plan = (process: Process, at: number): void => {
    if (at === Infinity) return
    const current = now()
    const wanted = process.up ? Math.max(at, current + 1) : current + pollMillis(process.waiters.size)
    if (wanted < process.timerAt) arm(process, wanted, wanted - current)
  }

  const arm = (process: Process, wanted: number, millis: number): void => {
    clearTimeout(process.timer)
    process.timerAt = wanted
    process.timer = setTimeout(() => {
      process.timerAt = Infinity
      const at = now()
      // Those who are due before long come along.
      const due = Array.from(process.waiters.values()).filter(({ lookAt, lookedAt }) =>
        lookAt <= at + 1 || lookedAt + lookMillis / 2 <= at
      )
      look(process, due)
    }, millis)
    process.timer.unref?.()
  }

  const look = (process: Process, waiters: ReadonlyArray<Waiter>): void => {
    const places: Array<readonly [Waiter, Place]> = []
    const at = now()
    for (const waiter of waiters) {
      if (waiter.place === undefined) continue
      waiter.lookedAt = at
      waiter.lookAt = at + (process.up ? lookMillis : 0)
      places.push([waiter, waiter.place])
    }
    if (places.length > 0 && !transport.isDown()) {
      const size = transport.single ? lookSize : 1
      for (let i = 0; i < places.length; i += size) sendLook(process, places.slice(i, i + size))
    }
    schedule(process)
  }

  const sendLook = (process: Process, places: ReadonlyArray<readonly [Waiter, Place]>): void => {
    const args: Array<string> = []
    for (const [, { lock }] of places) args.push(lock, Keys.queueKey(lock))
    const { up } = process
    args.push(
      Keys.channelPrefix(prefix),
      process.channel,
      JSON.stringify(places.map(([, place]) => {
        place.enter(up ? 1 : 2)
        return [place.token, place.entry, place.arrival, place.stale]
      }))
    )
    for (const [waiter] of places) waiter.told = false
    transport.send({
      script: scripts.look,
      keys: 2 * places.length,
      args,
      sent: false,
      succeed: (reply) => {
        const looked = Reply.looked(reply, places.length)
        if (looked !== undefined) seen(process, up, places, looked)
      },
      fail: (cause) => {
        if (places.length === 1 || !Failure.isRefusal(cause)) return
        for (const place of places) sendLook(process, [place])
      }
    })
  }

  const seen = (
    process: Process,
    up: boolean,
    places: ReadonlyArray<readonly [Waiter, Place]>,
    { listeners, rests }: Reply.Looked
  ): void => {
    const at = now()
    // The server that gives locks knows nobody who listens: we listen elsewhere, or are cut off.
    let deaf = up && process.up && listeners === 0
    for (let i = 0; i < places.length; i++) {
      const [waiter, place] = places[i]
      if (waiter.place !== place) continue
      const rest = rests[i]
      if (rest < 0) {
        // Given to us, and no message has come before this reply.
        if (rest === -2 && up && process.up && !waiter.told) deaf = true
        waiter.notify(undefined)
      } else {
        waiter.lookAt = Math.min(waiter.lookAt, at + soonAfter(rest))
      }
    }
    if (deaf) process.subscription?.restart()
    schedule(process)
  }

  transport.observe({
    ready: () => {
      for (const process of processes.values()) look(process, Array.from(process.waiters.values()))
    },
    reset: () => clock.forget()
  })

  return {
    listen,
    listenAtOnce,
    modeOf: (token) => byToken.get(token)?.process.up === true ? 1 : 2,
    settle: (place, restMillis) => {
      const found = byToken.get(place.token)
      if (found === undefined) return false
      const { process, waiter } = found
      const at = now()
      waiter.place = place
      waiter.lookedAt = at
      waiter.lookAt = process.up
        ? at + Math.min(lookMillis, restMillis === undefined ? Infinity : soonAfter(restMillis))
        : 0
      plan(process, waiter.lookAt)
      return true
    },
    leave: (token) => {
      const found = byToken.get(token)
      if (found !== undefined) found.waiter.place = undefined
    },
    observe: (sentAt, micros) => clock.observe(sentAt, now(), micros)
  }
})
