/** Renewing leases, many of them by one statement. */
import * as Effect from "effect/Effect"
import type { BackendFailure } from "../../LockError.ts"
import type { Extension } from "../../LockStore.ts"
import * as Failure from "./failure.ts"
import type { Row } from "./link.ts"
import { leaseOf, pauses, type Server } from "./server.ts"
import { rowName } from "./table.ts"
import type { Tokens } from "./tokens.ts"

/** Renewals in one statement, and how many such statements may be in flight. */
const batchSize = 500
const statementsOut = 2

type Verdict = boolean | "locked" | "shared"

/** A batch may have several tokens of one key, of which one holds it. */
const extendedAlone = (rows: ReadonlyArray<Row>) => {
  const found = new Map(rows.map(([row, token, isExtended]) => [`${token} ${row}`, isExtended]))
  return (row: string, token: string): Verdict => {
    const isExtended = found.get(`${token} ${row}`)
    return isExtended === null ? "shared" : isExtended === false ? "locked" : isExtended === true
  }
}

const extendedShared = (rows: ReadonlyArray<Row>) => {
  const found = new Map(
    rows.map(([row, tokens]) =>
      [row, typeof tokens === "string" ? new Set<unknown>(JSON.parse(tokens)) : undefined] as const
    )
  )
  return (row: string, token: string): Verdict =>
    found.has(row) && found.get(row) === undefined ? "locked" : found.get(row)?.has(token) === true
}

export interface Renewing {
  /** The answers in the same order. A failure does not hold up the others. */
  readonly extendAll: (
    extensions: ReadonlyArray<Extension>
  ) => Effect.Effect<ReadonlyArray<boolean | BackendFailure>, BackendFailure>
}

export const make = ({ ask, failure, later, statements }: Server, tokens: Tokens): Renewing => {
  const extendBatch = (
    extensions: ReadonlyArray<Extension>
  ): Effect.Effect<ReadonlyArray<boolean | BackendFailure>, BackendFailure> =>
    Effect.callback((resume) => {
      const rows = extensions.map(({ key }) => rowName(key))
      const extended: Array<boolean | BackendFailure> = extensions.map(() => false)
      let out = 0
      let failed: BackendFailure | undefined
      const extend = (statement: string, indices: ReadonlyArray<number>, tries: number): void => {
        if (indices.length === 0) return
        const parameters = [
          indices.map((i) => rows[i]),
          indices.map((i) => extensions[i].token),
          indices.map((i) => leaseOf(extensions[i].expiresMillis))
        ]
        out++
        ask(statement, parameters, (found, error) => {
          if (found === undefined) failed = failure("extend", extensions[indices[0]].key, error)
          else {
            const verdict = statement === statements.extend ? extendedAlone(found) : extendedShared(found)
            const verdicts = indices.map((i) => [i, verdict(rows[i], extensions[i].token)] as const)
            const among = (wanted: unknown) => verdicts.flatMap(([i, one]) => one === wanted ? i : [])
            for (const i of among(true)) extended[i] = true
            extend(statements.extendShared, among("shared"), 0)
            const locked = among("locked")
            if (locked.length > 0 && tries < pauses.length) {
              out++
              later(pauses[tries], () => {
                out--
                extend(statement, locked, tries + 1)
              })
            } else for (const i of locked) extended[i] = failure("extend", extensions[i].key, new Failure.Locked())
          }
          if (--out === 0) resume(failed === undefined ? Effect.succeed(extended) : Effect.fail(failed))
        })
      }
      const all = extensions.map((_, i) => i)
      const shares = (i: number) => tokens.get(extensions[i].token)?.shares === true
      extend(statements.extend, all.filter((i) => !shares(i)), 0)
      extend(statements.extendShared, all.filter(shares), 0)
    })

  return {
    extendAll: Effect.fnUntraced(function*(extensions) {
      const batches: Array<Effect.Effect<ReadonlyArray<boolean | BackendFailure>, BackendFailure>> = []
      for (let i = 0; i < extensions.length; i += batchSize) {
        batches.push(extendBatch(extensions.slice(i, i + batchSize)))
      }
      return (yield* Effect.all(batches, { concurrency: statementsOut })).flat()
    })
  }
}
