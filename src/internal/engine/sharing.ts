/**
 * Keys that are shared, and those taken on from somebody else. Each of those who
 * share one holds a lease for itself; unless the store lets leases pass from fiber to fiber: then those of one process
 * that come together, or one after another, have one lease of the store in common.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { LockRequest } from "../../LockConfig.ts"
import type { LockError } from "../../LockError.ts"
import type { Share } from "../../LockStore.ts"
import type { Ending } from "../ending.ts"
import { failWith } from "../failing.ts"
import * as Token from "../token.ts"
import { Lease, type Lender, type Loss } from "./lease.ts"
import { enoughToHandOver, Lending, type Parts } from "./lender.ts"

/** Who is next for a key in this process: `serve` says whether it takes what somebody here has given back. */
export interface Next {
  serve(common: Common, at: number): boolean
}

export interface SharingParts extends Parts {
  /** Where leases are had that share their key. */
  readonly sharing: Sharing
}

export const isSame = (one: Share | undefined, other: Share | undefined): boolean =>
  one?.permits === other?.permits && one?.limit === other?.limit

/** It keeps out those only who want the key alone, so it does not matter how many hold one lease of it. */
const isReader = (share: Share): boolean => share.limit === Number.MAX_SAFE_INTEGER && share.permits === 1

export class Sharing extends Lending {
  private readonly nextOf: (key: string) => Next | undefined
  private readonly lent = new Set<Lease>()
  private readonly commons = new Map<Lease, Common>()
  /** What readers may join, by key. */
  private readonly latest = new Map<string, Common>()

  constructor(parts: Parts, nextOf: (key: string) => Next | undefined) {
    super(parts)
    this.nextOf = nextOf
  }

  /** All that holders have. */
  all(): ReadonlyArray<Lease> {
    return [...this.lent, ...Array.from(this.commons.values(), ({ leases }) => Array.from(leases)).flat()]
  }

  /** A lease of the store that stands for those of several holders. */
  isCommon(lease: Lease): boolean {
    return this.commons.has(lease)
  }

  /** How many more holders there are than leases of the store. */
  get surplus(): number {
    let surplus = 0
    for (const { leases } of this.commons.values()) surplus += Math.max(0, leases.size - 1)
    return surplus
  }

  /** What the holder has of a lease that the store has given. */
  lend(lease: Lease, share: Share | undefined): Lease {
    lease.share = share
    const { handOver } = this.parts.port.store
    if (share === undefined || handOver === undefined || !lease.renews || lease.stay > 0) {
      this.lent.add(lease)
      return lease
    }
    const common = new Common(this.parts, this, lease)
    this.commons.set(lease, common)
    if (isReader(share)) this.latest.set(lease.key, common)
    return common.lend(lease.since, lease.waitedMillis)
  }

  /** For a reader that comes so soon after another one of this process that they share its lease. */
  join(request: LockRequest, at: number): Lease | undefined {
    const { key, share } = request
    if (this.latest.size === 0 || share === undefined || !isReader(share)) return undefined
    const common = this.latest.get(key)
    if (common === undefined || !common.serves(request, at)) return undefined
    return common.pass(at)
  }

  /** Nobody has it any more: it is for the next here, or goes back. */
  left(common: Common, at: number): Ending | undefined {
    const { lease } = common
    if (lease.isHeld && !this.parts.closed && this.nextOf(lease.key)?.serve(common, at) === true) return undefined
    this.commons.delete(lease)
    if (this.latest.get(lease.key) === common) this.latest.delete(lease.key)
    lease.isBack = true
    lease.why ??= "Released"
    this.parts.keeper.remove(lease)
    return this.owe(lease)
  }

  override lost(lease: Lease): void {
    const common = this.commons.get(lease)
    if (common === undefined) return super.lost(lease)
    this.parts.keeper.remove(lease)
    common.lose(lease.why as Loss, lease.endedAt)
  }

  override moved(lease: Lease): void {
    this.commons.get(lease)?.follow()
  }

  override gone(lease: Lease, at: number): void {
    this.lent.delete(lease)
    super.gone(lease, at)
  }

  back(lease: Lease, at: number): Ending | undefined {
    this.lent.delete(lease)
    if (lease.why === "Released") this.returned(lease, at)
    return this.owe(lease)
  }
}

/** A lease of the store that holders in this process have in common: each of them one of its own, which counts as long. */
export class Common implements Lender {
  /** As the store knows it. */
  readonly lease: Lease
  /** Of its holders. */
  readonly leases = new Set<Lease>()
  private readonly parts: Parts
  private readonly sharing: Sharing
  private readonly leasedAt: number
  private handed = 0

  constructor(parts: Parts, sharing: Sharing, lease: Lease) {
    this.parts = parts
    this.sharing = sharing
    this.lease = lease
    this.leasedAt = lease.since
  }

  /** A lease is had as it is: whoever gets it wants one of the same kind, and enough of it is left, and it is new. */
  serves(request: LockRequest, at: number): boolean {
    const { deadline, expiresMillis, isHeld, out, share, text } = this.lease
    const { times, within } = this.parts.port.store.handOver!
    return isHeld && out.length === 0 && at - this.leasedAt < Duration.toMillis(within) &&
      (this.leases.size > 0 || this.handed + 1 < times) &&
      request.renew && request.atLeastMillis === 0 && request.expiresMillis === expiresMillis &&
      isSame(request.share, share) &&
      Token.isOf(text!, request.owner) && deadline - at > Math.min(expiresMillis / 4, enoughToHandOver)
  }

  /** One of its own for one who holds it, too. All have one fencing token: nobody had the key alone in between. */
  lend(at: number, waited: number): Lease {
    const { deadline, expiresMillis, fencingToken, key, share, token } = this.lease
    const lease = new Lease(this, key, token, fencingToken, expiresMillis, true, at, deadline, waited)
    lease.share = share
    this.leases.add(lease)
    return lease
  }

  /** For one who joins those who have it, or comes after them. */
  pass(at: number): Lease {
    if (this.leases.size === 0) this.handed++
    const lease = this.lend(at, 0)
    this.parts.journal.handedOver(lease)
    return lease
  }

  /** Its lease has been set anew. */
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
    return this.sharing.now()
  }

  nextToken(): string {
    return this.lease.token
  }

  keep(): void {
    this.sharing.keep(this.lease)
  }

  extend(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError> {
    const check = Effect.suspend(() => lease.check)
    return Effect.andThen(
      check,
      Effect.matchEffect(this.sharing.extend(this.lease, millis), {
        onSuccess: () => check,
        onFailure: (error) => lease.isHeld ? Effect.fail(error) : check
      })
    )
  }

  detach(lease: Lease): Effect.Effect<void, LockError> {
    return failWith(this.parts.port.untransferable(lease.key))
  }

  gone(): void {}

  moved(): void {}

  /** One is lost with all. */
  lost(lease: Lease): void {
    this.parts.journal.lost(lease)
    this.lease.lose(lease.why as Loss, lease.endedAt)
  }

  back(lease: Lease, at: number): Ending | undefined {
    if (lease.why === "Released") this.parts.journal.released(lease, at)
    return this.leave(lease, at)
  }

  /** One that nobody has had. */
  forsake(lease: Lease, at: number): void {
    if (lease.isBack) return
    lease.isBack = true
    if (lease.isHeld) {
      lease.why = "Released"
      this.parts.journal.unused(lease, at)
    }
    this.leave(lease, at)
  }

  private leave(lease: Lease, at: number): Ending | undefined {
    this.leases.delete(lease)
    return this.leases.size === 0 ? this.sharing.left(this, at) : undefined
  }
}
