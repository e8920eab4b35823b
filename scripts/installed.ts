/** Which servers, browsers and runtimes the tests can use. In CI all of them have to be there. */
import { spawnSync } from "node:child_process"

const commands = { redis: "redis-server", memcached: "memcached", chromium: "chromium", bun: "bun", deno: "deno" }

export type Name = keyof typeof commands

export const names = Object.keys(commands) as ReadonlyArray<Name>

export type ServerName = "redis" | "memcached"

export const serverNames: ReadonlyArray<ServerName> = ["redis", "memcached"]

export const isInstalled = (name: Name): boolean =>
  process.env.CI !== undefined || spawnSync(commands[name], ["--version"]).error === undefined
