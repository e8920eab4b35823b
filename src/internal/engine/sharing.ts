/**
 * Leases of shared keys, and of those adopted by token. Each sharer has a lease of its own in the store; but if the
 * store allows hand-overs, sharers of this process that come together, or one after another, have one lease of the
 * store in common.
 */
import type { LockRequest } from "../../LockConfig.ts"
import type { Share } from "../../LockStore.ts"
import type { Ending } from "../ending.ts"
import { Common, type Pool } from "./common.ts"
import type { Lease } from "./lease.ts"
import { Lending, type Parts } from "./lender.ts"
import type { Loss } from "./loss.ts"

/** The next caller for a key in this process. `serve` returns whether it takes a lease that has been given back. */
export interface Next {
  serve(common: Common, at: number): boolean
}

/** A reader excludes only exclusive holders, so any number of readers may have one lease in common. */
const isReader = (share: Share): boolean => share.limit === Number.MAX_SAFE_INTEGER && share.permits === 1

export class Sharing extends Lending implements Pool {
  private readonly nextOf: (key: string) => Next | undefined
  private readonly lent = new Set<Lease>()
  private readonly commons = new Map<Lease, Common>()
  /** The lease that further readers may join, by key. */
  private readonly latest = new Map<string, Common>()

  constructor(parts: Parts, nextOf: (key: string) => Next | undefined) {
    super(parts)
    this.nextOf = nextOf
  }

  /** The leases of all holders. */
  all(): ReadonlyArray<Lease> {
    return [...this.lent, ...Array.from(this.commons.values(), ({ leases }) => Array.from(leases)).flat()]
  }

  /** Whether it is the store's lease behind those of several holders. */
  isCommon(lease: Lease): boolean {
    return this.commons.has(lease)
  }

  /** How many more holders there are than leases in the store. */
  get surplus(): number {
    let surplus = 0
    for (const { leases } of this.commons.values()) surplus += Math.max(0, leases.size - 1)
    return surplus
  }

  /** The holder's lease for one that the store has given. */
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

  /** Whether this kind of sharer joins the lease of another one in this process. */
  isJoining(share: Share): boolean {
    return this.parts.port.store.handOver !== undefined && isReader(share)
  }

  /** A lease for a reader that comes soon enough after another one of this process to join its lease. */
  join(request: LockRequest, at: number): Lease | undefined {
    const { key, share } = request
    if (this.latest.size === 0 || share === undefined || !isReader(share)) return undefined
    const common = this.latest.get(key)
    if (common === undefined || !common.serves(request, at)) return undefined
    return common.pass(at)
  }

  /** No holder is left: the lease goes to the next caller here, or is released. */
  left(common: Common, at: number): Ending | undefined {
    const { lease } = common
    if (lease.isHeld && !this.parts.closed && this.nextOf(lease.key)?.serve(common, at) === true) return undefined
    this.commons.delete(lease)
    if (this.latest.get(lease.key) === common) this.latest.delete(lease.key)
    lease.comeBack()
    this.parts.keeper.remove(lease)
    return this.owe(lease)
  }

  override lost(lease: Lease): void {
    const common = this.commons.get(lease)
    if (common === undefined) return super.lost(lease)
    this.parts.keeper.remove(lease)
    common.lose(lease.why as Loss, lease.endedAt as number)
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
