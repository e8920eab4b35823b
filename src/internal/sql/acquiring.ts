/**
 * Acquiring keys: at once or not at all, by waiting in the queue, and by transfer from another
 * token.
 */
import * as Exit from "effect/Exit"
import type { Attempt, Claim } from "../../LockStore.ts"
import type { Settling } from "../shortcuts.ts"
import { isUndone } from "../undone.ts"
import { type Answer, answerOf, byName, fenceOf, heldOf, numberOf, unknown } from "./answers.ts"
import * as Batches from "./batches.ts"
import type { Edits } from "./edits.ts"
import * as Failure from "./failure.ts"
import type { Freed } from "./freed.ts"
import type { Row } from "./link.ts"
import type { Releasing } from "./releasing.ts"
import { leaseOf, pauses, type Server } from "./server.ts"
import { entryEnd } from "./sharing.ts"
import { shared } from "./statements/terms.ts"
import { rowName } from "./table.ts"
import type { Place, Tokens } from "./tokens.ts"

export interface Acquiring {
  readonly tryAcquire: (claim: Claim, call: Settling<Attempt>) => void
  /** Releases the key from `token`, and claims it. */
  readonly exchange: (token: string, claim: Claim, call: Settling<Attempt>) => void
  /** Transfers a key from another token. */
  readonly transfer: (from: string, claim: Claim, call: Settling<Attempt>) => void
}

/** How long a waiter has to claim a key that was passed to it, in milliseconds. */
const grantMillis = 1000

/** An attempt that does not wait makes only a few of these pauses: then the row counts as held. */
const claimPauses = 5

const refused: Attempt = { _tag: "Held" }

interface Claiming extends Place {
  readonly claim: Claim
  readonly call: Settling<Attempt>
  readonly tries: number
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
  const { askTimed, failure, isTuned, later, latest, statements } = server

  const begin = (claim: Claim, call: Settling<Attempt>): Claiming => {
    tokens.claim(claim.token)
    return { row: rowName(claim.key), key: claim.key, token: claim.token, claim, call, tries: 0 }
  }

  /** Its entry in the queue, where it may be from now on. */
  const enqueue = ({ claim: { expiresMillis, share }, token }: Claiming): string =>
    tokens.enqueue(token, () => {
      const place = `${token} ${leaseOf(expiresMillis)} ${grantMillis} ${channelFor(token) ?? "-"}`
      return share === undefined ? place : place + entryEnd(share)
    })

  const succeed = (asked: Claiming, attempt: Attempt): void => {
    tokens.answered(asked, attempt)
    asked.call.settle(Exit.succeed(attempt))
  }

  const fail = (asked: Claiming, error: unknown, operation = "acquire"): void => {
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

  // ---------------------------------------------------------------------------
  // At once or not at all
  // ---------------------------------------------------------------------------

  const attempts = Batches.make<Claiming>((batch, landed) =>
    batch.length === 1 ? sendOne(batch[0], landed) : sendMany(batch, landed)
  )

  const sendOne = (asked: Claiming, landed: () => void): void => {
    const { claim, row, token } = asked
    const isFreed = freed.take(row)
    const statement = isFreed ? statements.acquireFreed : statements.acquireOne
    askTimed(statement, [row, token, leaseOf(claim.expiresMillis), latest()], (rows, error) => {
      if (rows?.length === 0) return isFreed ? sendOne(asked, landed) : sendOthers([asked], landed)
      landed()
      const fencingToken = isFreed ? fenceOf(rows?.[0]) : undefined
      if (fencingToken === undefined) concludeAll([asked], rows, error)
      else succeed(asked, { _tag: "Acquired", fencingToken })
    })
  }

  const claimsOf = (batch: ReadonlyArray<Claiming>) => [
    batch.map(({ row }) => row),
    batch.map(({ token }) => token),
    batch.map(({ claim }) => leaseOf(claim.expiresMillis)),
    latest()
  ]

  const freedOf = (batch: ReadonlyArray<Claiming>, lease: string) => [
    batch.map(({ row }) => row),
    JSON.stringify(Object.fromEntries(batch.map(({ row, token }) => [row, token]))),
    lease,
    latest()
  ]

  /** Most keys are free. */
  const sendMany = (batch: ReadonlyArray<Claiming>, landed: () => void): void => {
    const lease = leaseOf(batch[0].claim.expiresMillis)
    let areFreed = isTuned()
    for (const { claim, row } of batch) {
      if (!freed.take(row) || leaseOf(claim.expiresMillis) !== lease) areFreed = false
    }
    const statement = areFreed ? statements.acquireFreedMany : statements.acquireFree
    askTimed(statement, areFreed ? freedOf(batch, lease) : claimsOf(batch), (rows, error) => {
      const taken = rows && byName(rows)
      const others: Array<Claiming> = []
      for (const asked of batch) {
        const fencingToken = fenceOf(taken?.get(asked.row))
        if (taken === undefined) fail(asked, error)
        else if (fencingToken !== undefined) succeed(asked, { _tag: "Acquired", fencingToken })
        else others.push(asked)
      }
      if (others.length > 0) sendOthers(others, landed)
      else landed()
    })
  }

  const sendOthers = (batch: ReadonlyArray<Claiming>, landed: () => void): void =>
    askTimed(statements.acquire, claimsOf(batch), (rows, error) => {
      landed()
      concludeAll(batch, rows, error)
    })

  const concludeAll = (
    batch: ReadonlyArray<Claiming>,
    rows: ReadonlyArray<Row> | undefined,
    error: unknown
  ): void => {
    const answers = new Map(rows?.map((row) => [row[0], answerOf(row)]))
    for (const asked of batch) {
      const answer = answers.get(asked.row)
      if (answer === undefined) fail(asked, error ?? new Failure.Strange())
      else conclude(asked, answer, attempts.add)
    }
  }

  // ---------------------------------------------------------------------------
  // In the queue
  // ---------------------------------------------------------------------------

  const wait = (asked: Claiming): void => {
    const { claim, row, token } = asked
    const entry = enqueue(asked)
    askTimed(statements.wait, [row, token, leaseOf(claim.expiresMillis), latest(), entry], (rows, error) => {
      const answer = rows?.length === 1 ? answerOf(rows[0]) : undefined
      if (answer === undefined) fail(asked, error ?? new Failure.Strange())
      else if (answer.holder === shared && answer.fencingToken === undefined) edit(asked)
      else conclude(asked, answer, wait)
    })
  }

  /** Claims a key that is shared or will be, after a release of another token if there is one. */
  const edit = (asked: Claiming, previous?: string): void => {
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

  // ---------------------------------------------------------------------------
  // From another token
  // ---------------------------------------------------------------------------

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
