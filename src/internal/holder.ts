/** What a store says of a holder, for people. */
import * as Duration from "effect/Duration"
import { Holder } from "../LockError.ts"
import type { Occupant } from "../LockStore.ts"
import * as Token from "./token.ts"

export const toHolder = ({ remainingMillis, token, waiters }: Occupant): Holder =>
  new Holder({
    token,
    ...Token.parse(token),
    remaining: remainingMillis === undefined ? undefined : Duration.millis(Math.max(0, Math.round(remainingMillis))),
    waiters
  })
