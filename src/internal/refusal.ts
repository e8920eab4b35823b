/** The end of a request without the lock. It is not an error yet, and is as cheap as possible. */
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

/** What is known of the holder. */
export type Known = Omit<Held, "_tag">

const isNamed = (known: Known): known is Known & Holder => known.token !== undefined

/** What a refusal needs if it becomes an error. */
export interface Refusing {
  /** Counts it. */
  refused(request: LockRequest, waitedMillis: number): void
  /** The holder of the key, if it is known without asking the store. */
  holderOf(key: string): Known | undefined
  /** Whether the fiber's own work holds the key. */
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
