/** The servers under attack, with what nemeses need of them. */
import { Effect, Schedule, Scope, Semaphore } from "effect"
import * as SqlBackend from "effect-lock/SqlBackend"
import type { Redis } from "ioredis"
import { readdirSync } from "node:fs"
import { connect } from "node:net"
import { directory } from "../support/directory.ts"
import { memcached } from "../support/memcached.ts"
import { admin, postgres, processesOf, promote, signal, standby } from "../support/postgres.ts"
import { client, cluster, kill, redisAt, until } from "../support/redis.ts"
import { watched } from "../support/sentinel.ts"
import { freePort, type Server as Started, type ServerError } from "../support/server.ts"

interface Common {
  /** Where it is now, if there is a connection to it that can be interfered with. */
  readonly port: (() => number) | undefined
  /** How to find it, if its clients must find it themselves. */
  readonly url?: string
  /** How much longer than asked it keeps a lease. */
  readonly overtime: number
  /** How long a client may take to notice that its connection is dead, and to connect anew. */
  readonly recovery: number
  /** What the server itself still has of the workers. */
  readonly leftovers: Effect.Effect<ReadonlyArray<string>>
}

export interface RedisServer extends Common {
  readonly _tag: "Redis"
  readonly port: () => number
  /** Kills it the hard way, and starts it again at the same port, with the data if it keeps them. */
  readonly restart: Effect.Effect<void, ServerError>
  readonly run: (...command: ReadonlyArray<string | number>) => Effect.Effect<unknown>
  /** SIGSTOP and SIGCONT. */
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** The replica becomes the primary when it has heard of everything, the primary its replica. No connection is closed. */
  readonly takeOver: Effect.Effect<void>
  /** Makes the replica, which no longer hears of writes since `from`, the primary, and has a new replica. */
  readonly sever: Effect.Effect<void>
  readonly promote: Effect.Effect<void, ServerError>
}

/** A primary and its replica, behind Sentinels. */
interface SentinelServers extends Common {
  readonly _tag: "Sentinel"
  readonly port: undefined
  readonly url: string
  /** Until then the old primary takes writes: until it is a replica. */
  readonly failover: Effect.Effect<void>
}

interface ClusterServers extends Common {
  readonly _tag: "Cluster"
  readonly port: undefined
  readonly url: string
  /** Moves the slot of a key to the next node, with a pause between the steps. */
  readonly move: (key: string, pauseMillis: number) => Effect.Effect<void>
}

export interface MemcachedServer extends Common {
  readonly _tag: "Memcached"
  readonly port: () => number
  readonly restart: Effect.Effect<void, ServerError>
  readonly command: (text: string) => Effect.Effect<string>
  /** Writes lines without waiting for replies. */
  readonly pour: (lines: Iterable<string>) => Effect.Effect<void>
}

export interface PostgresServer extends Common {
  readonly _tag: "Postgres"
  readonly port: () => number
  /** Ends it as a crash does, and starts it again at the same port. */
  readonly restart: Effect.Effect<void, ServerError>
  /** Kills the process that all others are children of, which end by themselves, and starts it again once they have. */
  readonly orphan: Effect.Effect<void, ServerError>
  readonly run: (statement: string) => Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>>
  /** Stops all its processes, or lets them go on. */
  readonly signal: (name: "SIGSTOP" | "SIGCONT") => Effect.Effect<void>
  /** Crashes it, makes the standby the primary, and has a new standby. */
  readonly promote: Effect.Effect<void, ServerError>
}

/** No server at all, but a directory that all share. */
export interface Files extends Common {
  readonly _tag: "Files"
  readonly directory: string
}

export type Server = RedisServer | SentinelServers | ClusterServers | MemcachedServer | PostgresServer | Files

/** For what puts another process in a server's place: two at the same time would want the same port, or the same data. */
const oneAtATime = (): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> =>
  Semaphore.makeUnsafe(1).withPermits(1)

const call = (redis: Redis, command: ReadonlyArray<string | number>): Effect.Effect<unknown> =>
  Effect.promise(() => redis.call(String(command[0]), ...command.slice(1)))

export interface RedisOptions {
  /** Whether every write is on disk before it is answered. */
  readonly keepsData?: boolean
  readonly hasReplica?: boolean
}

