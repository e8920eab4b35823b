/**
 * One process that waits: those who wait in it, and its subscription to the channel on which releases
 * notify it of grants. The subscription is kept for a while when nobody waits: waiters come and go.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Grant } from "../../LockStore.ts"
import type { Ground } from "./ground.ts"
import * as Keys from "./keys.ts"
import { type Listening, Looks, type Notify, type Waiter } from "./looks.ts"
import * as Reply from "./reply.ts"
import type { Subscription } from "./transport.ts"

/** How long an idle subscription is kept for the next waiter. */
const idleMillis = 1000

/** What the messages to a process lead to. */
export interface Hearing {
  readonly grantOf: (message: Reply.Message) => Grant | undefined
  /** Nobody has waited in it for a while, and it has ended. */
  readonly ended: (process: Process) => void
}

export class Process implements Listening {
  readonly owner: string
  readonly channel: string
  readonly waiters = new Map<string, Waiter>()
  readonly looks: Looks
  /** Done when the subscription is up, or has failed. */
  readonly settled = Deferred.makeUnsafe<void>()
  up = false
  /** Why it is not up. */
  private cause: unknown = new Error("the subscription is not answered")
  private readonly ground: Ground
  private readonly hearing: Hearing
  private readonly subscription: Subscription
  private stopped = false
  /** Since when nobody waits, and the timer that then ends the subscription. */
  private idleSince = 0
  private idling: ReturnType<typeof setTimeout> | undefined

  constructor(ground: Ground, hearing: Hearing, owner: string) {
    this.owner = owner
    this.channel = Keys.channelPrefix(ground.prefix) + owner
    this.looks = new Looks(ground, this)
    this.ground = ground
    this.hearing = hearing
    this.subscription = ground.transport.subscribe(this.channel, {
      message: (text) => this.heard(text),
      up: () => this.isUp(),
      down: (cause) => this.isDown(cause)
    })
  }

  enter(key: string, token: string, notify: Notify): Waiter {
    const waiter: Waiter = { key, token, notify, place: undefined, told: false, lookedAt: 0, lookAt: Infinity }
    this.waiters.set(token, waiter)
    return waiter
  }

  exit(token: string): void {
    const waiter = this.waiters.get(token)
    // A look that is on its way is not about it any more.
    if (waiter !== undefined) waiter.place = undefined
    this.waiters.delete(token)
    if (this.waiters.size > 0 || this.stopped) return
    this.idleSince = performance.now()
    this.idle(idleMillis)
  }

  /** Somebody waits from now on. */
  begun(): void {
    if (!this.up) this.ground.notices.polling(this.cause)
  }

  restart(): void {
    this.subscription.restart()
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.idling)
    this.looks.stop()
    this.subscription.stop()
    this.hearing.ended(this)
  }

  private heard(text: string): void {
    const message = Reply.message(text)
    const waiter = message && this.waiters.get(message.token)
    if (waiter === undefined || !Keys.isLockOf(message!.lock, this.ground.prefix, waiter.key)) return
    waiter.told = true
    waiter.notify(this.hearing.grantOf(message!))
  }

  private isUp(): void {
    this.up = true
    Deferred.doneUnsafe(this.settled, Effect.void)
    this.ground.notices.told()
    // They have missed the grants made meanwhile, and those that polled need not any more.
    this.looks.lookAtAll()
  }

  private isDown(cause: unknown): void {
    this.up = false
    this.cause = cause
    Deferred.doneUnsafe(this.settled, Effect.void)
    if (this.waiters.size > 0) this.ground.notices.polling(cause)
    this.looks.poll()
  }

  /** Stops once nobody has waited for a while. One timer for all, not a new one each time. */
  private idle(millis: number): void {
    this.idling ??= setTimeout(() => {
      this.idling = undefined
      if (this.waiters.size > 0) return
      const rest = this.idleSince + idleMillis - performance.now()
      if (rest > 0) this.idle(rest)
      else this.stop()
    }, millis)
  }
}
