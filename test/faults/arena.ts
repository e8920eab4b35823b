/** Where it happens: a server, workers each behind a proxy of its own, and a record of what is done to them. */
import { Data, Effect, Schedule, Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, mkdirSync, openSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Random } from "../simulation/random.ts"
import { type Proxy, proxy } from "../support/proxy.ts"
import { kill } from "../support/server.ts"
import { type Death, readLog, type Recording, type Strike } from "./record.ts"
import type { Server } from "./servers.ts"

class ArenaError extends Data.TaggedError("ArenaError")<{ readonly message: string }> {}

/** A fault: what it does, and what it is entitled to cost. */
export interface Nemesis {
  readonly name: string
  /** The server forgets locks, so two may hold one until the first is told by its next renewal. */
  readonly forgets?: boolean
  /** Some requests do not get through, so nothing is promised about speed meanwhile. */
  readonly cutsOff?: boolean
  readonly strike: (arena: Arena) => Effect.Effect<unknown, unknown>
}

export interface Workload {
  readonly backend: string
  readonly workers: number
  readonly fibers: number
  readonly keys: number
  readonly expires: number
  readonly timeout: number
  /** How long a critical section takes, in milliseconds. */
  readonly hold: readonly [number, number]
  /** What a message takes on a good day, in milliseconds. */
  readonly latency: number
  /** Some read, and some take permits of that limit; without, each has its key alone. */
  readonly limit?: number
}

interface WorkerHandle {
  readonly name: string
  readonly process: ChildProcess
  readonly proxy: Proxy | undefined
  readonly log: string
  /** Somebody is at it already. */
  taken: boolean
  /** When it can first be attacked. */
  fairGameAt: number
}

/** How long a worker may take to get ready or to go: one that does not go goes never, and a busy machine takes its time. */
const patient = "100 seconds"

export class Arena {
  readonly random: Random
  readonly workload: Workload
  readonly server: Server | undefined
  readonly workers: Array<WorkerHandle> = []
  readonly strikes: Array<Strike> = []
  private readonly all: Array<WorkerHandle> = []
  private readonly deaths: Array<Death> = []
  private readonly directory: string
  private readonly script: string
  private readonly scope: Scope.Scope
  private readonly origin = process.hrtime.bigint()
  private stoppedAt = Infinity

  constructor(
    seed: number,
    workload: Workload,
    server: Server | undefined,
    directory: string,
    script: string,
    scope: Scope.Scope
  ) {
    this.random = new Random(seed)
    this.workload = workload
    this.server = server
    this.directory = directory
    this.script = script
    this.scope = scope
    mkdirSync(directory, { recursive: true })
    for (const file of this.files) writeFileSync(file, "0".repeat(12))
  }

  get keys(): ReadonlyArray<string> {
    return Array.from({ length: this.workload.keys }, (_, index) => `key-${index}`)
  }

  now(): number {
    return Number(process.hrtime.bigint() - this.origin) / 1_000_000
  }

  /** A worker at work that nobody else is at, for as long as the effect lasts. */
  readonly withWorker = <A, E>(f: (worker: WorkerHandle) => Effect.Effect<A, E>): Effect.Effect<void, E> =>
    Effect.suspend(() => {
      const idle = this.workers.filter((worker) => !worker.taken && this.isAtWork(worker))
      if (idle.length === 0) return Effect.andThen(Effect.sleep("20 millis"), this.withWorker(f))
      const worker = this.random.pick(idle)
      worker.taken = true
      return Effect.ensuring(Effect.asVoid(f(worker)), Effect.sync(() => worker.taken = false))
    })

  /** It has said hello, and has had some time since. */
  private isAtWork(worker: WorkerHandle): boolean {
    if (worker.fairGameAt === Infinity && statSync(worker.log).size > 0) {
      worker.fairGameAt = this.now() + this.random.millis(0.1, 1) * this.workload.expires
    }
    return worker.fairGameAt <= this.now()
  }

  /** All proxies, or one. */
  readonly somewhere = (): ReadonlyArray<Proxy> => {
    const proxies = this.workers.flatMap(({ proxy }) => proxy ?? [])
    return proxies.length === 0 || this.random.chance(0.5) ? proxies : [this.random.pick(proxies)]
  }

