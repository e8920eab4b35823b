/** When a lease of the store may be handed, as it is, to another caller of this process. */
import type { LockRequest } from "../../LockConfig.ts"
import type { Share } from "../../LockStore.ts"
import * as Token from "../token.ts"
import type { Lease } from "./lease.ts"

/** So many milliseconds are enough for a hand-over, however long the lease is: the next holder renews it soon. */
const enough = 150

/** Whether enough of it is left on arrival to count as a lease. */
export const isEnoughToReceive = ({ deadline, expiresMillis }: Lease, at: number): boolean =>
  deadline - at > Math.min(expiresMillis / 10, enough / 3)

export const isSame = (one: Share | undefined, other: Share | undefined): boolean =>
  one?.permits === other?.permits && one?.limit === other?.limit

/** Whether the next request wants the same kind of renewed lease, and enough of this one is left. */
export const suits = (
  { deadline, expiresMillis, renews, share, token }: Lease,
  next: LockRequest,
  at: number
): boolean =>
  renews && next.renew && next.expiresMillis === expiresMillis && next.atLeastMillis === 0 &&
  isSame(next.share, share) && Token.isOf(token, next.owner) &&
  deadline - at > Math.min(expiresMillis / 4, enough)
