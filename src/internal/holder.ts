/** The public `Holder`, made of what a store reports. */
import { Holder } from "../LockError.ts"
import type * as LockStore from "../LockStore.ts"
import { wholeMillis } from "./time.ts"
import * as Token from "./token.ts"

/** A page of held keys. */
export interface HeldPage {
  readonly locks: ReadonlyArray<{ readonly key: string; readonly holder: Holder }>
  readonly next: string | undefined
}

export const toHolder = ({ permits, remainingMillis, token, waiters }: LockStore.Holder): Holder => {
  const said = Token.parse(token)
  return new Holder({
    token,
    owner: said?.owner,
    since: said?.since,
    remaining: remainingMillis === undefined ? undefined : wholeMillis(remainingMillis),
    waiters,
    ...(permits !== undefined && { permits })
  })
}
