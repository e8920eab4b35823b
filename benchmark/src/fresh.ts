/**
 * A process that takes locks as programs do: a key of its own for each call, and
 * an effect that is built for it. For `scenarios/fresh.ts`.
 */
import { Lock } from "#effect-lock"
import * as RedisBackend from "#effect-lock/RedisBackend"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { Redis } from "ioredis"
import { randomBytes } from "node:crypto"
import { serve } from "./lib/processes.ts"
import { check, sleep } from "./lib/scenario.ts"
import { quantile } from "./lib/stats.ts"

export type Contestant =
  | "ioredis alone"
  | "ioredis alone, an Effect per call"
  | "effect-lock"
  | "effect-lock, release not waited for"

export type Order =
  & { readonly contestant: Contestant; readonly port: number; readonly millis: number }
  & (
    /** So many workers, each of which begins anew when it is done. */
    | { readonly kind: "closed"; readonly workers: number }
    /** So many calls a second, whether or not the last ones are done, over so many keys. */
    | { readonly kind: "open"; readonly perSecond: number; readonly keys: number }
    /** So many fibers that wait for keys which somebody else holds, from before anything was connected. */
    | { readonly kind: "waiting"; readonly waiters: number }
  )

export interface Figures {
  readonly calls: number
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Microseconds a call; for those who wait, of a second. */
  readonly cpu: number
}

interface Session {
  /** Has a worker go through sections as long as it gets keys. */
  readonly loop: (nextKey: () => string | undefined, done: () => void) => Promise<void>
  /** Once. */
  readonly once: (key: string) => Promise<void>
  readonly wait?: (keys: ReadonlyArray<string>) => () => Promise<void>
}

const expires = 10_000

interface RawClient {
  readonly set: (key: string, token: string) => Promise<unknown>
  readonly release: (key: string, token: string) => Promise<unknown>
}

const connect = async (port: number): Promise<RawClient> => {
  const client = new Redis(port, "127.0.0.1", { lazyConnect: true })
  await client.connect()
  const release = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
  const sha = String(await client.script("LOAD", release))
  return {
    set: (key, token) => client.set(key, token, "PX", expires, "NX"),
    release: (key, token) => client.evalsha(sha, 1, key, token)
  }
}

const newToken = () => randomBytes(12).toString("base64url")

const raw = async (port: number): Promise<Session> => {
  const client = await connect(port)
  const once = async (key: string): Promise<void> => {
    const token = newToken()
    while (await client.set(key, token) === null) await sleep(10)
    await client.release(key, token)
  }
  return {
    once,
    loop: async (nextKey, done) => {
      for (let key = nextKey(); key !== undefined; key = nextKey()) {
        await once(key)
        done()
      }
    }
  }
}

/** Has effects that are built by `section` run as programs do. */
const session = <E, R>(
  run: (effect: Effect.Effect<void, E, R>) => Promise<void>,
  section: (key: string) => Effect.Effect<void, E, R>
): Session => ({
  once: (key) => run(section(key)),
  loop: (nextKey, done) => {
    let key: string | undefined
    return run(Effect.whileLoop({
      while: () => (key = nextKey()) !== undefined,
      body: () => section(key!),
      step: done
    }))
  }
})

/** What is sent by ioredis alone, under the least of Effect that gives back what it takes. */
const rawEffect = async (port: number): Promise<Session> => {
  const client = await connect(port)
  const take = (key: string, token: string): Effect.Effect<void, unknown> =>
    Effect.flatMap(
      Effect.tryPromise(() => client.set(key, token)),
      (reply) => reply === null ? Effect.delay(Effect.suspend(() => take(key, token)), 10) : Effect.void
    )
  return session((effect: Effect.Effect<void, unknown>) => Effect.runPromise(effect), (key) => {
    const token = newToken()
    const release = Effect.orDie(Effect.tryPromise(() => client.release(key, token)))
    return Effect.acquireUseRelease(take(key, token), () => Effect.void, () => Effect.asVoid(release))
  })
}

const ours = async (port: number, awaitRelease: boolean): Promise<Session> => {
  const runtime = ManagedRuntime.make(RedisBackend.layer({ host: "127.0.0.1", port }))
  await runtime.context()
  const section = (key: string) => Effect.void.pipe(Lock.withLock(key, { expires, timeout: "Infinity", awaitRelease }))
  return {
    ...session((effect) => runtime.runPromise(effect), section),
    wait: (keys) => {
      const fibers = keys.map((key) => runtime.runFork(section(key)))
      return () => runtime.runPromise(Fiber.interruptAll(fibers))
    }
  }
}

const sessions = new Map<string, Promise<Session>>()

const figures = (latencies: ReadonlyArray<number>, millis: number, cpu: NodeJS.CpuUsage): Figures => ({
  calls: latencies.length,
  rate: latencies.length / millis * 1000,
  p50: quantile(latencies, 0.5),
  p99: quantile(latencies, 0.99),
  p999: quantile(latencies, 0.999),
  cpu: (cpu.user + cpu.system) / latencies.length
})

let keys = 0

const closed = async (session: Session, workers: number, millis: number): Promise<Figures> => {
  const latencies: Array<number> = []
  const cpu = process.cpuUsage()
  const start = performance.now()
  const work = () => {
    let asked = 0
    return session.loop(() => {
      asked = performance.now()
      return asked < start + millis ? `fresh-${++keys}` : undefined
    }, () => latencies.push(performance.now() - asked))
  }
  await Promise.all(Array.from({ length: workers }, work))
  return figures(latencies, performance.now() - start, process.cpuUsage(cpu))
}

const open = async (session: Session, perSecond: number, among: number, millis: number): Promise<Figures> => {
  const latencies: Array<number> = []
  const calls: Array<Promise<void>> = []
  const cpu = process.cpuUsage()
  const start = performance.now()
  const count = perSecond * millis / 1000
  while (calls.length < count) {
    // From when it was due: a late loop is part of what a caller waits for.
    for (
      let due = start;
      (due = start + calls.length * 1000 / perSecond) <= performance.now() && calls.length < count;
    ) {
      const key = `open-${Math.floor(Math.random() * among)}`
      calls.push(session.once(key).then(() => void latencies.push(performance.now() - due)))
    }
    await sleep(1)
  }
  await Promise.all(calls)
  return figures(latencies, performance.now() - start, process.cpuUsage(cpu))
}

const waiting = async (session: Session, waiters: number, millis: number): Promise<Figures> => {
  const stop = session.wait!(Array.from({ length: waiters }, (_, i) => `held-${i}`))
  // Long enough to have gone over to what it stays with.
  await sleep(15_000)
  process.send!("waiting")
  const cpu = process.cpuUsage()
  await sleep(millis)
  const { system, user } = process.cpuUsage(cpu)
  process.send!("waited")
  await stop()
  return { calls: waiters, rate: 0, p50: 0, p99: 0, p999: 0, cpu: (user + system) / millis * 1000 }
}

serve(async (order: Order): Promise<Figures> => {
  const { contestant, millis, port } = order
  let opened = sessions.get(contestant)
  if (opened === undefined) {
    sessions.set(
      contestant,
      opened = contestant === "ioredis alone"
        ? raw(port)
        : contestant === "ioredis alone, an Effect per call"
        ? rawEffect(port)
        : ours(port, contestant === "effect-lock")
    )
  }
  const session = await opened
  const result = order.kind === "closed"
    ? await closed(session, order.workers, millis)
    : order.kind === "open"
    ? await open(session, order.perSecond, order.keys, millis)
    : await waiting(session, order.waiters, millis)
  check(result.calls > 0, "nothing was done")
  return result
})
