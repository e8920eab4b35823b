/** A request that ended without the lock. It is no error yet, and costs as little. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { LockRequest } from "../LockConfig.ts"
import { type LockError, LockTimeout } from "../LockError.ts"
import type { Held, Holder } from "../LockStore.ts"
import { lockError } from "./failing.ts"
import { toHolder } from "./holder.ts"
import { wholeMillis } from "./time.ts"

/** What is known of a holder. */
export type Known = Omit<Held, "_tag">

const isNamed = (known: Known): known is Known & Holder => known.token !== undefined

/** What a refusal asks, if it becomes an error. */
export interface Refusing {
  /** Counts it. */
  refused(request: LockRequest, waitedMillis: number): void
  /** Who has the key, where that is known without asking. */
  holderOf(key: string): Known | undefined
  /** Whether what runs on the fiber has the key itself. */
  isHeldBy(key: string, fiber: Fiber.Fiber<unknown, unknown>): boolean
}

export class Refusal {
  readonly request: LockRequest
  readonly waitedMillis: number
  private readonly refusing: Refusing
  private readonly caller: Fiber.Fiber<unknown, unknown>
  private readonly known: Known | undefined | Effect.Effect<Known | undefined>

  constructor(
    refusing: Refusing,
    request: LockRequest,
    caller: Fiber.Fiber<unknown, unknown>,
    waitedMillis: number,
    known: Known | undefined | Effect.Effect<Known | undefined>
  ) {
    this.refusing = refusing
    this.request = request
    this.caller = caller
    this.waitedMillis = waitedMillis
    this.known = known
  }

  /** The failure of a call that wanted the lock. */
  get fail(): Effect.Effect<never, LockError> {
    const { known, refusing, request } = this
    if (Effect.isEffect(known)) return Effect.flatMap(known, (known) => this.timedOut(known))
    return this.timedOut(known?.token === undefined ? refusing.holderOf(request.key) : known)
  }

  private timedOut(known: Known | undefined): Exit.Exit<never, LockError> {
    const { caller, refusing, request, waitedMillis } = this
    const { key, timeoutMillis } = request
    refusing.refused(request, waitedMillis)
    const reason = () =>
      new LockTimeout({
        key,
        timeout: Duration.millis(timeoutMillis),
        waited: wholeMillis(waitedMillis),
        holder: known === undefined || !isNamed(known) ? undefined : toHolder(known),
        ...(refusing.isHeldBy(key, caller) && { byCaller: true })
      })
    return Exit.fail(lockError(reason, caller))
  }
}
