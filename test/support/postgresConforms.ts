/** The conformance suite on PostgreSQL, by one way to reach it or another. */
import { describe, it } from "@effect/vitest"
import { Duration, Effect, type Scope } from "effect"
import type { LockStore } from "effect-lock"
import { conformance } from "effect-lock/testing"
import { conforms } from "./conforms.ts"
import { admin, pgbouncer, postgres } from "./postgres.ts"
import { program } from "./program.ts"
import { shared } from "./redis.ts"
import { type flavours, sqlClient, tableBy } from "./sqlStores.ts"

/**
 * Two processes that are connected already, and know whether notifications arrive: some cases count on an answer within a few
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

interface Variant {
  readonly flavour: typeof flavours[number]
  /** Behind PgBouncer in transaction mode, where no notifications arrive. */
  readonly isPooled?: boolean
  /** Whether other processes take part. */
  readonly amongProcesses?: boolean
}

/** The tests of a file, all on one server. */
export const postgresConforms = (...variants: ReadonlyArray<Variant>): void => {
  const server = shared(postgres())
  const pooler = shared(Effect.flatMap(server, pgbouncer))
  const look = shared(Effect.flatMap(server, ({ url }) => admin(url)))
  for (const { amongProcesses = false, flavour: { make, name: called, over }, isPooled = false } of variants) {
    const name = isPooled ? "PgBouncer in transaction mode" : called
    const url = isPooled ? pooler : Effect.map(server, ({ url }) => url)
    // The clients of two programs, for as many cases as there are at once.
    const clients = [1, 2].map(() => shared(Effect.flatMap(url, (url) => sqlClient(url, 40))))
    const all = conformance.conformance({
      name,
      lease: "2 seconds",
      make: Effect.gen(function*() {
        const { url: direct } = yield* server
        const options = { table: yield* tableBy(yield* look) }
        const argument = JSON.stringify({ flavour: called, url: direct, ...options })
        return {
          ...yield* pair(
            over === undefined
              ? Array.from({ length: 2 }, () => Effect.flatMap(url, (url) => make(url, options)))
              : clients.map((client) => Effect.flatMap(client, (sql) => over(sql, options))),
            isPooled
          ),
          program: amongProcesses ? yield* program("postgres", argument) : undefined
        }
      })
    })
    const title = `PostgreSQL conforms (${name})`
    if (amongProcesses) conforms(title, all)
    else {
      const within = all.filter(({ processes }) => processes === 0)
      describe(title, { concurrent: true }, () => conformance.register(it, within))
    }
  }
}
