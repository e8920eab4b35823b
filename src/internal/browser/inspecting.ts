/** Inspecting and listing keys. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { BackendFailure } from "../../LockError.ts"
import type { Holder, LockStore } from "../../LockStore.ts"
import * as Changes from "./changes.ts"
import type { Ground } from "./ground.ts"
import { pageSize, type Table } from "./table.ts"

export const make = (
  { areGone, viewOf }: Ground,
  table: Table
): Pick<Required<LockStore>, "holders" | "inspect" | "list"> => {
  const holders = (key: string): Effect.Effect<ReadonlyArray<Holder>, BackendFailure> =>
    Effect.flatMap(table.read("inspect", key), (record) => {
      const seen = Changes.living(record, viewOf(key))
      return Effect.map(areGone("inspect", key, seen.map(({ tab }) => tab)), () => {
        const now = viewOf(key)
        return Changes.living(record, now).map((holder) => ({
          token: holder.token,
          remainingMillis: now.remaining(holder),
          waiters: record.queue.length,
          ...(holder.permits !== undefined && { permits: holder.permits })
        }))
      })
    })

  const inspect = (key: string) => Effect.map(holders(key), ([first]) => Option.fromUndefinedOr(first))

  const list = Effect.fnUntraced(function*(prefix: string, from: string | undefined) {
    const keys = yield* table.keys(prefix, from)
    const looked = yield* Effect.forEach(
      keys,
      (key) => Effect.map(inspect(key), Option.map((holder) => ({ key, ...holder }))),
      { concurrency: "unbounded" }
    )
    const locks = looked.flatMap(Option.toArray)
    return keys.length < pageSize ? { locks } : { locks, next: keys[keys.length - 1] }
  })

  return { holders, inspect, list }
}
