/** A waiter as an entry of the queue. */
import type { Share } from "../../LockStore.ts"

/** How a waiter is notified: on its channel, or not, so that it polls. */
export type Mode = 1 | 2

/** A token's place in the queue of a lock. */
export class Place {
  readonly lock: string
  readonly token: string
  readonly leaseMillis: number
  readonly share: Share | undefined
  /** When it arrived, by the server's clock, which gets it its place back. Empty until that is known. */
  arrival = ""
  /** Under which modes it may be in the queue. */
  private modes = 0
  private mode: Mode = 2

  constructor(lock: string, token: string, leaseMillis: number, share: Share | undefined) {
    this.lock = lock
    this.token = token
    this.leaseMillis = leaseMillis
    this.share = share
  }

  /** From now on its entry is one of this mode. */
  enter(mode: Mode): void {
    this.mode = mode
    this.modes |= mode
  }

  private named(mode: Mode): string {
    const alone = `${this.token},${this.leaseMillis},${mode}`
    return this.share === undefined ? alone : `${alone},${this.share.permits}/${this.share.limit}`
  }

  get entry(): string {
    return this.named(this.mode)
  }

  /** The entry that a look or a claim removes. */
  get stale(): string {
    return this.modes === 3 ? this.named(this.mode === 1 ? 2 : 1) : ""
  }

  get entries(): ReadonlyArray<string> {
    return ([1, 2] as const).filter((mode) => (this.modes & mode) !== 0).map((mode) => this.named(mode))
  }
}
