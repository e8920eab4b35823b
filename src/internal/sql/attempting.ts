/** Claims that get their key at once or not at all, many in one statement. */
import { answerOf, byName, fenceOf } from "./answers.ts"
import * as Batches from "./batches.ts"
import type { Claiming, Claims } from "./claims.ts"
import * as Failure from "./failure.ts"
import type { Freed } from "./freed.ts"
import type { Row } from "./link.ts"
import { leaseOf, type Server } from "./server.ts"

export const make = (
  { askTimed, isTuned, latest, statements }: Server,
  { conclude, fail, succeed }: Claims,
  freed: Freed
): Batches.Batches<Claiming> => {
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

  return attempts
}
