/**
 * Messages get lost, holders crash, and servers forget. So regularly, and when a holder's lease
 * should end, a process looks at all locks that it waits for in one script, which also keeps its
 * places in the queues; only waiters that may get a lock are told to claim it. Without the
 * subscription (forbidden by the server's rules, or the connection is down) the looks are frequent
 * enough to replace it.
 */
import type { Grant } from "../../LockStore.ts"
import * as Failure from "./failure.ts"
import type { Ground } from "./ground.ts"
import * as Keys from "./keys.ts"
import type { Place } from "./place.ts"
import * as Reply from "./reply.ts"

export type Notify = (grant: Grant | undefined) => void

export interface Waiter {
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

/** The subscription by which the waiters of a process are notified. */
export interface Listening {
  readonly channel: string
  readonly waiters: ReadonlyMap<string, Waiter>
  /** Whether the subscription is up. */
  readonly up: boolean
  /** It does not receive what it should. */
  restart(): void
}

/** How often a process looks at the locks it waits for, whatever the messages. */
const lookMillis = 3000

/** The most waiters in one look. */
const lookSize = 250

/** Without a subscription: the more waiters, the longer the pause. */
const pollMillis = (waiters: number): number => Math.min(250, 10 + waiters / 10) * (1 + 2 * Math.random())

/** Waiters for the end of a lease look a little later than that, and at different moments. */
export const soonAfter = (restMillis: number): number => restMillis + 2 + Math.random() * 10

type Placed = readonly [Waiter, Place]

export class Looks {
  private readonly ground: Ground
  private readonly listening: Listening
  private timer: ReturnType<typeof setTimeout> | undefined
  private timerAt = Infinity

  constructor(ground: Ground, listening: Listening) {
    this.ground = ground
    this.listening = listening
  }

  /** The waiter has a place; the lease that it waits for ends in so many milliseconds, if that is known. */
  settle(waiter: Waiter, place: Place, restMillis: number | undefined): void {
    const at = this.ground.now()
    waiter.place = place
    waiter.lookedAt = at
    waiter.lookAt = this.listening.up
      ? at + Math.min(lookMillis, restMillis === undefined ? Infinity : soonAfter(restMillis))
      : 0
    this.plan(waiter.lookAt)
  }

  /** There are no notifications any more. */
  poll(): void {
    for (const waiter of this.listening.waiters.values()) waiter.lookAt = 0
    this.schedule()
  }

  /** Looks at all of them now. */
  lookAtAll(): void {
    this.look(Array.from(this.listening.waiters.values()))
  }

  stop(): void {
    clearTimeout(this.timer)
  }

  /** When to look next at any of them. */
  private schedule(): void {
    let at = Infinity
    for (const { lookAt, place } of this.listening.waiters.values()) {
      if (place !== undefined && lookAt < at) at = lookAt
    }
    this.plan(at)
  }

  /** Looks at that time, if it is sooner than planned. */
  private plan(at: number): void {
    if (at === Infinity) return
    const { up, waiters } = this.listening
    const now = this.ground.now()
    const wanted = up ? Math.max(at, now + 1) : now + pollMillis(waiters.size)
    if (wanted < this.timerAt) this.arm(wanted, wanted - now)
  }

  private arm(wanted: number, millis: number): void {
    clearTimeout(this.timer)
    this.timerAt = wanted
    this.timer = setTimeout(() => {
      this.timerAt = Infinity
      const at = this.ground.now()
      // Those that are due soon join the look.
      const due = Array.from(this.listening.waiters.values()).filter(({ lookAt, lookedAt }) =>
        lookAt <= at + 1 || lookedAt + lookMillis / 2 <= at
      )
      this.look(due)
    }, millis)
    this.timer.unref?.()
  }

  private look(waiters: ReadonlyArray<Waiter>): void {
    const { now, transport } = this.ground
    const placed: Array<Placed> = []
    const at = now()
    for (const waiter of waiters) {
      if (waiter.place === undefined) continue
      waiter.lookedAt = at
      waiter.lookAt = at + (this.listening.up ? lookMillis : 0)
      placed.push([waiter, waiter.place])
    }
    if (placed.length > 0 && !transport.isDown()) {
      const size = transport.single ? lookSize : 1
      for (let i = 0; i < placed.length; i += size) this.send(placed.slice(i, i + size))
    }
    this.schedule()
  }

  private send(placed: ReadonlyArray<Placed>): void {
    const { prefix, scripts, transport } = this.ground
    const { channel, up } = this.listening
    const args: Array<string> = []
    for (const [, { lock }] of placed) args.push(lock, Keys.queueKey(lock))
    args.push(
      Keys.channelPrefix(prefix),
      channel,
      JSON.stringify(placed.map(([, place]) => {
        place.enter(up ? 1 : 2)
        return [place.token, place.entry, place.arrival, place.stale]
      }))
    )
    for (const [waiter] of placed) waiter.told = false
    transport.send({
      script: scripts.look,
      keys: 2 * placed.length,
      args,
      sent: false,
      succeed: (reply) => {
        const looked = Reply.looked(reply, placed.length)
        if (looked !== undefined) this.see(placed, looked, up)
      },
      fail: (cause) => {
        if (placed.length === 1 || !Failure.isRefusal(cause)) return
        for (const one of placed) this.send([one])
      }
    })
  }

  /** `wasUp`: the subscription was up when it looked. */
  private see(placed: ReadonlyArray<Placed>, { listeners, rests }: Reply.Looked, wasUp: boolean): void {
    const at = this.ground.now()
    const isUp = wasUp && this.listening.up
    // The server that grants the locks has no subscriber: we listen elsewhere, or are cut off.
    let isDeaf = isUp && listeners === 0
    for (let i = 0; i < placed.length; i++) {
      const [waiter, place] = placed[i]
      if (waiter.place !== place) continue
      const rest = rests[i]
      if (rest < 0) {
        // It was granted to us, and no message has arrived before this reply.
        if (rest === -2 && isUp && !waiter.told) isDeaf = true
        waiter.notify(undefined)
      } else {
        waiter.lookAt = Math.min(waiter.lookAt, at + soonAfter(rest))
      }
    }
    if (isDeaf) this.listening.restart()
    this.schedule()
  }
}
