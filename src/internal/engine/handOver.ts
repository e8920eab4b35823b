/** Who may take over a lease of the store from another holder in this process, as it is. */
import type { LockRequest } from "../../LockConfig.ts"
import type { Share } from "../../LockStore.ts"
import * as Token from "../token.ts"
import type { Lease } from "./lease.ts"

/** So much of a lease, in milliseconds, is enough to hand it over, however long it is: its heir renews it soon. */
const enough = 150

/** What is over or nearly so when it is received is no lease any more. */
export const isEnoughToReceive = ({ deadline, expiresMillis }: Lease, at: number): boolean =>
  deadline - at > Math.min(expiresMillis / 10, enough / 3)

export const isSame = (one: Share | undefined, other: Share | undefined): boolean =>
  one?.permits === other?.permits && one?.limit === other?.limit

/** The next one wants one of the same kind that renews itself, and enough of it is left. */
export const suits = (
  { deadline, expiresMillis, renews, share, token }: Lease,
  next: LockRequest,
  at: number
): boolean =>
  renews && next.renew && next.expiresMillis === expiresMillis && next.atLeastMillis === 0 &&
  isSame(next.share, share) && Token.isOf(token, next.owner) &&
  deadline - at > Math.min(expiresMillis / 4, enough)
