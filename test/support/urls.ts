/** A server for programs that take its address from the environment, as the examples do. */
import { Effect } from "effect"
import type { Scope } from "effect"
import type { ServerName } from "../../scripts/installed.ts"
import { freePort, type ServerError, start } from "./server.ts"

const servers: Record<ServerName, (port: number) => { command: string; args: Array<string>; url: string }> = {
  redis: (port: number) => ({
    command: "redis-server",
    args: ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    url: `redis://127.0.0.1:${port}`
  }),
  memcached: (port: number) => ({
    command: "memcached",
    args: ["-u", "nobody", "-l", "127.0.0.1", "-p", String(port), "-U", "0"],
    url: `memcache://127.0.0.1:${port}`
  })
}

/** Starts a server that lives as long as the scope, and gives its address. */
export const serverUrl = (name: ServerName): Effect.Effect<string, ServerError, Scope.Scope> =>
  Effect.flatMap(freePort, (port) => {
    const { args, command, url } = servers[name](port)
    return Effect.as(start(command, args, port), url)
  })
