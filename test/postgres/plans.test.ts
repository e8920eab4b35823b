import { assert, it } from "@effect/vitest"
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

const server = shared(postgres())

// Such is a table after a quiet night, and statements are planned for it until it is looked at again.
it.live("statements find the rows of their keys by the index, also in a table that was empty when it was looked at last", () =>
  Effect.gen(function*() {
    const { url } = yield* server
    const name = yield* table(url)
    const look = yield* admin(url)
    for (const [setting, value] of Object.entries(settings)) yield* look.unsafe(`SET ${setting} = '${value}'`)
    yield* look.unsafe(`INSERT INTO ${name} SELECT 'k' || i, '', 0, now() FROM generate_series(1, 500) AS i`)
    yield* look.unsafe(`DELETE FROM ${name}`)
    yield* look.unsafe(`ANALYZE ${name}`)
    for (const [operation, statement] of Object.entries(Statements.make({ name, sql: name }))) {
      // It looks at all rows anyway
      if (operation === "sweep") continue
      const count = Math.max(...Array.from(statement.matchAll(/\$(\d+)/g), ([, n]) => Number(n)))
      yield* look.unsafe(`PREPARE asked AS ${statement}`)
      const [row] = yield* look.unsafe<{ readonly "QUERY PLAN": ReadonlyArray<{ readonly Plan: Plan }> }>(
        `EXPLAIN (FORMAT JSON) EXECUTE asked (${Array(count).fill("NULL").join()})`
      )
      yield* look.unsafe("DEALLOCATE asked")
      assert.deepStrictEqual(scans(row["QUERY PLAN"][0].Plan), [], operation)
    }
  }))
