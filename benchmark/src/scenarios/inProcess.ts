/** Locks within one process: what `withLock` adds to an effect, and what waiting costs. */
import { InMemoryBackend, Lock, type LockBackend, OpenBackend } from "#effect-lock"
import AsyncLock from "async-lock"
import { Mutex } from "async-mutex"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Semaphore from "effect/Semaphore"
import { atMost, check, type Context, forceGc, percent, type Report, short } from "../lib/scenario.ts"
import { random, Rounds, shuffled } from "../lib/stats.ts"

type Wrap = (effect: Effect.Effect<void>) => Effect.Effect<void, unknown, LockBackend.LockBackend>

interface Contestant {
  readonly name: string
  /** Nanoseconds for one section, of so many one after the other. */
  readonly cycle: (n: number, yielding: boolean) => Promise<number>
  /** Nanoseconds for one of so many that want the lock at once. `served` is called with the number of each in turn. */
  readonly crowd?: ((n: number, served: (i: number) => void) => Promise<number>) | undefined
}

const clock = (): number => Number(process.hrtime.bigint())

const effectful = (name: string, layer: Layer.Layer<LockBackend.LockBackend>, wrap: Wrap): Contestant => {
  const runtime = ManagedRuntime.make(layer)
  let count = 0
  const sync = Effect.sync(() => void count++)
  const sections = { sync: wrap(sync), yielding: wrap(Effect.andThen(Effect.yieldNow, sync)) }
  return {
    name,
    cycle: (n, yielding) =>
      runtime.runPromise(Effect.suspend(() => {
        const section = yielding ? sections.yielding : sections.sync
        let i = 0
        count = 0
        const start = clock()
        return Effect.map(
          Effect.whileLoop({ while: () => i < n, body: () => (i++, section), step: () => {} }),
          () => {
            const elapsed = clock() - start
            check(count === n, `${name} ran ${count} of ${n} sections`)
            return elapsed / n
          }
        )
      })),
    crowd: (n, served) =>
      runtime.runPromise(Effect.suspend(() => {
        const all = Array.from(
          { length: n },
          (_, i) => wrap(Effect.andThen(Effect.yieldNow, Effect.sync(() => served(i))))
        )
        const start = clock()
        return Effect.map(
          Effect.all(all, { concurrency: "unbounded", discard: true }),
          () => (clock() - start) / n
        )
      }))
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

const promised = (name: string, run: (section: () => unknown) => Promise<unknown>): Contestant => ({
  name,
  cycle: async (n, yielding) => {
    let count = 0
    const section = yielding
      ? async () => {
        await nextTurn()
        count++
      }
      : () => void count++
    const start = clock()
    for (let i = 0; i < n; i++) await run(section)
    const elapsed = clock() - start
    check(count === n, `${name} ran ${count} of ${n} sections`)
    return elapsed / n
  },
  crowd: async (n, served) => {
    const start = clock()
    await Promise.all(Array.from({ length: n }, (_, i) =>
      run(async () => {
        await nextTurn()
        served(i)
      })))
    return (clock() - start) / n
  }
})

/** What one writes to have Effect's semaphore by key: one for each key in use, gone with its last user. */
const keyed = (): Wrap => {
  const semaphores = new Map<string, { readonly semaphore: Semaphore.Semaphore; users: number }>()
  const withKey = (key: string) => (effect: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.suspend(() => {
      let entry = semaphores.get(key)
      if (entry === undefined) semaphores.set(key, entry = { semaphore: Semaphore.makeUnsafe(1), users: 0 })
      const { semaphore } = entry
      entry.users++
      return Effect.ensuring(
        semaphore.withPermit(effect),
        Effect.sync(() => {
          if (--entry.users === 0) semaphores.delete(key)
        })
      )
    })
  return withKey("key")
}

const none = "no lock"
const semaphore = "Semaphore.withPermit"
const keyedSemaphore = "Semaphore by key"
const memory = "effect-lock, InMemory"
const open = "effect-lock, Open"
const asyncMutex = "async-mutex"

const contestants = (): ReadonlyArray<Contestant> => {
  const permit = Semaphore.makeUnsafe(1)
  const mutex = new Mutex()
  const asyncLock = new AsyncLock({ maxPending: Infinity })
  return [
    { ...effectful(none, OpenBackend.layer, (effect) => effect), crowd: undefined },
    effectful(semaphore, OpenBackend.layer, (effect) => permit.withPermit(effect)),
    effectful(keyedSemaphore, OpenBackend.layer, keyed()),
    effectful(memory, InMemoryBackend.layer, (effect) => Lock.withLock(effect, "key")),
    { ...effectful(open, OpenBackend.layer, (effect) => Lock.withLock(effect, "key")), crowd: undefined },
    promised(asyncMutex, (section) => mutex.runExclusive(section)),
    promised("async-lock", (section) => asyncLock.acquire("key", section))
  ]
}

/** Bytes that stay for a key once its lock has been given back. */
const idleBytes = async (keys: number): Promise<number> => {
  const runtime = ManagedRuntime.make(InMemoryBackend.layer)
  const touch = (prefix: string) =>
    runtime.runPromise(Effect.suspend(() => {
      let i = 0
      return Effect.whileLoop({
        while: () => i < keys,
        body: () => Lock.withLock(Effect.void, `${prefix}${i++}`),
        step: () => {}
      })
    }))
  // Compiled code and pools settle down after some passes, and some pools are large after every other; what a key keeps adds up.
  const sizes: Array<number> = []
  for (let pass = 0; pass < 7; pass++) {
    await touch(`${pass}-`)
    forceGc()
    sizes.push(process.memoryUsage().heapUsed)
  }
  await runtime.dispose()
  return Math.max(0, (sizes[6] - sizes[2]) / (4 * keys))
}

export const run = async ({ log, quick, seed }: Context): Promise<Report> => {
  const next = random(seed)
  const all = contestants()
  const crowds = quick ? [1000, 10_000] : [1000, 10_000, 30_000]
  const cycles = new Rounds()
  const crowd = new Map(crowds.map((n) => [n, new Rounds()]))

  for (const one of all) {
    for (let i = 0; i < 20; i++) {
      await one.cycle(5000, false)
      await one.cycle(500, true)
      await one.crowd?.(500, () => {})
    }
  }
  const rounds = quick ? 60 : 400
  for (let round = 0; round < rounds; round++) {
    for (const one of shuffled(all, next)) {
      cycles.add(one.name, { sync: await one.cycle(2000, false), yielding: await one.cycle(200, true) })
    }
  }
  log("cycles done")

  for (const n of crowds) {
    for (let round = 0; round < (quick ? 5 : 15); round++) {
      for (const one of shuffled(all, next)) {
        // The cost of Effect's semaphore grows with the square of its waiters.
        if (one.crowd === undefined || (n > 10_000 && one.name.startsWith("Semaphore"))) continue
        forceGc()
        const order: Array<number> = []
        const nanos = await one.crowd(n, (i) => order.push(i))
        check(order.length === n, `${one.name} served ${order.length} of ${n} waiters`)
        if (one.name === memory) check(order.every((i, at) => i === at), "waiters were not served in order")
        crowd.get(n)!.add(one.name, { nanos })
      }
    }
    log(`${n} waiters done`)
  }

  const bytes = await idleBytes(quick ? 50_000 : 200_000)
  check(bytes < 1, `a key that is not held costs ${bytes} bytes`)

  const waiting = all.filter((one) => one.crowd !== undefined)
  const growth = crowd.get(crowds.at(-1)!)!.median(memory, "nanos") / crowd.get(1000)!.median(memory, "nanos")
  return {
    tables: [
      {
        title: "In one process: a section under a free lock",
        columns: ["", "synchronous ns", "spread", "of Semaphore", "yields once ns", "spread", "of Semaphore"],
        rows: all.map(({ name }) => [
          name,
          short(cycles.median(name, "sync")),
          percent(cycles.spread(name, "sync")),
          short(cycles.ratio(name, semaphore, "sync")),
          short(cycles.median(name, "yielding")),
          percent(cycles.spread(name, "yielding")),
          short(cycles.ratio(name, semaphore, "yielding"))
        ]),
        note: `Bytes that stay for an idle key: ${short(bytes)}.`
      },
      {
        title: "In one process: many waiters for one key, µs each",
        columns: ["", ...crowds.map((n) => `${n} waiters`)],
        rows: waiting.map(({ name }) => [name, ...crowds.map((n) => short(crowd.get(n)!.median(name, "nanos") / 1000))])
      }
    ],
    reach: [
      atMost(`withLock on InMemory, of ${semaphore}, synchronous`, cycles.ratio(memory, semaphore, "sync"), 2.5),
      atMost(`withLock on InMemory, of ${asyncMutex}, synchronous`, cycles.ratio(memory, asyncMutex, "sync"), 1),
      atMost("1,000 waiters, of Semaphore by key", crowd.get(1000)!.ratio(memory, keyedSemaphore, "nanos"), 1),
      atMost(`cost of a waiter among ${crowds.at(-1)}, of one among 1,000`, growth, 1.5),
      atMost("bytes that stay for an idle key", bytes, 1)
    ],
    data: {
      idleBytes: bytes,
      cycles: cycles.toJSON(),
      crowd: Object.fromEntries([...crowd].map(([n, own]) => [n, own.toJSON()]))
    }
  }
}
