import { beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import * as SqlBackend from "effect-lock/SqlBackend"
import { conformance } from "effect-lock/testing"
import * as SqlClient from "effect/sql/SqlClient"
import * as PGlite from "../support/pglite.ts"
import { shared } from "../support/redis.ts"

const database = shared(PGlite.database)
let tables = 0

// Compiling it takes long on a slow machine.
beforeAll(() => Effect.runPromise(Effect.asVoid(database)))

const all = conformance.conformance({
  name: "PGlite",
  lease: "2 seconds",
  make: Effect.gen(function*() {
    const db = yield* database
    const options = { table: `locks_${++tables}` }
    const statement = yield* SqlBackend.createTable(options)
    yield* Effect.promise(() => db.exec(statement))
    const make = Effect.flatMap(
      PGlite.client(db),
      (sql) => Effect.provideService(SqlBackend.makeStoreSqlClient(options), SqlClient.SqlClient, sql)
    )
    const [one, other] = [yield* make, yield* make]
    return { one: { ...one, patience: Duration.millis(500) }, other }
  })
})

// Those that are told. One that cannot listen looks by the same statements on any server.
describe("PGlite conforms", () => conformance.register(it, all))
