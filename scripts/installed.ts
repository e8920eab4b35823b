/** Which servers the tests can use. In CI all of them have to be there. */
import { spawnSync } from "node:child_process"

const commands = { redis: "redis-server", memcached: "memcached" }

export type ServerName = keyof typeof commands

export const serverNames: ReadonlyArray<ServerName> = ["redis", "memcached"]

export const isInstalled = (name: ServerName): boolean =>
  process.env.CI !== undefined || spawnSync(commands[name], ["--version"]).error === undefined
