/** Asks who holds the key together with the last attempt, not after it, for stores whose refusal does not say so. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Holder } from "../../LockStore.ts"
import type { Known } from "../refusal.ts"
import type { Call } from "./call.ts"
import { isFailure } from "./failures.ts"
import type { Port } from "./port.ts"

export class Look {
  private readonly port: Port
  private readonly startedAt: number
  private readonly call: Call<Option.Option<Holder>>

  constructor(port: Port, key: string, at: number) {
    this.port = port
    this.startedAt = at
    this.call = port.inspect(key)
    // Perhaps nobody will ask for the result.
    this.call.leave()
  }

  /** It may take as long again as the attempt has taken by `at`, within the store's patience. */
  result(at: number): Effect.Effect<Known | undefined> {
    const { call, port, startedAt } = this
    const until = Math.min(startedAt + port.patience, at + Math.max(10, at - startedAt))
    return Effect.callback((resume) => {
      call.wait(until, (reply) => {
        resume(Effect.succeed(reply === undefined || isFailure(reply) ? undefined : Option.getOrUndefined(reply)))
      })
      return Effect.sync(() => call.leave())
    })
  }
}
