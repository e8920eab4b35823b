/** The parts of the engine that all lenders share, and what they all do for their leases. */
import type * as Effect from "effect/Effect"
import type { LockError } from "../../LockError.ts"
import type { Ending } from "../ending.ts"
import type { Time } from "../time.ts"
import type { Source } from "../token.ts"
import type { Debt, Debts, Owed } from "./debts.ts"
import type { Journal } from "./journal.ts"
import type { Keeper } from "./keeper.ts"
import type { Lease, Lender } from "./lease.ts"
import type { Port } from "./port.ts"

export interface Parts {
  readonly port: Port
  readonly debts: Debts
  readonly keeper: Keeper
  readonly journal: Journal
  readonly time: Time
  readonly nextToken: Source
  /** The backend is closing: no turn is given any more. */
  closed: boolean
}

/** Takes back a lease that was on its way to a holder. Returns whether it was still out. */
export const takeBack = ({ journal }: Parts, lease: Lease, at: number): boolean => {
  if (lease.isBack) return false
  if (lease.comeBack()) journal.unused(lease, at)
  return true
}

export abstract class Lending<P extends Parts = Parts> implements Lender {
  protected readonly parts: P

  constructor(parts: P) {
    this.parts = parts
  }

  abstract back(lease: Lease, at: number): Ending | undefined

  get home(): object {
    return this.parts
  }

  now(): number {
    return this.parts.port.alarms.now()
  }

  nextToken(): string {
    return this.parts.nextToken()
  }

  keep(lease: Lease): void {
    if (this.parts.closed) lease.lose("Closed", this.now())
    else this.parts.keeper.add(lease)
  }

  extend(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError> {
    return this.parts.keeper.extend(lease, millis)
  }

  moved(_lease: Lease): void {}

  detach(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError> {
    return this.parts.keeper.detach(lease, millis)
  }

  gone(lease: Lease, at: number): void {
    const { hold, key, token } = lease
    if (hold?.bearer === lease) hold.bearer = { text: token, token }
    this.parts.port.store.forget?.(key, token)
    this.returned(lease, at)
  }

  lost(lease: Lease): void {
    const { journal, keeper } = this.parts
    keeper.remove(lease)
    journal.lost(lease)
  }

  /** The holder has given it back while it was held. */
  protected returned(lease: Lease, at: number): void {
    const { journal, keeper } = this.parts
    keeper.remove(lease)
    journal.released(lease, at)
  }

  /** Releases the lease's token in the store. */
  protected owe(lease: Lease): Debt | undefined {
    const { hold, stay } = lease
    // A store in this process knows at once whether the key has been taken away from the lease.
    const isOurs = hold === undefined || hold.bearer === lease
    if (stay > 0 && isOurs && stay > this.now()) return this.leaveBehind(lease)
    if (hold !== undefined) {
      hold.free(lease)
      return undefined
    }
    return this.parts.debts.owe(this.owedOf(lease, 0))
  }

  private owedOf(lease: Lease, stay: number): Owed {
    const { deadline, expiresMillis, key, lastEnd, share, token } = lease
    const until = Math.max(deadline + this.parts.port.margin(expiresMillis), lastEnd)
    return { key, token, until, out: lease.takeOut(), isQueued: false, share, stay }
  }

  /** Leaves the token in the store for a while, even if this process ends. Nobody holds it, and it ends by itself. */
  private leaveBehind(lease: Lease): Debt {
    const { expiresMillis, hold, lastEnd, since, stay, token } = lease
    if (hold !== undefined) hold.bearer = { text: token, token }
    const owed = this.owedOf(lease, stay)
    // It was taken for no longer than that, and never extended.
    const isCut = expiresMillis < stay - since + 1 && lastEnd === 0 && owed.out.length === 0
    return this.parts.debts.owe(owed, isCut)
  }
}

/**
 * Lends keys of a store in this process that nobody else here waits for, which need no line. When somebody comes to
 * wait, a line takes the lease over.
 */
export class Counter extends Lending {
  back(lease: Lease, at: number): Ending | undefined {
    if (lease.why === "Released") this.returned(lease, at)
    if (lease.stay > 0) return this.owe(lease)
    lease.hold!.free(lease)
    return undefined
  }
}
