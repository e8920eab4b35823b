/** Claims whose reply was lost, and which the server may execute after the release of their token. */
import type * as Clock from "effect/Clock"
import type { Claim } from "../../LockStore.ts"
import { type Expiring, ExpiringMap } from "../expiringMap.ts"
import { monotonicMillis } from "../time.ts"
import { Fault } from "./fault.ts"

export class Strays {
  private readonly tokens = new ExpiringMap<Expiring>()
  private readonly clock: Clock.Clock

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  /** The outcome of a claim. */
  note({ expiresMillis, token }: Claim, outcome: unknown): void {
    if (!(outcome instanceof Fault && outcome.isSent)) return
    const at = monotonicMillis(this.clock)
    this.tokens.set(token, { endsAt: at + expiresMillis }, at)
  }

  /** Whether there may be one of the token, which is then forgotten. */
  take(token: string): boolean {
    return this.tokens.delete(token)
  }
}
