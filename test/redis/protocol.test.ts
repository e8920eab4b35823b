/**
 * The scripts against a model: steps of chance by some tokens that want one lock.
 * Steps come one after the other, so the model knows who holds and who is next.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { LockStore } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import { Redis as RedisService } from "effect/persistence"
import { rollCallMillis } from "../../src/internal/redis/scripts.ts"
import { Random } from "../simulation/random.ts"
import { punctual } from "../support/punctual.ts"
import { client, redis, until } from "../support/redis.ts"
import { service } from "../support/redisStores.ts"

const expiresMillis = 60_000

const forms = [
  { name: "one server", make: (port: number) => RedisBackend.makeStore({ host: "127.0.0.1", port }) },
  {
    name: "as in a cluster",
    make: (port: number) =>
      Effect.flatMap(
        service(port),
        (redis) => Effect.provideService(RedisBackend.makeStoreRedis({ cluster: true }), RedisService.Redis, redis)
      )
  }
]

for (const { make, name } of forms) {
  describe(`the protocol (${name})`, () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      it.live(`gives the lock to one, in order, and leaves nothing (seed ${seed})`, () =>
        Effect.gen(function*() {
          const { port } = yield* redis()
          const look = yield* client(port)
          const store: LockStore.LockStore = yield* make(port)
          const chance = new Random(seed)
          const pick = <A>(items: ReadonlyArray<A>): A => chance.pick(items)
          const shuffled = <A>(items: ReadonlyArray<A>): ReadonlyArray<A> =>
            items.map((item) => [chance.next(), item] as const).toSorted(([a], [b]) => a - b).map(([, item]) => item)
          let tokens = 0
          let holder: string | undefined
          /** Those who wait, the first first. */
          let queue: Array<string> = []
          const trace: Array<string> = []
          const claim = (token: string, wait: boolean) => ({ key: "k", token, expiresMillis, wait })
          const same = (actual: unknown, expected: unknown) =>
            assert.deepStrictEqual(actual, expected, trace.slice(-12).join("\n"))
          /** Whoever is next has been given the lock, and claims it. */
          const next = Effect.gen(function*() {
            holder = queue.shift()
            same(yield* Effect.promise(() => look.get("lock:{k}")), holder ?? null)
            if (holder !== undefined) same((yield* store.tryAcquire(claim(holder, true)))._tag, "Acquired")
          })
          const steps: Record<string, () => Effect.Effect<void, unknown>> = {
            attempt: () =>
              Effect.gen(function*() {
                const token = `p.${++tokens}`
                const attempt = yield* store.tryAcquire(claim(token, false))
                same(attempt._tag, holder === undefined ? "Acquired" : "Held")
                if (attempt._tag === "Acquired") holder = token
              }),
            wait: () =>
              Effect.gen(function*() {
                const token = `p.${++tokens}`
                yield* store.tryAcquire(claim(token, false)).pipe(
                  Effect.tap((attempt) => Effect.sync(() => attempt._tag === "Acquired" && (holder = token)))
                )
                if (holder === token) return
                same((yield* store.tryAcquire(claim(token, true)))._tag, "Held")
                queue.push(token)
              }),
            again: () =>
              Effect.gen(function*() {
                if (queue.length === 0) return
                same((yield* store.tryAcquire(claim(pick(queue), true)))._tag, "Held")
              }),
            release: () =>
              Effect.gen(function*() {
                if (holder === undefined) return
                same(yield* store.release("k", holder), true)
                yield* next
              }),
            leave: () =>
              Effect.gen(function*() {
                if (queue.length === 0) return
                const token = pick(queue)
                same(yield* store.release("k", token), false)
                queue = queue.filter((one) => one !== token)
              }),
            exchange: () =>
              Effect.gen(function*() {
                if (holder === undefined) return
                const token = `p.${++tokens}`
                const attempt = yield* store.exchange!(holder, claim(token, true))
                same(attempt._tag, queue.length === 0 ? "Acquired" : "Held")
                queue.push(token)
                yield* next
              }),
            foreign: () =>
              Effect.gen(function*() {
                same(yield* store.release("k", "p.none"), false)
                same(yield* store.extend({ key: "k", token: "p.none", expiresMillis }), false)
                if (holder !== undefined) same(yield* store.extend({ key: "k", token: holder, expiresMillis }), true)
              }),
            forget: () =>
              Effect.promise(() => look.del("lock:{k}:q")).pipe(
                // each comes back, in whatever order
                Effect.andThen(Effect.forEach(shuffled(queue), (token) => store.tryAcquire(claim(token, true)))),
                Effect.asVoid
              ),
            expire: () =>
              Effect.gen(function*() {
                yield* Effect.promise(() => look.pexpire("lock:{k}", 1))
                yield* until(Effect.promise(async () => (await look.get("lock:{k}") ?? "") === ""))
                holder = undefined
                if (queue.length === 0) return
                const called = (yield* Effect.promise(() => look.exists("lock:{k}"))) === 1
                const newcomer = `p.${++tokens}`
                if ((yield* store.tryAcquire(claim(newcomer, false)))._tag === "Acquired") {
                  // The store that gave the lock away before may have called the roll by itself, which nobody has answered in time.
                  same(yield* Effect.promise(() => look.exists("lock:{k}:q")), 0)
                  holder = newcomer
                  yield* Effect.forEach(shuffled(queue), (token) => store.tryAcquire(claim(token, true)))
                  return
                }
                // All are there, and ask until one has it: the first, if they answer the roll call in time.
                const [first] = queue
                const began = performance.now()
                let inTime = false
                let taken: string | undefined
                yield* until(Effect.gen(function*() {
                  for (const token of shuffled(queue)) {
                    if ((yield* store.tryAcquire(claim(token, true)))._tag === "Acquired") taken ??= token
                  }
                  inTime ||= performance.now() - began < rollCallMillis
                  return taken !== undefined
                }))
                if (inTime && !called) same(taken, first)
                holder = taken
                queue = queue.filter((token) => token !== taken)
              })
          }
          for (let i = 0; i < 80; i++) {
            const step = pick(Object.keys(steps))
            trace.push(`${step} (${holder} holds, ${queue.join()} wait)`)
            yield* steps[step]()
            const occupant = yield* store.inspect("k")
            same(occupant._tag === "Some" ? occupant.value.token : undefined, holder)
            same(occupant._tag === "Some" ? occupant.value.waiters : 0, queue.length)
          }
          yield* Effect.repeat(Effect.suspend(steps.release), { until: () => holder === undefined })
          same(yield* Effect.promise(() => look.keys("*")), [])
        }).pipe(punctual(50)))
    }
  })
}