export const redisServer = Effect.fnUntraced(function*(
  { hasReplica = false, keepsData = false }: RedisOptions
): Effect.fn.Return<RedisServer, ServerError, Scope.Scope> {
  const scope = yield* Effect.scope
  const dir = yield* directory
  const persistence = ["--dir", dir, ...(keepsData ? ["--appendonly", "yes", "--appendfsync", "always"] : [])]
  const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E> => Scope.provide(effect, scope)

  let boots = 0
  // A replica writes what it was sent to a file, which no other server shall find when it starts.
  const boot = (port: number, more: ReadonlyArray<string>) =>
    run(redisAt(port, ...persistence, "--dbfilename", `${++boots}.rdb`, ...more))
  const replicaOf = (port: number) =>
    Effect.gen(function*() {
      const at = yield* freePort
      const started = yield* boot(at, ["--replicaof", "127.0.0.1", String(port), "--repl-diskless-sync-delay", "0"])
      const look = yield* run(client(at))
      yield* until(Effect.map(call(look, ["info", "replication"]), (info) => String(info).includes("link_status:up")))
      return { started, look }
    })

  let primary: Started = yield* boot(yield* freePort, [])
  let look = yield* run(client(primary.port))
  let replica = hasReplica ? yield* replicaOf(primary.port) : undefined
  const replacing = oneAtATime()

  return {
    _tag: "Redis",
    overtime: 0,
    recovery: 6_500,
    port: () => primary.port,
    run: (...command) => Effect.suspend(() => call(look, command)),
    restart: replacing(Effect.gen(function*() {
      yield* kill(primary.process)
      primary = yield* boot(primary.port, [])
    })),
    signal: (signal) => Effect.sync(() => void primary.process.kill(signal)),
    takeOver: replacing(Effect.gen(function*() {
      const [old, next] = [{ started: primary, look }, replica!]
      yield* call(old.look, ["failover", "to", "127.0.0.1", next.started.port, "timeout", 5000])
      yield* until(Effect.map(call(next.look, ["role"]), (role) => (role as ReadonlyArray<unknown>)[0] === "master"))
      yield* until(
        Effect.map(call(old.look, ["info", "replication"]), (info) => String(info).includes("link_status:up"))
      )
      primary = next.started
      look = next.look
      replica = old
    })),
    sever: Effect.suspend(() => Effect.asVoid(call(replica!.look, ["replicaof", "no", "one"]))),
    promote: replacing(Effect.gen(function*() {
      const old = primary
      primary = replica!.started
      look = replica!.look
      yield* kill(old.process)
      replica = yield* replicaOf(primary.port)
    })),
    leftovers: Effect.suspend(() => leftoversOf(look))
  }
})

/** Connections that are there for good: of one that has ended the server hears in its own time. */
const lastingOf = (connections: Effect.Effect<ReadonlyArray<string>>): Effect.Effect<ReadonlyArray<string>> =>
  Effect.repeat(connections, {
    schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo({ duration: "1 minute" })),
    until: (all) => all.length === 0
  })

const leftoversOf = (look: Redis): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const keys = yield* call(look, ["keys", "*"])
    const others = yield* lastingOf(
      Effect.map(call(look, ["client", "list", "type", "normal"]), (list) =>
        String(list).trim().split("\n").filter((line) => line.includes("name=effect-lock")))
    )
    return [
      ...(keys as Array<string>).map((key) =>
        `left in the server: ${key}`
      ),
      ...others.map((line) => `left at the server: ${line}`)
    ]
  })

export const sentinelServers: Effect.Effect<SentinelServers, ServerError, Scope.Scope> = Effect.gen(function*() {
  const { current, failover, primary, replica, url } = yield* watched
  const looks = new Map<number, Redis>()
  for (const { port } of [primary, replica]) looks.set(port, yield* client(port))
  const isReplica = (port: number) =>
    Effect.map(call(looks.get(port)!, ["role"]), (role) => (role as ReadonlyArray<unknown>)[0] === "slave")
  return {
    _tag: "Sentinel",
    port: undefined,
    url,
    overtime: 0,
    recovery: 6_500,
    failover: Effect.flatMap(current, (before) => Effect.andThen(failover, until(isReplica(before)))),
    leftovers: Effect.flatMap(current, (port) => leftoversOf(looks.get(port)!))
  }
})

export const clusterServers: Effect.Effect<ClusterServers, ServerError, Scope.Scope> = Effect.gen(function*() {
  const nodes = yield* cluster
  const looks = yield* Effect.forEach(nodes, ({ port }) => client(port))
  const ids = yield* Effect.forEach(looks, (look) => Effect.promise(() => look.cluster("MYID")))
  const ownerOf = (slot: number) =>
    Effect.map(call(looks[0], ["cluster", "slots"]), (slots) => {
      const range = (slots as ReadonlyArray<[number, number, [string, number]]>).find(([low, high]) =>
        low <= slot && slot <= high
      )
      return nodes.findIndex(({ port }) => port === range![2][1])
    })
  return {
    _tag: "Cluster",
    port: undefined,
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    overtime: 0,
    recovery: 6_500,
    move: (key, pauseMillis) =>
      Effect.gen(function*() {
        const slot = Number(yield* call(looks[0], ["cluster", "keyslot", key]))
        const from = yield* ownerOf(slot)
        const to = (from + 1) % nodes.length
        const set = (i: number, ...args: ReadonlyArray<string>) => call(looks[i], ["cluster", "setslot", slot, ...args])
        yield* set(to, "importing", ids[from])
        yield* set(from, "migrating", ids[to])
        yield* Effect.sleep(pauseMillis)
        while (true) {
          const keys = (yield* call(looks[from], ["cluster", "getkeysinslot", slot, 10])) as ReadonlyArray<string>
          if (keys.length === 0) break
          // What has come into being at both is newer there.
          yield* call(looks[from], ["migrate", "127.0.0.1", nodes[to].port, "", 0, 1000, "keys", ...keys])
          yield* Effect.sleep(pauseMillis / 4)
        }
        for (const i of [to, from, nodes.length - to - from]) yield* set(i, "node", ids[to])
      }),
    leftovers: Effect.map(Effect.forEach(looks, leftoversOf), (all) => all.flat())
  }
})

