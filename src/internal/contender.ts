/** One acquisition as the store sees it: a token, and what we know of its fate. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BackendFailure } from "../LockError.ts"
import type { Attempt, Grant } from "../LockStore.ts"
import type { Alarm, Alarms } from "./alarms.ts"
import type { Call } from "./call.ts"

/** What came of asking the store: an answer, or a failure that leaves us in doubt. */
export type Reply = Attempt | BackendFailure

const none: ReadonlyArray<never> = []

export class Contender implements Alarm {
  index = -1
  readonly key: string
  readonly token: string
  readonly expiresMillis: number
  /** When the last claim was sent. */
  askedAt = 0
  reply: Reply | undefined
  /** The store may know the token although we do not hold the key: it has to be released. */
  doubtful = false
  /** The last claim, and those before it whose reply was still out. */
  #claims: ReadonlyArray<Call<Attempt, BackendFailure>> = none
  /** Open while the store listens for us. */
  listening: Scope.Closeable | undefined
  #grant: Grant | undefined
  #noticed = false
  #wake: (() => void) | undefined

  constructor(key: string, token: string, expiresMillis: number) {
    this.key = key
    this.token = token
    this.expiresMillis = expiresMillis
  }

  /** Claims whose reply is still out. */
  get unanswered(): ReadonlyArray<Call<Attempt, BackendFailure>> {
    return this.#claims.filter(({ exit }) => exit === undefined)
  }

  sent(call: Call<Attempt, BackendFailure>): void {
    this.#claims = [...this.unanswered, call]
  }

  /** Nobody waits for the last claim's reply any more. */
  leave(): void {
    this.#claims.at(-1)?.leave()
  }

  /** The store has news. Kept until the next sleep, so that none is missed. */
  notify(grant: Grant | undefined): void {
    if (grant !== undefined) this.#grant = grant
    this.#noticed = true
    this.#wake?.()
  }

  takeGrant(): Grant | undefined {
    const grant = this.#grant
    this.#grant = undefined
    return grant
  }

  /** Until the time given, or until there is news. */
  sleep(alarms: Alarms, until: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const end = () => {
        this.#noticed = false
        this.#wake = undefined
        alarms.cancel(this)
        resume(Effect.void)
      }
      if (this.#noticed) return end()
      alarms.set(this, until)
      this.#wake = end
      return Effect.sync(() => {
        this.#wake = undefined
        alarms.cancel(this)
      })
    })
  }

  ring(): void {
    this.#wake?.()
  }
}
