/** Which servers, browsers and runtimes the tests can use. In CI all of them have to be there. */
import { existsSync, readdirSync } from "node:fs"
import { delimiter, isAbsolute, join } from "node:path"

const debian = "/usr/lib/postgresql"

/** Where PostgreSQL's programs are: in the folder `POSTGRES_BIN`, the newest of Debian's packages, or the PATH. */
export const postgresBin = (): string => {
  if (process.env.POSTGRES_BIN !== undefined) return `${process.env.POSTGRES_BIN}/`
  const versions = existsSync(debian) ? readdirSync(debian).filter((name) => /^\d+$/.test(name)) : []
  const newest = Math.max(...versions.map(Number))
  return versions.length === 0 ? "" : `${debian}/${newest}/bin/`
}

const commands = {
  redis: "redis-server",
  memcached: "memcached",
  postgres: `${postgresBin()}postgres`,
  chromium: "chromium",
  bun: "bun",
  deno: "deno",
  cc: "cc"
}

export type Name = keyof typeof commands

export const names = Object.keys(commands) as ReadonlyArray<Name>

export type ServerName = "redis" | "memcached" | "postgres"

export const serverNames: ReadonlyArray<ServerName> = ["redis", "memcached", "postgres"]

export const isInstalled = (name: Name): boolean => {
  if (process.env.CI !== undefined) return true
  const command = commands[name]
  const folders = isAbsolute(command) ? [""] : (process.env.PATH ?? "").split(delimiter)
  return folders.some((folder) => existsSync(join(folder, command)))
}
