/** Claims that wait in the queue, or want to share their key. */
import { answerOf, heldOf, unknown } from "./answers.ts"
import type { Claiming, Claims } from "./claims.ts"
import type { Edits } from "./edits.ts"
import * as Failure from "./failure.ts"
import { leaseOf, type Server } from "./server.ts"
import { entryEnd } from "./sharing.ts"
import { shared } from "./statements/terms.ts"
import type { Tokens } from "./tokens.ts"

export interface Queueing {
  /** Its entry in the queue, where it may be from now on. */
  readonly enqueue: (asked: Claiming) => string
  readonly wait: (asked: Claiming) => void
  /** Claims a key that is shared or will be, after a release of another token if there is one. */
  readonly edit: (asked: Claiming, previous?: string) => void
}

/** How long a waiter has to claim a key that was passed to it, in milliseconds. */
const grantMillis = 1000

/** `channelFor` gives the channel on which a queued token is notified. */
export const make = (
  { askTimed, latest, statements }: Server,
  { conclude, fail, succeed }: Claims,
  tokens: Tokens,
  edits: Edits,
  channelFor: (token: string) => string | undefined
): Queueing => {
  const enqueue: Queueing["enqueue"] = ({ claim: { expiresMillis, share }, token }) =>
    tokens.enqueue(token, () => {
      const place = `${token} ${leaseOf(expiresMillis)} ${grantMillis} ${channelFor(token) ?? "-"}`
      return share === undefined ? place : place + entryEnd(share)
    })

  const wait: Queueing["wait"] = (asked) => {
    const { claim, row, token } = asked
    const entry = enqueue(asked)
    askTimed(statements.wait, [row, token, leaseOf(claim.expiresMillis), latest(), entry], (rows, error) => {
      const answer = rows?.length === 1 ? answerOf(rows[0]) : undefined
      if (answer === undefined) fail(asked, error ?? new Failure.Strange())
      else if (answer.holder === shared && answer.fencingToken === undefined) edit(asked)
      else conclude(asked, answer, wait)
    })
  }

  const edit: Queueing["edit"] = (asked, previous) => {
    const { claim: { expiresMillis, share, wait }, row, token } = asked
    tokens.edit(token, share !== undefined)
    const entry = wait ? enqueue(asked) : undefined
    const leaseMillis = Math.ceil(expiresMillis)
    edits.run(row, (copy) => {
      if (previous !== undefined) copy.leave(previous, tokens.get(previous)?.entry)
      return copy.ask({ token, leaseMillis, share, entry })
    }, (told, error) => {
      if (told !== undefined) {
        const { fencingToken } = told
        if (previous !== undefined) tokens.released(previous)
        succeed(asked, fencingToken === undefined ? heldOf(told) : { _tag: "Acquired", fencingToken })
      } else if (previous !== undefined) fail(asked, error, "release")
      else if (error instanceof Failure.Locked) succeed(asked, heldOf(unknown))
      else fail(asked, error)
    })
  }

  return { enqueue, wait, edit }
}
