/** Real Redis servers for tests: single ones, with a way to restart them, and a cluster of three. */
import { afterAll } from "@effect/vitest"
import { Effect, Exit, Option, Schedule, Scope } from "effect"
import { Redis } from "ioredis"
import { directory } from "./directory.ts"
import { freePort, kill, type Server, type ServerError, start } from "./server.ts"

export const redisArgs = (port: number, more: ReadonlyArray<string> = []): ReadonlyArray<string> => [
  "--port",
  String(port),
  "--bind",
  "127.0.0.1",
  "--save",
  "",
  "--appendonly",
  "no",
  ...more
]

/** A server at a given port, for instance after another one there has died. */
export const redisAt = (
  port: number,
  ...more: ReadonlyArray<string>
): Effect.Effect<Server, ServerError, Scope.Scope> => start("redis-server", redisArgs(port, more), port)

export const redis = (...more: ReadonlyArray<string>): Effect.Effect<Server, ServerError, Scope.Scope> =>
  Effect.retry(Effect.flatMap(freePort, (port) => redisAt(port, ...more)), { times: 2 })

export { kill }

interface Closable {
  on(event: "error", listener: () => void): unknown
  disconnect(): void
}

/** A client that is closed with the scope, and does not print its errors. */
export const closing = <A extends Closable>(make: () => A): Effect.Effect<A, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const client = make()
      client.on("error", () => {})
      return client
    }),
    (client) => Effect.sync(() => client.disconnect())
  )

/** A client to look at the server from outside. */
export const client = (port: number, options: object = {}): Effect.Effect<Redis, never, Scope.Scope> =>
  closing(() => new Redis(port, "127.0.0.1", { ...options }))

/** Three primaries that share all slots. */
export const cluster: Effect.Effect<ReadonlyArray<Server>, ServerError, Scope.Scope> = Effect.gen(function*() {
  const servers: Array<Server> = []
  for (let i = 0; i < 3; i++) {
    const dir = yield* directory
    servers.push(yield* redis("--cluster-enabled", "yes", "--dir", dir, "--cluster-node-timeout", "2000"))
  }
  const clients: Array<Redis> = []
  for (const { port } of servers) clients.push(yield* client(port))
  const bounds = [0, 5461, 10_923, 16_384]
  for (let i = 0; i < 3; i++) {
    yield* Effect.promise(() => clients[i].call("cluster", "addslotsrange", bounds[i], bounds[i + 1] - 1))
    yield* Effect.promise(() => clients[i].call("cluster", "set-config-epoch", i + 1))
  }
  // Nodes that are late forget that they should meet, so they are told again.
  const meet = Effect.promise(() =>
    Promise.all(servers.slice(1).map(({ port }) => clients[0].call("cluster", "meet", "127.0.0.1", port)))
  )
  const knowAll = Effect.map(
    Effect.promise(() => Promise.all(clients.map((client) => client.call("cluster", "info") as Promise<string>))),
    (infos) => infos.every((info) => info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:3"))
  )
  const soon = Effect.timeoutOption(
    Effect.repeat(knowAll, { schedule: Schedule.spaced("30 millis"), until: (all) => all }),
    "4 seconds"
  )
  yield* Effect.repeat(Effect.andThen(meet, soon), { until: Option.isSome })
  return servers
})

/** Waits until a condition holds, by looking again and again; the test's own timeout is the limit. */
export const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.asVoid(Effect.repeat(condition, { schedule: Schedule.spaced("5 millis"), until: (met) => met }))

/** How often each command was executed since the last look. */
export const commandCounts = (client: Redis): Effect.Effect<Record<string, number>> =>
  Effect.promise(async () => {
    const info = await client.info("commandstats")
    await client.config("RESETSTAT")
    const counts: Record<string, number> = {}
    for (const [, name, calls] of info.matchAll(/cmdstat_([\w|]+):calls=(\d+)/g)) counts[name] = Number(calls)
    return counts
  })

/** How many of the commands were scripts. */
export const scriptCount = (counts: Record<string, number>): number => (counts["eval"] ?? 0) + (counts["evalsha"] ?? 0)

/** A resource for all tests of a file: made when the first one asks, released after the last one. */
export const shared = <A, E>(make: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E> => {
  const scope = Scope.makeUnsafe()
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return Effect.runSync(Effect.cached(Scope.provide(make, scope)))
}