  readonly start = (name: string): Effect.Effect<void, ArenaError> =>
    Effect.gen({ self: this }, function*() {
      const { backend, expires, fibers, hold, limit, timeout } = this.workload
      const port = this.server?.port
      const between = port === undefined ? undefined : yield* this.behindProxy(port())
      const log = join(this.directory, `${name}.log`)
      closeSync(openSync(log, "w"))
      const options = {
        backend,
        base: String(this.origin),
        directory: this.server?._tag === "Files" ? this.server.directory : undefined,
        expires,
        fibers,
        files: this.files,
        hold,
        keys: this.keys,
        limit,
        log,
        name,
        port: between?.port,
        seed: this.random.int(2 ** 31),
        timeout,
        url: this.server?.url
      }
      const errors = openSync(join(this.directory, `${name}.err`), "w")
      const child = spawn(process.execPath, [this.script, JSON.stringify(options)], {
        stdio: ["pipe", "ignore", errors]
      })
      closeSync(errors)
      child.stdin!.on("error", () => {})
      yield* Scope.addFinalizer(this.scope, kill(child))
      const worker: WorkerHandle = { name, process: child, proxy: between, log, taken: false, fairGameAt: Infinity }
      this.workers.push(worker)
      this.all.push(worker)
    })

  /** Waits until all have begun: a busy machine takes its time to start them. */
  readonly ready: Effect.Effect<void, ArenaError> = Effect.suspend(() =>
    Effect.repeat(Effect.sync(() => this.workers.every(({ log }) => statSync(log).size > 0)), {
      schedule: Schedule.spaced("20 millis"),
      until: (all) => all
    })
  ).pipe(
    Effect.timeoutOrElse({
      duration: patient,
      orElse: () => Effect.fail(new ArenaError({ message: "a worker did not start" }))
    }),
    Effect.asVoid
  )

  /** Kills a worker, and has another one take its place. */
  readonly slay = (worker: WorkerHandle): Effect.Effect<void, ArenaError> =>
    Effect.gen({ self: this }, function*() {
      const from = this.now()
      this.workers.splice(this.workers.indexOf(worker), 1)
      yield* kill(worker.process)
      this.deaths.push({ worker: worker.name, from, to: this.now() })
      yield* this.start(`${worker.name.split("_")[0]}_${this.all.length}`)
    })

  readonly tell = (worker: WorkerHandle, command: string): Effect.Effect<void> =>
    Effect.sync(() => void worker.process.stdin!.write(`${command}\n`))

  readonly strike = (nemesis: Nemesis): Effect.Effect<void> =>
    Effect.suspend(() => {
      const from = this.now()
      const { cutsOff = false, forgets = false, name } = nemesis
      const done = Effect.sync(() => {
        this.strikes.push({ name, forgets, cutsOff, from, to: this.now() })
      })
      return Effect.ensuring(Effect.orDie(nemesis.strike(this)), done)
    }).pipe(Effect.asVoid)

  /** Lets the workers come to their end by themselves. */
  readonly stop: Effect.Effect<ReadonlyArray<string>> = Effect.suspend(() => {
    this.stoppedAt = this.now()
    return Effect.map(
      Effect.forEach(this.workers, (worker) => Effect.andThen(this.tell(worker, "stop"), ended(worker)), {
        concurrency: "unbounded"
      }),
      (ends) => ends.flat()
    )
  })

  get recording(): Recording {
    const { expires } = this.workload
    const logs = this.all.map(({ log, name }) =>
      readLog(name, log, this.deaths.find(({ worker }) => worker === name), expires)
    )
    return {
      workers: logs.map(({ worker }) => worker),
      operations: logs.flatMap(({ operations }) => operations),
      sections: logs.flatMap(({ sections }) => sections),
      strikes: this.strikes,
      deaths: this.deaths,
      expires,
      patience: this.server === undefined ? 0 : 1_000,
      recovery: this.server?.recovery ?? 0,
      overtime: this.server?.overtime ?? 0,
      stoppedAt: this.stoppedAt
    }
  }

  private get files(): ReadonlyArray<string> {
    return this.keys.map((key) => join(this.directory, `${key}.count`))
  }

  private behindProxy(port: number): Effect.Effect<Proxy> {
    const { latency } = this.workload
    return Scope.provide(proxy(port, { latency: [latency, latency], random: () => this.random.next() }), this.scope)
  }
}

/** What a worker left undone. Whoever does not go although there is nothing to do has left something behind. */
const ended = (worker: WorkerHandle): Effect.Effect<ReadonlyArray<string>> =>
  Effect.callback<ReadonlyArray<string>>((resume) => {
    const { exitCode, signalCode } = worker.process
    const gone = (code: number | null, signal: string | null) =>
      resume(Effect.succeed(code === 0 ? [] : [`${worker.name} ended with ${code ?? signal}`]))
    if (exitCode !== null || signalCode !== null) gone(exitCode, signalCode)
    else worker.process.once("exit", gone)
  }).pipe(
    Effect.timeoutOrElse({
      duration: patient,
      orElse: () => Effect.as(kill(worker.process), [`${worker.name} did not end: something is left in it`])
    })
  )
