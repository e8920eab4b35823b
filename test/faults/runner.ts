/** Runs a scenario against the library, and gives the verdict. */
import { Effect, Schedule } from "effect"
import type { Layer, Scope } from "effect"
import { InMemoryBackend, Lock, type LockBackend } from "effect-lock"
import * as FileBackend from "effect-lock/FileBackend"
import * as MemcacheBackend from "effect-lock/MemcacheBackend"
import * as RedisBackend from "effect-lock/RedisBackend"
import * as SqlBackend from "effect-lock/SqlBackend"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { bundled } from "../support/bundled.ts"
import { newDirectory, remove } from "../support/directory.ts"
import { Arena, type Nemesis, type Workload } from "./arena.ts"
import { check, type Verdict } from "./checker.ts"
import {
  clusterServers,
  files,
  memcachedServer,
  postgresServer,
  type RedisOptions,
  redisServer,
  sentinelServers,
  type Server
} from "./servers.ts"

export interface Scenario extends Partial<Workload> {
  readonly name: string
  /** `memory`, `file`, `redis`, `memcached`, `postgres`, or a broken lock on Redis. */
  readonly backend: string
  readonly nemeses: ReadonlyArray<Nemesis>
  /** How many of them strike at the same time. */
  readonly together?: number
  /** The pause between two strikes, in leases. */
  readonly pause?: readonly [number, number]
  readonly redis?: RedisOptions & { readonly form?: "sentinel" | "cluster" }
  readonly hasStandby?: boolean
}

export interface Report extends Verdict {
  readonly scenario: Scenario
  readonly seed: number
  readonly directory: string
}

const usual = {
  workers: 3,
  fibers: 3,
  keys: 2,
  expires: 1_000,
  timeout: 4_000,
  hold: [2, 30],
  latency: 0
} as const

const root = fileURLToPath(new URL("../../", import.meta.url))

/** For what the processes write down. */
const workplace: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => newDirectory("faults", join(root, ".tmp"))),
  (path) =>
    Effect.sync(() => {
      if (process.env.FAULTS_KEEP === undefined) remove(path)
    })
)

export interface Build {
  readonly directory: string
  /** The program of the workers. */
  readonly worker: string
}

/** The workers' program, made once for many scenarios, and a folder for their logs. */
export const build: Effect.Effect<Build, never, Scope.Scope> = Effect.all({
  directory: workplace,
  worker: bundled(new URL("./worker.mjs", import.meta.url))
})

const serverOf = (scenario: Scenario): Effect.Effect<Server | undefined, unknown, Scope.Scope> => {
  if (scenario.backend === "memory") return Effect.undefined
  if (scenario.backend === "file") return files
  if (scenario.backend === "postgres") return postgresServer(scenario.hasStandby === true)
  if (scenario.backend === "memcached") return memcachedServer
  if (scenario.redis?.form === "sentinel") return sentinelServers
  return scenario.redis?.form === "cluster" ? clusterServers : redisServer(scenario.redis ?? {})
}

const layerOf = (server: Server | undefined): Layer.Layer<LockBackend.LockBackend, unknown> => {
  if (server === undefined) return InMemoryBackend.layer
  if (server._tag === "Files") return FileBackend.layer({ directory: server.directory })
  if (server._tag === "Postgres") {
    return SqlBackend.layer({ url: `postgres://app@127.0.0.1:${server.port()}/postgres` })
  }
  if (server.url !== undefined) return RedisBackend.layer({ url: server.url })
  if (server.port === undefined) throw new Error("nowhere to be found")
  return server._tag === "Redis"
    ? RedisBackend.layer({ host: "127.0.0.1", port: server.port() })
    : MemcacheBackend.layer({ servers: [`127.0.0.1:${server.port()}`] })
}

/** When all are gone every lock can be had, after the leases of the dead. */
const sweep = ({ keys, server, workload: { expires } }: Arena): Effect.Effect<ReadonlyArray<string>> =>
  Effect.forEach(
    keys,
    (key) =>
      Lock.withLock(Effect.succeed([]), key, { expires, timeout: 2 * (expires + (server?.overtime ?? 0)) + 1_000 })
        .pipe(
          Effect.catchTag("LockError", (error) => Effect.succeed([`stuck for ever: ${error.message}`]))
        ),
    { concurrency: "unbounded" }
  ).pipe(Effect.map((stuck) => stuck.flat()), Effect.provide(layerOf(server)), Effect.orDie)

/**
 * And nothing is left of them. What the dead have in a queue goes one by one, as
 * others come by; so do places that were given up while nobody could be told.
 */
const tidiness = (arena: Arena): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const { server, workload: { backend } } = arena
    if (backend.startsWith("broken")) return []
    const disturbed = arena.recording.deaths.length > 0 ||
      arena.strikes.some(({ cutsOff, forgets }) => cutsOff || forgets)
    for (let pass = disturbed ? 10 : 1;; pass--) {
      const stuck = yield* sweep(arena)
      const left = server === undefined ? [] : yield* server.leftovers
      if (pass === 1 || stuck.length > 0 || left.length === 0) return [...stuck, ...left]
    }
  })

const striking = (arena: Arena, { nemeses, pause = [0.2, 0.8] }: Scenario): Effect.Effect<never> =>
  Effect.forever(
    Effect.suspend(() =>
      Effect.andThen(
        Effect.sleep(arena.random.millis(...pause) * arena.workload.expires),
        // A strike that has begun also ends.
        Effect.uninterruptible(Effect.suspend(() => arena.strike(arena.random.pick(nemeses))))
      )
    )
  )

/** A nemesis that has not struck that often proves little, so an attack then goes on, up to three times as long. */
const fewStrikes = 5

/** Runs a scenario for some seconds. */
export const attack = (
  scenario: Scenario,
  { directory, worker }: Build,
  seed: number,
  seconds: number
): Effect.Effect<Report> =>
  Effect.gen(function*() {
    const { backend, nemeses, together = 1 } = scenario
    const workload: Workload = { ...usual, ...scenario, backend }
    const server = yield* serverOf(scenario)
    const logs = join(directory, `${scenario.name.replace(/\W+/g, "-")}-${seed}`)
    const arena = new Arena(seed, workload, server, logs, worker, yield* Effect.scope)
    for (let i = 0; i < workload.workers; i++) yield* arena.start(`w${i}`)
    yield* arena.ready
    const strikers = Array.from({ length: together }, () => striking(arena, scenario))
    const time = Effect.sleep(`${seconds} seconds`)
    const struck = Effect.repeat(Effect.sync(() => arena.strikes.length), {
      schedule: Schedule.spaced("20 millis"),
      until: (strikes) => strikes >= fewStrikes
    })
    if (nemeses.length === 0) yield* time
    else {
      yield* Effect.raceFirst(
        Effect.all(strikers, { concurrency: "unbounded" }),
        Effect.andThen(time, Effect.timeoutOption(struck, `${2 * seconds} seconds`))
      )
    }
    const ends = yield* arena.stop
    const left = yield* tidiness(arena)
    const { counts, violations } = check(arena.recording)
    return { scenario, seed, directory: logs, counts, violations: [...violations, ...ends, ...left] }
  }).pipe(Effect.scoped, Effect.orDie)
