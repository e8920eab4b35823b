/** Claims whose reply is lost, and which the server may execute after the release of their token. */
import type { Claim } from "../../LockStore.ts"
import { type Ending, EndingMap } from "../endingMap.ts"
import { Fault } from "./fault.ts"

export class Strays {
  private readonly tokens = new EndingMap<Ending>()

  /** What has come of a claim. */
  note({ expiresMillis, token }: Claim, outcome: unknown, at: number): void {
    if (outcome instanceof Fault && outcome.isSent) this.tokens.set(token, { endsAt: at + expiresMillis }, at)
  }

  /** Whether there may be one of the token, which is of no interest after that. */
  take(token: string): boolean {
    return this.tokens.delete(token)
  }
}
