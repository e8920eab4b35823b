/** Who lets more than one in at a key in Redis: this library, and the peers that have a semaphore. */
import { Lock } from "#effect-lock"
import * as RedisBackend from "#effect-lock/RedisBackend"
import { DistributedSemaphore, RedisBacking } from "effect-distributed-lock"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { Effect as Effect3, ManagedRuntime as ManagedRuntime3, Schedule as Schedule3 } from "effect3"
import { Redis } from "ioredis"
import { Semaphore } from "redis-semaphore"
import { type Job, promised } from "./contestant.ts"

/** Under which rule a worker goes in next. */
export type Kind = "permit" | "read" | "write"

export interface Sharing extends Job {
  readonly limit: number
  readonly kind: () => Kind
}

export interface Session {
  readonly work: (jobs: ReadonlyArray<Sharing>) => Promise<unknown>
}

export interface Sharer {
  readonly name: string
  /** It has readers and writers, too. */
  readonly reads: boolean
  readonly open: (port: number, retryMillis: number | undefined) => Promise<Session>
}

const ttl = 10_000

export const ours: Sharer = {
  name: "effect-lock",
  reads: true,
  open: async (port) => {
    const runtime = ManagedRuntime.make(RedisBackend.layer({ host: "127.0.0.1", port }))
    await runtime.context()
    const options = { timeout: "Infinity", expires: "10 seconds" } as const
    const loop = (job: Sharing) => {
      const section = Effect.suspend(() => {
        job.enter()
        return Effect.map(Effect.sleep(job.sectionMillis), job.leave)
      })
      const cycles = {
        permit: Lock.withPermits(section, job.key, { ...options, limit: job.limit }),
        read: Lock.withSharedLock(section, job.key, options),
        write: Lock.withLock(section, job.key, options)
      }
      return Effect.whileLoop({
        while: job.again,
        body: () => {
          const kind = job.kind()
          job.ask()
          return cycles[kind]
        },
        step: job.done
      })
    }
    return {
      work: (jobs) => runtime.runPromise(Effect.forEach(jobs, loop, { concurrency: "unbounded", discard: true }))
    }
  }
}

const redisSemaphore: Sharer = {
  name: "redis-semaphore",
  reads: false,
  open: async (port, retryMillis) => {
    const client = new Redis(port, "127.0.0.1")
    return {
      work: (jobs) =>
        promised((key) => {
          const semaphore = new Semaphore(client, key, jobs[0].limit, {
            lockTimeout: ttl,
            acquireTimeout: 60_000,
            refreshInterval: ttl / 3,
            ...(retryMillis !== undefined && { retryInterval: retryMillis })
          })
          return { acquire: () => semaphore.acquire(), release: () => semaphore.release() }
        })(jobs)
    }
  }
}

/** Of the previous major version of Effect. */
const distributedLock: Sharer = {
  name: "effect-distributed-lock",
  reads: false,
  open: async (port, retryMillis) => {
    const client = new Redis(port, "127.0.0.1")
    const runtime = ManagedRuntime3.make(
      RedisBacking.layer(client as never, retryMillis === undefined ? {} : { pushBasedAcquireEnabled: false }) as never
    )
    const loop = (job: Sharing) =>
      Effect3.gen(function*() {
        const semaphore = yield* DistributedSemaphore.make(job.key, {
          limit: job.limit,
          ttl: "10 seconds",
          ...(retryMillis !== undefined && { acquireRetryPolicy: Schedule3.spaced(retryMillis) as never })
        }) as never as Effect3.Effect<
          { readonly withPermits: (n: number) => (effect: unknown) => Effect3.Effect<void> }
        >
        const section = Effect3.suspend(() => {
          job.enter()
          return Effect3.zipRight(Effect3.sleep(job.sectionMillis), Effect3.sync(job.leave))
        })
        const cycle = semaphore.withPermits(1)(section)
        while (job.again()) {
          job.ask()
          yield* cycle
          job.done()
        }
      })
    return {
      work: (jobs) =>
        runtime.runPromise(Effect3.forEach(jobs, loop, { concurrency: "unbounded", discard: true }) as never)
    }
  }
}

export const peers: ReadonlyArray<Sharer> = [redisSemaphore, distributedLock]

export const byName = (name: string): Sharer => [ours, ...peers].find((one) => one.name === name)!
