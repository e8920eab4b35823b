/** Claims in flight, and how they end. */
import * as Exit from "effect/Exit"
import type { Attempt, Claim } from "../../LockStore.ts"
import type { Settling } from "../shortcuts.ts"
import { isUndone } from "../undone.ts"
import { type Answer, heldOf } from "./answers.ts"
import * as Failure from "./failure.ts"
import { pauses, type Server } from "./server.ts"
import { rowName } from "./table.ts"
import type { Place, Tokens } from "./tokens.ts"

export interface Claiming extends Place {
  readonly claim: Claim
  readonly call: Settling<Attempt>
  readonly tries: number
}

export interface Claims {
  readonly begin: (claim: Claim, call: Settling<Attempt>) => Claiming
  readonly succeed: (asked: Claiming, attempt: Attempt) => void
  readonly fail: (asked: Claiming, error: unknown, operation?: "acquire" | "release") => void
  /** Ends it as the answer says, or tries it `again`. */
  readonly conclude: (asked: Claiming, answer: Answer, again: (asked: Claiming) => void) => void
}

/** An attempt that does not wait makes only a few of these pauses: then the row counts as held. */
const claimPauses = 5

const refused: Attempt = { _tag: "Held" }

export const make = ({ failure, later }: Server, tokens: Tokens): Claims => {
  const begin = (claim: Claim, call: Settling<Attempt>): Claiming => {
    tokens.claim(claim.token)
    return { row: rowName(claim.key), key: claim.key, token: claim.token, claim, call, tries: 0 }
  }

  const succeed = (asked: Claiming, attempt: Attempt): void => {
    tokens.answered(asked, attempt)
    asked.call.settle(Exit.succeed(attempt))
  }

  const fail: Claims["fail"] = (asked, error, operation = "acquire") => {
    const failed = failure(operation, asked.key, error)
    tokens.answered(asked, isUndone(failed) ? refused : undefined)
    asked.call.settle(Exit.fail(failed))
  }

  const conclude = (asked: Claiming, answer: Answer, again: (asked: Claiming) => void): void => {
    const { claim, token, tries } = asked
    const { fencingToken } = answer
    if (fencingToken !== undefined) return succeed(asked, { _tag: "Acquired", fencingToken })
    if (answer.late) return tries > 0 ? fail(asked, new Failure.Silent()) : again({ ...asked, tries: 1 })
    // Not acquired though it looked free: somebody had locked its row at that moment.
    const skipped = answer.leftMillis <= 0 || answer.holder === token || (claim.wait && !answer.queued)
    if (!skipped || tries >= claimPauses) return succeed(asked, heldOf(answer))
    later(pauses[tries], () => again({ ...asked, tries: tries + 1 }))
  }

  return { begin, succeed, fail, conclude }
}
