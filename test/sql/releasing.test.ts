/** Releases over a server that is behind. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import type { Link, OnEnd } from "../../src/internal/sql/link.ts"
import * as Store from "../../src/internal/sql/store.ts"
import * as Table from "../../src/internal/sql/table.ts"

describe("releases that are not sent yet", () => {
  it.effect("are sent once, however often they are asked for, and each call is answered", () =>
    Effect.gen(function*() {
      const sent: Array<{ readonly parameters: ReadonlyArray<unknown>; readonly end: OnEnd }> = []
      const link: Link = {
        isTuned: () => true,
        run: (_, parameters, end) => void sent.push({ parameters, end }),
        listen: undefined
      }
      const store = yield* Store.make(link, Result.getOrThrow(Table.parseTable()))
      const ask = (key: string) => Effect.forkChild(store.release(key, `1-${key}.x`), { startImmediately: true })
      const turn = Effect.yieldNow
      for (const key of ["a", "b"]) {
        yield* ask(key)
        yield* turn
      }
      assert.strictEqual(sent.length, 2)
      // As many statements are out as are useful.
      const waiting = [yield* ask("c"), yield* ask("c"), yield* ask("d"), yield* ask("c")]
      yield* turn
      assert.strictEqual(sent.length, 2)
      const all = (rows: ReadonlyArray<unknown>) => rows.map((row) => [row, true, true])
      for (const { end, parameters: [row] } of sent.splice(0)) end(all([row]), undefined)
      yield* turn
      assert.deepStrictEqual(sent.map(({ parameters }) => parameters), [[["kc", "kd"], ["1-c.x", "1-d.x"]]])
      for (const { end, parameters: [rows] } of sent.splice(0)) end(all(rows as ReadonlyArray<unknown>), undefined)
      for (const fiber of waiting) assert.isTrue(yield* Fiber.join(fiber))
      yield* turn
      assert.strictEqual(sent.length, 0)
    }).pipe(Effect.scoped))
})
