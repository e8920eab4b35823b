/** What those who take keys of a backend have in common, and what they hear who do not get one. */
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
  /** Where keys are had that nobody here waits for. */
  readonly counter: Counter
  /** What tokens say that are drawn when somebody asks for them. */
  readonly owner: string
}

type Failed = Exit.Exit<never, LockError>

export const closed = ({ port }: Keys, key: string, caller: Caller): Failed =>
  failWith(port.failures.closed("acquire", key), caller)

/** Work that would wait for what it holds itself waits in vain. */
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

/** Somebody else has the key, or so it is as far as it is known. */
export const refused = (
  keys: Keys,
  request: LockRequest,
  caller: Caller,
  waitedMillis: number,
  known: Held | BackendFailure | undefined
): Refusal | Failed =>
  isFailure(known) ? failWith(known, caller) : new Refusal(keys, request, caller, waitedMillis, known)
