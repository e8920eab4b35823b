/**
 * The store's notifications for a waiting claim. They are kept until somebody sleeps or looks, so that none is
 * missed.
 */
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type { Grant } from "../../LockStore.ts"
import type { Alarm } from "./alarms.ts"
import type { Call } from "./call.ts"
import type { Listening, Port } from "./port.ts"

export class News implements Alarm {
  index = -1
  private readonly port: Port
  private listening: Listening | undefined = undefined
  private grant: Grant | undefined = undefined
  private isThere = false
  private sleeper: (() => void) | undefined = undefined
  private hurry: (() => void) | undefined = undefined

  constructor(port: Port) {
    this.port = port
  }

  get isListening(): boolean {
    return this.listening !== undefined
  }

  /** Asks the store for notifications for the token. A failure is none of the caller's: it polls then. */
  listen(key: string, token: string): Call<boolean> {
    this.listening = this.port.listen(key, token, (grant) => this.tell(grant))
    return this.listening.call
  }

  end(): void {
    this.listening?.end()
    this.listening = undefined
  }

  tell(grant: Grant | undefined): void {
    if (grant !== undefined) this.grant = grant
    this.isThere = true
    this.hurry?.()
    this.wake()
  }

  /** The grant that the store has sent, once. */
  takeGrant(): Grant | undefined {
    const { grant } = this
    this.grant = undefined
    return grant
  }

  /** Calls `hurry` as soon as there is a notification, for a caller that is not sleeping yet; `undefined` ends that. */
  whileBusy(hurry: (() => void) | undefined): void {
    this.hurry = hurry
    if (this.isThere) hurry?.()
  }

  /** Sleeps until `until`, or until there is a notification. */
  sleep(until: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const sleeper = () => resume(Effect.void)
      if (this.isThere) {
        this.isThere = false
        return sleeper()
      }
      this.sleeper = sleeper
      this.port.alarms.set(this, until)
      return Effect.sync(() => {
        if (this.sleeper === sleeper) this.leaveSleeper()
      })
    })
  }

  /** Detaches the sleeper, and returns what wakes it. */
  leaveSleeper(): () => void {
    const { sleeper = constVoid } = this
    this.sleeper = undefined
    this.port.alarms.cancel(this)
    return sleeper
  }

  private wake(): void {
    if (this.sleeper === undefined) return
    const sleeper = this.leaveSleeper()
    this.isThere = false
    sleeper()
  }

  ring(): void {
    this.wake()
  }
}
