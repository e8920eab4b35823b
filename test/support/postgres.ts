/** Real PostgreSQL servers for tests, each with a cluster of its own in a temporary folder, and PgBouncer before them. */
import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Redacted, Schedule } from "effect"
import type { Scope } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import type { SqlError } from "effect/sql/SqlError"
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process"
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { postgresBin } from "../../scripts/installed.ts"
import { directory } from "./directory.ts"
import { once } from "./once.ts"
import { exits, freePort, kill, owns, ServerError } from "./server.ts"

/** The server refuses to run as root. */
const user = (): { readonly uid?: number; readonly gid?: number } => {
  if (process.getuid?.() !== 0) return {}
  for (const name of ["postgres", "nobody"]) {
    try {
      const id = (flag: string) => Number(execFileSync("id", [flag, name], { stdio: ["ignore", "pipe", "ignore"] }))
      return { uid: id("-u"), gid: id("-g") }
    } catch {
      continue
    }
  }
  return {}
}

const run = (command: string, args: ReadonlyArray<string>): Effect.Effect<void, ServerError> =>
  Effect.callback((resume) => {
    execFile(
      command,
      args,
      { ...user(), cwd: tmpdir() },
      (error, _stdout, stderr) =>
        resume(error === null ? Effect.void : Effect.fail(new ServerError({ message: `${error.message}\n${stderr}` })))
    )
  })

/** A directory that the server may write to, removed with the scope. */
export const writable = Effect.tap(directory, (path) => Effect.sync(() => chmodSync(path, 0o777)))

export interface Postgres {
  readonly port: number
  readonly url: string
  readonly data: string
  /** Ends the server like a crash, without a checkpoint. */
  readonly crash: Effect.Effect<void>
  /** Starts it again after that. */
  readonly restart: Effect.Effect<void, ServerError>
  readonly process: () => ChildProcess
}

const client = (url: string) =>
  Effect.provide(
    PgClient.make({ url: Redacted.make(url), maxConnections: 1, applicationName: "test" }),
    Reactivity.layer
  )

/** A client to look at the database from outside. */
export const admin = (url: string): Effect.Effect<PgClient.PgClient, SqlError, Scope.Scope> => client(url)

const answers = (url: string): Effect.Effect<void, SqlError> =>
  Effect.scoped(Effect.asVoid(Effect.flatMap(client(url), (sql) => sql.unsafe("SELECT 1"))))

/** Succeeds when it is there: what does not come would not come later, either, but a busy machine takes its time. */
const isThere = (url: string, name: string): Effect.Effect<void, ServerError> =>
  Effect.mapError(
    Effect.retry(answers(url), Schedule.spaced("30 millis").pipe(Schedule.upTo({ duration: "2 minutes" }))),
    (error) => new ServerError({ message: `${name} does not answer: ${error.message}` })
  )

const settings = (port: number, more: ReadonlyArray<string>): ReadonlyArray<string> =>
  [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=16MB",
    ...more
  ].flatMap((setting) => ["-c", setting])

const serve = Effect.fnUntraced(function*(
  data: string,
  port: number,
  more: ReadonlyArray<string>,
  environment: Record<string, string> = {}
): Effect.fn.Return<Postgres, ServerError, Scope.Scope> {
  const url = `postgres://app@127.0.0.1:${port}/postgres`
  let server: ChildProcess | undefined
  const crash = Effect.suspend(() => {
    const ending = server
    if (ending === undefined) return Effect.void
    ending.kill("SIGCONT")
    return kill(ending, "SIGQUIT")
  })
  const start = Effect.suspend(() => {
    const started = server = spawn(`${postgresBin()}postgres`, ["-D", data, ...settings(port, more)], {
      ...user(),
      env: { ...process.env, ...environment },
      cwd: data,
      stdio: "ignore"
    })
    return Effect.raceFirst(Effect.andThen(isThere(url, "postgres"), owns(started, port)), exits(started, "postgres"))
  })
  yield* Effect.addFinalizer(() => crash)
  yield* start
  return { port, url, data, crash, restart: start, process: () => server! }
})

