/** One acquisition as the store sees it: a token, and what we know of its fate. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BackendFailure } from "../LockError.ts"
import type { Attempt, Grant } from "../LockStore.ts"
import type { Alarms } from "./alarms.ts"
import type { Pending } from "./pending.ts"

/** What came of asking the store: an answer, or a failure that leaves us in doubt. */
export type Reply = Attempt | BackendFailure

export class Contender {
  readonly key: string
  readonly token: string
  readonly expiresMillis: number
  /** When the last claim was sent. */
  askedAt = 0
  reply: Reply | undefined = undefined
  /** The store may know the token although we do not hold the key: it has to be released. */
  doubtful = false
  /** Claims whose reply is still out. */
  private claims: Array<Pending<Attempt, BackendFailure>> | undefined = undefined
  /** Open while the store listens for us. */
  listening: Scope.Closeable | undefined = undefined
  private grant: Grant | undefined = undefined
  private noticed = false
  private wake: (() => void) | undefined = undefined

  constructor(key: string, token: string, expiresMillis: number) {
    this.key = key
    this.token = token
    this.expiresMillis = expiresMillis
  }

  get unanswered(): ReadonlyArray<Pending<Attempt, BackendFailure>> {
    return this.claims?.filter((claim) => claim.pollUnsafe() === undefined) ?? []
  }

  sent(claim: Pending<Attempt, BackendFailure>): void {
    this.claims = this.claims === undefined ? [claim] : [...this.unanswered, claim]
  }

  /** The store has news. Kept until the next sleep, so that none is missed. */
  readonly notify = (grant: Grant | undefined): void => {
    if (grant !== undefined) this.grant = grant
    this.noticed = true
    this.wake?.()
  }

  takeGrant(): Grant | undefined {
    const { grant } = this
    this.grant = undefined
    return grant
  }

  /** Until the time given, or until there is news. */
  sleep(alarms: Alarms, until: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const end = () => {
        this.noticed = false
        this.wake = undefined
        alarms.cancel(alarm)
        resume(Effect.void)
      }
      const alarm = alarms.set(until, end)
      if (this.noticed) return end()
      this.wake = end
      return Effect.sync(() => {
        this.wake = undefined
        alarms.cancel(alarm)
      })
    })
  }
}
