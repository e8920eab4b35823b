/**
 * One lease of the store that several holders of this process have in common. Each of them has a lease of its own
 * with the same deadline.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { LockRequest } from "../../LockConfig.ts"
import type { LockError } from "../../LockError.ts"
import type { Ending } from "../ending.ts"
import { failWith } from "../failing.ts"
import { suits } from "./handOver.ts"
import type { Lease, Lender } from "./lease.ts"
import { type Parts, takeBack } from "./lender.ts"
import type { Loss } from "./loss.ts"

/** What the store's lease is taken from. */
export interface Pool {
  now(): number
  keep(lease: Lease): void
  extend(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError>
  /** No holder is left. */
  left(common: Common, at: number): Ending | undefined
}

export class Common implements Lender {
  /** The lease that the store knows of. */
  readonly lease: Lease
  /** The holders' leases. */
  readonly leases = new Set<Lease>()
  private readonly parts: Parts
  private readonly pool: Pool
  private readonly leasedAt: number
  private handed = 0

  constructor(parts: Parts, pool: Pool, lease: Lease) {
    this.parts = parts
    this.pool = pool
    this.lease = lease
    this.leasedAt = lease.since
  }

  /** Whether it may be passed to this request: only while it is new, so that other processes get their turn. */
  serves(request: LockRequest, at: number): boolean {
    const { lease } = this
    const { times, within } = this.parts.port.store.handOver!
    return lease.isHeld && lease.out.length === 0 && at - this.leasedAt < Duration.toMillis(within) &&
      (this.leases.size > 0 || this.handed + 1 < times) && suits(lease, request, at)
  }

  /** A lease for one more holder. All have the same fencing token, since nobody held the key exclusively in between. */
  lend(at: number, waited: number): Lease {
    const lease = this.lease.heir(this, this.lease.fencingToken, at)
    lease.waitedMillis = waited
    this.leases.add(lease)
    return lease
  }

  /** The same for a holder that joins later, or comes after the last one has left. */
  pass(at: number): Lease {
    if (this.leases.size === 0) this.handed++
    const lease = this.lend(at, 0)
    this.parts.journal.handedOver(lease)
    return lease
  }

  /** The store's lease has been extended. */
  follow(): void {
    const { deadline, expiresMillis } = this.lease
    for (const lease of this.leases) {
      lease.deadline = deadline
      lease.expiresMillis = expiresMillis
    }
  }

  lose(why: Loss, at: number): void {
    for (const lease of Array.from(this.leases)) {
      if (this.lease.failure !== undefined) lease.failure = this.lease.failure
      lease.lose(why, at)
    }
  }

  get home(): object {
    return this.parts
  }

  now(): number {
    return this.pool.now()
  }

  nextToken(): string {
    return this.lease.token
  }

  keep(): void {
    this.pool.keep(this.lease)
  }

  extend(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError> {
    const check = Effect.suspend(() => lease.check)
    return Effect.andThen(
      check,
      Effect.matchEffect(this.pool.extend(this.lease, millis), {
        onSuccess: () => check,
        onFailure: (error) => lease.isHeld ? Effect.fail(error) : check
      })
    )
  }

  detach(lease: Lease): Effect.Effect<void, LockError> {
    return failWith(this.parts.port.failures.untransferable(lease.key))
  }

  gone(): void {}

  moved(): void {}

  /** If one is lost, all are. */
  lost(lease: Lease): void {
    this.parts.journal.lost(lease)
    this.lease.lose(lease.why as Loss, lease.endedAt as number)
  }

  back(lease: Lease, at: number): Ending | undefined {
    if (lease.why === "Released") this.parts.journal.released(lease, at)
    return this.leave(lease, at)
  }

  /** Takes back a lease that never reached its holder. */
  forsake(lease: Lease, at: number): void {
    if (takeBack(this.parts, lease, at)) this.leave(lease, at)
  }

  private leave(lease: Lease, at: number): Ending | undefined {
    this.leases.delete(lease)
    return this.leases.size === 0 ? this.pool.left(this, at) : undefined
  }
}
