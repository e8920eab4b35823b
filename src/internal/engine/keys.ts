/** What every way to take a key of a backend needs, and the errors of a call that gets none. */
import type * as Exit from "effect/Exit"
import type { LockRequest } from "../../LockConfig.ts"
import { type BackendFailure, type LockError, LockReentered } from "../../LockError.ts"
import type { Held } from "../../LockStore.ts"
import { failWith } from "../failing.ts"
import type { Caller } from "../guard.ts"
import * as Reentry from "../reentry.ts"
import { Refusal, type Refusing } from "../refusal.ts"
import { isFailure } from "./failures.ts"
import type { Counter } from "./lender.ts"
import type { LineParts } from "./line.ts"
import type { Lines } from "./lines.ts"

export interface Keys extends LineParts, Refusing {
  readonly lines: Lines
  /** The lender of keys that nobody here waits for. */
  readonly counter: Counter
  /** The owner in tokens that are generated on demand. */
  readonly owner: string
}

type Failed = Exit.Exit<never, LockError>

export const closed = ({ port }: Keys, key: string, caller: Caller): Failed =>
  failWith(port.failures.closed("acquire", key), caller)

/** The error for work that would wait for a key that it holds itself. */
export const reentered = (
  keys: Keys,
  { key, share, timeoutMillis }: LockRequest,
  caller: Caller
): Failed | undefined => {
  if (timeoutMillis === 0) return undefined
  const found = Reentry.find(caller, keys, key)
  if (found === undefined || Reentry.partOf(caller, found.section) === undefined) return undefined
  const how = (share: unknown) => share === undefined ? "alone" : "shared"
  return failWith(() => new LockReentered({ key, held: how(found.lease.share), wanted: how(share) }), caller)
}

/** The key is held by somebody else, as far as is known. */
export const refused = (
  keys: Keys,
  request: LockRequest,
  caller: Caller,
  waitedMillis: number,
  known: Held | BackendFailure | undefined
): Refusal | Failed =>
  isFailure(known) ? failWith(known, caller) : new Refusal(keys, request, caller, waitedMillis, known)
