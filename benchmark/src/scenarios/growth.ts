/** What becomes of the cost of a lock when there are many keys or many waiters. */
import { InMemoryBackend, Lock } from "#effect-lock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Job, Session } from "../contestants/contestant.ts"
import { openSession } from "../contestants/effectLock.ts"
import { ours } from "../contestants/redis.ts"
import { atMost, check, type Context, forceGc, type Report, short } from "../lib/scenario.ts"
import { median } from "../lib/stats.ts"

const heap = (): number => {
  forceGc()
  return process.memoryUsage().heapUsed
}

interface Held {
  /** Microseconds for a cycle on one more key. */
  readonly micros: number
  /** The same for a semaphore, which knows nothing of the keys: what becomes of it is the garbage collector's doing. */
  readonly semaphore: number
  readonly bytes: number
  readonly left: number
}

/** What a cycle costs while so many keys are held, and the bytes of each that is. */
const held = async (keys: number): Promise<Held> => {
  const runtime = ManagedRuntime.make(InMemoryBackend.layer)
  await runtime.context()
  const cycles = 4000
  const scope = Scope.makeUnsafe()
  const options = { expires: "1 hour" } as const
  const cycle = Lock.withLock(Effect.void, "one more", options)
  const empty = heap()
  let taken = 0
  await runtime.runPromise(Effect.whileLoop({
    while: () => taken < keys,
    body: () => Scope.provide(Lock.acquire(`key-${taken++}`, options), scope),
    step: () => {}
  }))
  const bytes = (heap() - empty) / keys
  const time = async (body: typeof cycle): Promise<number> => {
    let i = 0
    const start = performance.now()
    await runtime.runPromise(Effect.whileLoop({ while: () => i++ < cycles, body: () => body, step: () => {} }))
    return (performance.now() - start) * 1000 / cycles
  }
  const permit = Semaphore.makeUnsafe(1).withPermit(Effect.void)
  const times: Array<number> = []
  const permits: Array<number> = []
  for (let round = 0; round < 9; round++) {
    times.push(await time(cycle))
    permits.push(await time(permit))
  }
  await runtime.runPromise(Scope.close(scope, Exit.void))
  const left = (heap() - empty) / keys
  await runtime.dispose()
  return { micros: median(times), semaphore: median(permits), bytes, left }
}

/** Microseconds of a waiter among so many for one key. */
const waiting = async (session: Session, waiters: number, sectionMillis = 0): Promise<number> => {
  const order: Array<number> = []
  const jobs = Array.from({ length: waiters }, (_, i): Job => {
    let turns = 0
    return {
      key: "queue",
      sectionMillis,
      again: () => turns++ < 1,
      ask: () => {},
      enter: () => order.push(i),
      leave: () => {},
      done: () => {}
    }
  })
  // The first holds the key until all have come.
  const first: Job = { ...jobs[0], sectionMillis: 1, again: once() }
  const start = performance.now()
  await session.work([first, ...jobs.slice(1)])
  check(order.length === waiters && order.every((i, at) => i === at), "waiters were not served in order")
  return (performance.now() - start) * 1000 / waiters
}

const once = (): () => boolean => {
  let turns = 0
  return () => turns++ < 1
}

export const run = async ({ log, quick, redisPort }: Context): Promise<Report> => {
  const keyCounts = quick ? [1000, 100_000] : [1000, 10_000, 100_000, 1_000_000]
  const redisCounts = quick ? [1000] : [1000, 10_000, 100_000]
  const waiterCounts = [100, 1000, 10_000]

  await held(1000)
  const memory = []
  for (const keys of keyCounts) {
    memory.push({ keys, ...await held(keys) })
    log(`${keys} keys done`)
  }

  const redis = []
  const session = await ours.open(redisPort)
  for (const keys of redisCounts) {
    const names = Array.from({ length: keys }, (_, i) => `grow-${i}`)
    const start = performance.now()
    const release = await session.hold!(names)
    const taken = performance.now()
    const times: Array<number> = []
    for (let i = 0; i < 200; i++) {
      const before = performance.now()
      await session.work([{
        key: "one more",
        sectionMillis: 0,
        again: once(),
        ask: () => {},
        enter: () => {},
        leave: () => {},
        done: () => {}
      }])
      times.push(performance.now() - before)
    }
    const releasing = performance.now()
    await release()
    redis.push({
      keys,
      take: (taken - start) * 1000 / keys,
      cycle: median(times),
      release: (performance.now() - releasing) * 1000 / keys
    })
    log(`${keys} keys in Redis done`)
  }

  const crowds = []
  const inMemory = await openSession(InMemoryBackend.layer)
  for (const one of [inMemory, session]) await waiting(one, 1000)
  for (const waiters of waiterCounts) {
    const rounds = async (one: Session) => {
      const times: Array<number> = []
      for (let i = 0; i < 5; i++) times.push(await waiting(one, waiters))
      return median(times)
    }
    crowds.push({ waiters, memory: await rounds(inMemory), redis: await rounds(session) })
  }
  await inMemory.close()
  await session.close()

  const last = memory.at(-1)!
  return {
    tables: [
      {
        title: "InMemory, while so many keys are held",
        columns: [
          "keys",
          "cycle on one more, µs",
          "of Semaphore there",
          "bytes a held key",
          "bytes a key after release"
        ],
        rows: memory.map((
          { bytes, keys, left, micros, semaphore }
        ) => [keys, short(micros), short(micros / semaphore), short(bytes), short(Math.max(0, left))])
      },
      {
        title: "Redis, while so many keys are held by one process",
        columns: ["keys", "to take one, µs", "cycle on one more, ms", "to release one, µs"],
        rows: redis.map(({ cycle, keys, release, take }) => [keys, short(take), short(cycle), short(release)])
      },
      {
        title: "Waiters in line in one process, µs each",
        columns: ["waiters", "InMemory", "Redis"],
        rows: crowds.map(({ memory, redis, waiters }) => [waiters, short(memory), short(redis)])
      }
    ],
    reach: [
      atMost(
        `InMemory cycle, of Semaphore's in the same heap: beside ${short(last.keys)} held keys, of beside 1,000`,
        (last.micros / last.semaphore) / (memory[0].micros / memory[0].semaphore),
        2
      ),
      atMost("a waiter in line among 10,000, of one among 1,000 (InMemory)", crowds[2].memory / crowds[1].memory, 1.5),
      atMost("a waiter in line among 10,000, of one among 1,000 (Redis)", crowds[2].redis / crowds[1].redis, 1.5)
    ],
    data: { memory, redis, crowds }
  }
}
