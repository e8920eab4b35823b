/**
 * Takes a key: synchronously where nothing has to be waited for, otherwise by asking for it. It acts when it is
 * called, so only what owns the outcome may call it.
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { LockRequest } from "../../LockConfig.ts"
import type { LockError } from "../../LockError.ts"
import { failWith } from "../failing.ts"
import type { Caller, Restore } from "../guard.ts"
import { Refusal } from "../refusal.ts"
import type { Bearer } from "../shortcuts.ts"
import { Asker, type Taken } from "./asker.ts"
import { closed, type Keys, reentered, refused } from "./keys.ts"
import { Lease } from "./lease.ts"
import { leastRenewed } from "./port.ts"

/** Stands in for a lease that is about to be made. */
const somebody: Bearer = { text: undefined, token: "" }

export const take = (
  keys: Keys,
  request: LockRequest,
  caller: Caller,
  restore: Restore
): Taken | Effect.Effect<Taken, LockError> => {
  const { expiresMillis, key, renew, share, timeoutMillis } = request
  const { lines, port } = keys
  if (keys.closed) return closed(keys, key, caller)
  if (expiresMillis < leastRenewed || expiresMillis > port.maxExpires) {
    const error = port.invalidExpires(expiresMillis, renew)
    if (error !== undefined) return Exit.fail(error)
  }
  if (share !== undefined && port.store.shares !== true) return failWith(port.failures.unshared(key), caller)
  if (timeoutMillis === 0 && isKept(keys, key)) {
    keys.journal.meter.attempts++
    return new Refusal(keys, request, caller, 0, undefined)
  }
  const at = port.alarms.now()
  const found = port.direct !== undefined && lines.size === 0 ? undefined : lines.find(key)
  let line = found?.vacant === false ? found : undefined
  if (line === undefined && port.direct !== undefined) {
    const lease = takeInPlace(keys, request, at)
    if (lease !== undefined) return lease
    if (timeoutMillis === 0) return new Refusal(keys, request, caller, 0, undefined)
    const holder = port.direct.look(key, at)?.bearer
    // A lost lease has the key in the store until it is given back: that is waited for like another process.
    if (holder instanceof Lease && holder.isHeld && holder.lender === keys.counter) {
      line = lines.occupy(key, found)
      line.adopt(holder)
    }
  }
  if (line === undefined) {
    const joined = keys.sharing.join(request, at)
    if (joined === undefined) {
      return new Asker(keys, lines.occupy(key, found), request, caller, restore, at).ask(at, undefined)
    }
    keys.journal.acquired(joined, 0)
    return joined
  }
  const inVain = reentered(keys, request, caller)
  if (inVain !== undefined) return inVain
  if (timeoutMillis === 0 && !line.isInDoubt) return refused(keys, request, caller, 0, line.known(at))
  return new Asker(keys, line, request, caller, restore, at).queue()
}

/**
 * Whether a holder in this process has the key, in a store in this process. It would be told if that ended, so the
 * answer holds whatever the time is: reading the clock takes longer than the rest of a refusal.
 */
const isKept = (keys: Keys, key: string): boolean => {
  const holder = keys.port.direct?.holder(key)
  return holder instanceof Lease && holder.home === keys && holder.isHeld && holder.place !== -1
}

/** Takes a key of a store in this process, without a line. */
const takeInPlace = (keys: Keys, request: LockRequest, at: number): Lease | undefined => {
  const { atLeastMillis, expiresMillis, key, owner, renew, share } = request
  keys.journal.meter.attempts++
  const hold = keys.port.direct!.take(key, somebody, expiresMillis, at, share)
  if (hold === undefined) return undefined
  const lender = share === undefined ? keys.counter : keys.sharing
  const token = owner === keys.owner ? undefined : keys.nextToken(at, owner)
  const { fencingToken } = hold
  const deadline = at + expiresMillis
  const lease = new Lease(lender, { key, token, fencingToken, expiresMillis, renew, since: at, deadline })
  lease.carriedBy(hold)
  if (atLeastMillis > 0) lease.stay = at + atLeastMillis
  const own = share === undefined ? lease : keys.sharing.lend(lease, share)
  keys.journal.acquired(own, 0)
  return own
}
