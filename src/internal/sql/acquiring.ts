/**
 * Acquiring keys: at once or not at all, by waiting in the queue, and by transfer from another
 * token.
 */
import * as Exit from "effect/Exit"
import type { Attempt, Claim } from "../../LockStore.ts"
import type { Settling } from "../shortcuts.ts"
import { answerOf, fenceOf, heldOf, numberOf } from "./answers.ts"
import * as Attempting from "./attempting.ts"
import * as Claims from "./claims.ts"
import type { Edits } from "./edits.ts"
import * as Failure from "./failure.ts"
import type { Freed } from "./freed.ts"
import * as Queueing from "./queueing.ts"
import type { Releasing } from "./releasing.ts"
import { leaseOf, pauses, type Server } from "./server.ts"
import type { Tokens } from "./tokens.ts"

export interface Acquiring {
  readonly tryAcquire: (claim: Claim, call: Settling<Attempt>) => void
  /** Releases the key from `token`, and claims it. */
  readonly exchange: (token: string, claim: Claim, call: Settling<Attempt>) => void
  /** Transfers a key from another token. */
  readonly transfer: (from: string, claim: Claim, call: Settling<Attempt>) => void
}

/** `channelFor` gives the channel on which a queued token is notified. */
export const make = (
  server: Server,
  tokens: Tokens,
  releasing: Releasing,
  edits: Edits,
  freed: Freed,
  channelFor: (token: string) => string | undefined
): Acquiring => {
  const { askTimed, later, latest, statements } = server
  const claims = Claims.make(server, tokens)
  const { begin, fail, succeed } = claims
  const attempts = Attempting.make(server, claims, freed)
  const { edit, enqueue, wait } = Queueing.make(server, claims, tokens, edits, channelFor)

  const exchange: Acquiring["exchange"] = (from, claim, call) => {
    const asked = begin(claim, call)
    if (claim.share !== undefined || tokens.get(from)?.edits === true) return edit(asked, from)
    const { key, row, token } = asked
    const lease = leaseOf(claim.expiresMillis)
    const entry = enqueue(asked)
    const ask = (tries: number): void =>
      askTimed(statements.exchange, [row, from, token, lease, latest(), entry], (rows, error) => {
        if (rows === undefined) return fail(asked, error, "release")
        // The token does not hold it, but may wait for it.
        if (rows.length === 0) {
          const released: Settling<boolean> = {
            settle: (exit) => {
              if (exit._tag === "Success") return wait(asked)
              tokens.answered(asked, undefined)
              call.settle(Exit.failCause(exit.cause))
            }
          }
          return releasing.release({ row, key, token: from }, released)
        }
        const [isOurs, , , holder, left, waiters, isLate, isShared] = rows[0]
        const fencingToken = fenceOf(rows[0])
        if (isLate === true) return tries > 0 ? fail(asked, new Failure.Silent(), "release") : ask(1)
        if (isShared === true) return edit(asked, from)
        if (isOurs === null) {
          if (tries >= pauses.length) return fail(asked, new Failure.Locked(), "release")
          return later(pauses[tries], () => ask(tries + 1))
        }
        if (fencingToken === undefined) return fail(asked, new Failure.Strange(), "release")
        tokens.released(from)
        succeed(
          asked,
          isOurs === true
            ? { _tag: "Acquired", fencingToken }
            : heldOf({ holder: String(holder), leftMillis: numberOf(left), waiters: numberOf(waiters) })
        )
      })
    ask(0)
  }

  const transfer: Acquiring["transfer"] = (from, claim, call) => {
    const asked = begin(claim, call)
    const { row, token } = asked
    const ask = (tries: number): void =>
      askTimed(statements.transfer, [row, from, token, leaseOf(claim.expiresMillis), latest()], (rows, error) => {
        if (rows === undefined) return fail(asked, error)
        if (rows.length === 0) return succeed(asked, { _tag: "Held" })
        const answer = answerOf(rows[0])
        if (answer === undefined) return fail(asked, new Failure.Strange())
        const { fencingToken, holder } = answer
        if (fencingToken !== undefined) succeed(asked, { _tag: "Acquired", fencingToken })
        else if (answer.late) {
          if (tries > 0) fail(asked, new Failure.Silent())
          else ask(1)
        } else if (holder !== from && holder !== token) succeed(asked, heldOf(answer))
        else if (tries >= pauses.length) fail(asked, new Failure.Locked())
        else later(pauses[tries], () => ask(tries + 1))
      })
    ask(0)
  }

  return {
    tryAcquire: (claim, call) => {
      const asked = begin(claim, call)
      if (claim.share !== undefined || tokens.get(claim.token)?.edits === true) edit(asked)
      else if (claim.wait) wait(asked)
      else attempts.add(asked)
    },
    exchange,
    transfer
  }
}
