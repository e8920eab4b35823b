/**
 * What the store tells of a key while a claim waits for it. It is kept until
 * somebody sleeps or looks, so that none is missed.
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

  /** Has the store tell the token of news. Failing to is no failure: then it is asked again and again. */
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

  /** What the store has given on its own, once. */
  takeGrant(): Grant | undefined {
    const { grant } = this
    this.grant = undefined
    return grant
  }

  /** Calls back at once when there are some, until it is told not to: for one who does not sleep yet. */
  whileBusy(hurry: (() => void) | undefined): void {
    this.hurry = hurry
    if (this.isThere) hurry?.()
  }

  /** Until the time given, or until there are some. */
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

  /** Whoever sleeps is not woken by it any more, but by what is returned. */
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
