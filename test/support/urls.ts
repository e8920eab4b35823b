/** A server for programs that take its address from the environment, as the examples do. */
import { Effect } from "effect"
import type { Scope } from "effect"
import * as SqlBackend from "effect-lock/SqlBackend"
import type { ServerName } from "../../scripts/installed.ts"
import { admin, type Postgres, postgres } from "./postgres.ts"
import { redisArgs } from "./redis.ts"
import { freePort, ServerError, start } from "./server.ts"

const servers: Record<
  Exclude<ServerName, "postgres">,
  (port: number) => { command: string; args: ReadonlyArray<string>; url: string }
> = {
  redis: (port: number) => ({
    command: "redis-server",
    args: redisArgs(port),
    url: `redis://127.0.0.1:${port}`
  }),
  memcached: (port: number) => ({
    command: "memcached",
    args: ["-u", "nobody", "-l", "127.0.0.1", "-p", String(port), "-U", "0"],
    url: `memcache://127.0.0.1:${port}`
  })
}

let databases = 0

/** A new database of a server, with the table of locks. */
export const databaseIn = (server: Postgres): Effect.Effect<string, ServerError> =>
  Effect.gen(function*() {
    const name = `database_${++databases}`
    const url = server.url.replace(/postgres$/, name)
    yield* Effect.flatMap(admin(server.url), (sql) => sql.unsafe(`CREATE DATABASE ${name}`))
    const statement = yield* SqlBackend.createTable()
    yield* Effect.flatMap(admin(url), (sql) => sql.unsafe(statement))
    return url
  }).pipe(Effect.scoped, Effect.mapError((error) => new ServerError({ message: error.message })))

const postgresUrl = Effect.flatMap(postgres(), databaseIn)

/** Starts a server that lives as long as the scope, and returns its address. */
export const serverUrl = (name: ServerName): Effect.Effect<string, ServerError, Scope.Scope> =>
  name === "postgres" ? postgresUrl : Effect.flatMap(freePort, (port) => {
    const { args, command, url } = servers[name](port)
    return Effect.as(start(command, args, port), url)
  })