export const memcachedServer = Effect.gen(function*(): Effect.fn.Return<
  MemcachedServer,
  ServerError,
  Scope.Scope
> {
  const server = yield* memcached(["-m", "2", "-c", "512"])
  const connections = Effect.map(
    server.command("stats"),
    (stats) => Number(/curr_connections (\d+)/.exec(stats)?.[1])
  )
  const idle = yield* connections
  const replacing = oneAtATime()
  let startedAt = performance.now()
  return {
    _tag: "Memcached",
    overtime: 3_000,
    recovery: 1_500,
    port: () => server.port,
    // Fencing tokens need a second between two starts.
    restart: Effect.suspend(() => Effect.sleep(Math.max(0, startedAt + 1_500 - performance.now()))).pipe(
      Effect.andThen(server.restart),
      Effect.andThen(Effect.sync(() => startedAt = performance.now())),
      replacing
    ),
    // One that is being replaced has nobody to tell.
    command: (text) => replacing(server.command(text)),
    pour: (lines) =>
      Effect.callback<void>((resume) => {
        const socket = connect(server.port, "127.0.0.1", () => {
          for (const line of lines) socket.write(`${line}\r\n`)
          socket.end("quit\r\n")
        })
        socket.resume()
        socket.on("error", () => resume(Effect.void))
        socket.on("close", () => resume(Effect.void))
      }),
    leftovers: lastingOf(
      Effect.map(connections, (count) => count <= idle ? [] : [`connections are left at the server: ${count - idle}`])
    )
  }
})

/** What its last commits were no standby needs to know, so a promoted one may have forgotten locks. */
export const postgresServer = Effect.fnUntraced(function*(
  hasStandby: boolean
): Effect.fn.Return<PostgresServer, ServerError, Scope.Scope> {
  const scope = yield* Effect.scope
  const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E> => Scope.provide(effect, scope)
  let primary = yield* postgres()
  // With a client of its own each time: no connection outlives a crash, and another fault may be just that.
  const query = (statement: string) =>
    Effect.suspend(() => Effect.scoped(Effect.flatMap(admin(primary.url), (sql) => sql.unsafe(statement).values))).pipe(
      Effect.retry(Schedule.spaced("100 millis").pipe(Schedule.upTo({ times: 100 }))),
      Effect.orDie
    )
  yield* query(yield* Effect.orDie(SqlBackend.createTable()))
  let second = hasStandby ? yield* standby(primary) : undefined
  const replacing = oneAtATime()
  return {
    _tag: "Postgres",
    overtime: 0,
    recovery: 3_500,
    port: () => primary.port,
    run: query,
    restart: replacing(Effect.suspend(() => Effect.andThen(primary.crash, primary.restart))),
    orphan: replacing(Effect.gen(function*() {
      const orphans = processesOf(primary)
      yield* kill(primary.process())
      // Those that stand still would keep it from being started.
      signal(orphans, "SIGCONT")
      const again = Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: "1 minute" }))
      yield* Effect.retry(primary.restart, again)
    })),
    signal: (name) => Effect.sync(() => signal(processesOf(primary), name)),
    promote: replacing(Effect.gen(function*() {
      yield* primary.crash
      yield* promote(second!)
      primary = second!
      second = yield* run(standby(primary))
    })),
    leftovers: Effect.gen(function*() {
      const rows = yield* query(
        "SELECT key FROM effect_locks WHERE expires_at > clock_timestamp() OR queue <> '{}'"
      )
      const connections = query("SELECT pid FROM pg_stat_activity WHERE application_name = 'effect-lock'")
      const others = yield* lastingOf(
        Effect.map(connections, (found) => found.map(([pid]) => `left at the server: connection ${pid}`))
      )
      return [...rows.map(([key]) => `left in the server: ${key}`), ...others]
    })
  }
})

export const files: Effect.Effect<Files, never, Scope.Scope> = Effect.map(directory, (directory): Files => ({
  _tag: "Files",
  port: undefined,
  directory,
  overtime: 0,
  recovery: 0,
  // What was being made by one that was killed is removed some day.
  leftovers: Effect.sync(() => readdirSync(directory).filter((name) => !name.startsWith(".")))
}))
