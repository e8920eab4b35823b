/** Inspecting and listing keys. */
import * as Effect from "effect/Effect"
import type { BackendFailure } from "../../LockError.ts"
import type { Holder, Page } from "../../LockStore.ts"
import { numberOf } from "./answers.ts"
import { foundOf } from "./edits.ts"
import type { Row } from "./link.ts"
import type { Server } from "./server.ts"
import * as Sharing from "./sharing.ts"
import { pageSize } from "./statements/inspecting.ts"
import { shared } from "./statements/terms.ts"
import { keyOf, rowName, rowPrefix } from "./table.ts"

export interface Inspecting {
  readonly holders: (key: string) => Effect.Effect<ReadonlyArray<Holder>, BackendFailure>
  readonly list: (prefix: string, from: string | undefined) => Effect.Effect<Page, BackendFailure>
}

const isListed = (row: Row): row is readonly [string, string, ...ReadonlyArray<unknown>] =>
  typeof row[0] === "string" && typeof row[1] === "string" && Number.isFinite(numberOf(row[2]))

export const make = ({ look, statements }: Server): Inspecting => {
  /** By the row of each. */
  const sharersOf = (
    operation: string,
    key: string | undefined,
    rows: ReadonlyArray<string>
  ): Effect.Effect<Map<unknown, ReadonlyArray<Holder>>, BackendFailure> =>
    look(operation, key, statements.read, [rows], (read) => {
      const all = read.map((row) => [row[0], foundOf(row)] as const)
      if (all.some(([, found]) => found === undefined)) return undefined
      return new Map(all.map(([row, found]) => [
        row,
        Sharing.holders(found!).map(({ end, permits, token }) => ({
          token,
          permits,
          remainingMillis: (end - found!.now) / 1000,
          waiters: found!.queue.length
        }))
      ]))
    })

  return {
    holders: Effect.fnUntraced(function*(key) {
      const found = yield* look("inspect", key, statements.inspect, [rowName(key)], ([row]) => {
        if (row === undefined) return []
        const [token, left, waiters] = row
        return typeof token !== "string" || !Number.isFinite(numberOf(left))
          ? undefined
          : [{ token, remainingMillis: Number(left), waiters: Number(waiters) } satisfies Holder]
      })
      if (found[0]?.token !== shared) return found
      return (yield* sharersOf("inspect", key, [rowName(key)])).get(rowName(key)) ?? []
    }),
    list: Effect.fnUntraced(function*(prefix, from) {
      const rows = yield* look(
        "list",
        undefined,
        statements.list,
        [rowPrefix(prefix), from ?? ""],
        (rows) => rows.every(isListed) ? rows : undefined
      )
      const sharedRows = rows.flatMap(([row, token]) => token === shared ? row : [])
      const sharers = sharedRows.length === 0 ? undefined : yield* sharersOf("list", undefined, sharedRows)
      const locks = rows.flatMap(([row, token, left, waiters]) => {
        const key = keyOf(row)
        const first = token === shared
          ? sharers?.get(row)?.at(0)
          : { token, remainingMillis: Number(left), waiters: Number(waiters) }
        return key === undefined || first === undefined ? [] : [{ key, ...first }]
      })
      return rows.length < pageSize ? { locks } : { locks, next: rows[rows.length - 1][0] }
    })
  }
}
