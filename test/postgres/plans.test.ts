import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { settings } from "../../src/internal/sql/connections.ts"
import * as Statements from "../../src/internal/sql/statements.ts"
import { admin, postgres } from "../support/postgres.ts"
import { shared } from "../support/redis.ts"
import { table } from "../support/sqlStores.ts"

interface Plan {
  readonly "Node Type": string
  readonly "Relation Name"?: string
  readonly "Index Cond"?: string
  readonly "TID Cond"?: string
  readonly Plans?: ReadonlyArray<Plan>
}

/** Nodes that read the table without being told which rows. */
const scans = (plan: Plan): ReadonlyArray<string> => [
  ...plan["Relation Name"] === undefined || plan["Node Type"] === "ModifyTable" ||
      plan["Index Cond"] !== undefined || plan["TID Cond"] !== undefined
    ? []
    : [plan["Node Type"]],
  ...plan.Plans?.flatMap(scans) ?? []
]

/** What a statement may be asked with: texts in arrays, numbers, or texts. */
const parametersOf = (statement: string): ReadonlyArray<string> => {
  const count = Math.max(...Array.from(statement.matchAll(/\$(\d+)/g), ([, n]) => Number(n)))
  return Array.from({ length: count }, (_, i) => {
    const type = new RegExp(`\\$${i + 1}::text(\\[\\]|::int8)?`).exec(statement)?.[1]
    return type === "[]" ? "ARRAY['k1', 'k2', 'k3']" : type === "::int8" ? "'1'" : "'k1'"
  })
}

const server = shared(postgres())

/** A table that had so many rows and is empty now, as after a quiet night: statements are planned for that until it is looked at again. */
const emptied = Effect.gen(function*() {
  const { url } = yield* server
  const name = yield* table(url)
  const look = yield* admin(url)
  yield* look.unsafe(`INSERT INTO ${name} SELECT 'k' || i, '', 0, now() FROM generate_series(1, 1000) AS i`)
  yield* look.unsafe(`DELETE FROM ${name}`)
  yield* look.unsafe(`VACUUM ANALYZE ${name}`)
  return { name, look }
})

/** Nodes that read the whole table, for each statement that has some. */
const scansOfAll = Effect.fnUntraced(function*(
  { look, name }: Effect.Success<typeof emptied>,
  unused: ReadonlyArray<string> = []
) {
  const found: Record<string, ReadonlyArray<string>> = {}
  for (const [operation, statement] of Object.entries(Statements.make({ name, sql: name }))) {
    // It looks at all rows anyway
    if (operation === "sweep" || unused.includes(operation)) continue
    yield* look.unsafe(`PREPARE asked AS ${statement}`)
    const [row] = yield* look.unsafe<{ readonly "QUERY PLAN": ReadonlyArray<{ readonly Plan: Plan }> }>(
      `EXPLAIN (FORMAT JSON) EXECUTE asked (${parametersOf(statement).join()})`
    )
    yield* look.unsafe("DEALLOCATE asked")
    const read = scans(row["QUERY PLAN"][0].Plan)
    if (read.length > 0) found[operation] = read
  }
  return found
})

describe("statements find the rows of their keys by the index, also in a table that was empty when it was looked at last", () => {
  it.live("on connections of our own, of however few pages it is", () =>
    Effect.gen(function*() {
      const at = yield* emptied
      for (const [setting, value] of Object.entries(settings)) yield* at.look.unsafe(`SET ${setting} = '${value}'`)
      assert.deepStrictEqual(yield* scansOfAll(at), {})
      yield* at.look.unsafe(`VACUUM FULL ${at.name}`)
      assert.deepStrictEqual(yield* scansOfAll(at), {})
    }))

  for (const mode of ["force_generic_plan", "force_custom_plan"]) {
    it.live(`over a client of the program's, as it keeps its pages (${mode})`, () =>
      Effect.gen(function*() {
        const at = yield* emptied
        yield* at.look.unsafe(`SET plan_cache_mode = ${mode}`)
        assert.deepStrictEqual(yield* scansOfAll(at, ["acquireFreedMany", "freeMany"]), {})
      }))
  }
})