/** A new cluster, made once in a run: copying it takes a tenth of the time. */
const initial: Effect.Effect<string> = Effect.promise(() =>
  once("postgres", (path) => {
    mkdirSync(path)
    chmodSync(path, 0o777)
    const options = ["-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    return Effect.runPromise(run(`${postgresBin()}initdb`, ["-D", join(path, "data"), ...options]))
  }, "outside")
)

/** A new server with additional environment variables; `more` are settings such as `fsync=off`. */
export const postgresIn = (
  environment: Record<string, string>,
  ...more: ReadonlyArray<string>
): Effect.Effect<Postgres, ServerError, Scope.Scope> =>
  Effect.gen(function*() {
    const data = join(yield* writable, "data")
    yield* run("cp", ["-a", join(yield* initial, "data"), data])
    return yield* Effect.retry(Effect.flatMap(freePort, (port) => serve(data, port, more, environment)), { times: 1 })
  })

/** A new server; `more` are settings such as `fsync=off`. */
export const postgres = (
  ...more: ReadonlyArray<string>
): Effect.Effect<Postgres, ServerError, Scope.Scope> => postgresIn({}, ...more)

/** A standby of the server, which streams from it. */
export const standby = (
  primary: Postgres,
  ...more: ReadonlyArray<string>
): Effect.Effect<Postgres, ServerError, Scope.Scope> =>
  Effect.gen(function*() {
    const data = join(yield* writable, "data")
    yield* run(`${postgresBin()}pg_basebackup`, ["-d", primary.url, "-D", data, "-R", "-X", "stream", "-c", "fast"])
    return yield* Effect.flatMap(freePort, (port) => serve(data, port, more))
  })

/** Promotes a standby to primary. */
export const promote = (server: Postgres): Effect.Effect<void, ServerError> =>
  run(`${postgresBin()}pg_ctl`, ["promote", "-w", "-D", server.data])

/** The processes of a server, including those of its connections. */
export const processesOf = (server: Postgres): ReadonlyArray<number> => {
  const parent = server.process().pid!
  const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) === parent
    } catch {
      return false
    }
  })
  return [parent, ...children.map(Number)]
}

export const signal = (pids: ReadonlyArray<number>, name: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch {
      continue
    }
  }
}

interface Pooler {
  readonly url: string
  /** Kills it, and starts it again. */
  readonly restart: Effect.Effect<void, ServerError>
}

/** PgBouncer before the server. */
export const pooler = (
  server: Postgres,
  mode: "session" | "transaction" | "statement"
): Effect.Effect<Pooler, ServerError, Scope.Scope> =>
  Effect.gen(function*() {
    const path = yield* writable
    const port = yield* freePort
    writeFileSync(join(path, "users.txt"), `"app" ""\n`)
    writeFileSync(
      join(path, "pgbouncer.ini"),
      [
        "[databases]",
        `postgres = host=127.0.0.1 port=${server.port} user=app`,
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        `listen_port = ${port}`,
        "unix_socket_dir =",
        "auth_type = trust",
        `auth_file = ${join(path, "users.txt")}`,
        `pool_mode = ${mode}`,
        "default_pool_size = 8",
        "max_client_conn = 200",
        `logfile = ${join(path, "log")}`
      ].join("\n")
    )
    const url = `postgres://app@127.0.0.1:${port}/postgres`
    let process: ChildProcess | undefined
    const start = Effect.suspend(() => {
      const started = process = spawn("pgbouncer", [join(path, "pgbouncer.ini")], {
        ...user(),
        cwd: path,
        stdio: "ignore"
      })
      return Effect.raceFirst(
        Effect.andThen(isThere(url, "pgbouncer"), owns(started, port)),
        exits(started, "pgbouncer")
      )
    })
    const stop = Effect.suspend(() => process === undefined ? Effect.void : kill(process))
    yield* Effect.addFinalizer(() => stop)
    yield* start
    return { url, restart: Effect.andThen(stop, start) }
  })

/** The URL of a PgBouncer in transaction mode. */
export const pgbouncer = (server: Postgres): Effect.Effect<string, ServerError, Scope.Scope> =>
  Effect.map(pooler(server, "transaction"), ({ url }) => url)
