import { describe, it } from "@effect/vitest"
import { Duration, Effect, type Scope } from "effect"
import type { LockStore } from "effect-lock"
import { conformance } from "effect-lock/testing"
import { conforms } from "../support/conforms.ts"
import { admin, pgbouncer, postgres } from "../support/postgres.ts"
import { program } from "../support/program.ts"
import { shared } from "../support/redis.ts"
import { flavours, sqlClient, tableBy } from "../support/sqlStores.ts"

const server = shared(postgres())
const pooler = shared(Effect.flatMap(server, pgbouncer))
const look = shared(Effect.flatMap(server, ({ url }) => admin(url)))

/**
 * Two processes that are connected already, and know whether they hear anything: some cases count on an answer within few
 * milliseconds.
 */
const pair = <E>(makes: ReadonlyArray<Effect.Effect<LockStore.LockStore, E, Scope.Scope>>, isDeaf: boolean) =>
  Effect.gen(function*() {
    const [one, other] = yield* Effect.all(makes)
    yield* Effect.forEach([one, other], ({ inspect, listen }) =>
      isDeaf
        ? Effect.scoped(Effect.andThen(listen!("nobody", "w.0.0", () => {}), Effect.sleep("400 millis")))
        : inspect("nobody"), { concurrency: 2 })
    // Who watches and hears nothing looks, which is the engine's.
    return { one: { ...one, ...(isDeaf && { watch: undefined }), patience: Duration.millis(400) }, other }
  })

const variants = [
  ...flavours.map((flavour) => ({ ...flavour, url: Effect.map(server, ({ url }) => url), isDeaf: false })),
  { ...flavours[0], name: "PgBouncer in transaction mode", url: pooler, isDeaf: true }
]

/** One that is told and one that looks: what the processes of the others say to the server is the same. */
const amongProcesses = new Set(["its own connections", "a client that cannot listen"])

for (const { isDeaf, make, name, over, url } of variants) {
  // The clients of two programs, for as many cases as there are at once.
  const clients = [1, 2].map(() => shared(Effect.flatMap(url, (url) => sqlClient(url, 40))))
  const hasProgram = amongProcesses.has(name)
  const all = conformance.conformance({
    name,
    lease: "2 seconds",
    make: Effect.gen(function*() {
      const { url: direct } = yield* server
      const options = { table: yield* tableBy(yield* look) }
      const argument = JSON.stringify({ flavour: name, url: direct, ...options })
      return {
        ...yield* pair(
          over === undefined
            ? Array.from({ length: 2 }, () => Effect.flatMap(url, (url) => make(url, options)))
            : clients.map((client) => Effect.flatMap(client, (sql) => over(sql, options))),
          isDeaf
        ),
        program: hasProgram ? yield* program("postgres", argument) : undefined
      }
    })
  })
  const title = `PostgreSQL conforms (${name})`
  if (hasProgram) conforms(title, all)
  else {
    const within = all.filter(({ processes }) => processes === 0)
    describe(title, { concurrent: true }, () => conformance.register(it, within))
  }
}
