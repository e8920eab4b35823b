/** Processes of two releases side by side, as while a new one is deployed. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Lock } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import { client, redis, until } from "../support/redis.ts"
import * as FirstRelease from "./firstRelease.ts"

describe("processes of the first release", () => {
  it.live("take turns with those of this one", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const served = new Map<string, number>()
      let inside = 0
      let highest = 0
      const section = (name: string) => (fence: number) =>
        Effect.gen(function*() {
          assert.strictEqual(++inside, 1, `${name} is not alone`)
          assert.isAbove(fence, highest, "fencing tokens fall")
          highest = fence
          yield* Effect.sleep(1)
          inside--
          served.set(name, (served.get(name) ?? 0) + 1)
        })
      let stopped = false
      const whileWanted = (turn: Effect.Effect<unknown, unknown>) =>
        Effect.orDie(Effect.whileLoop({ while: () => !stopped, body: () => turn, step: () => {} }))
      const workers: Array<Effect.Effect<void>> = []
      for (const name of ["old-1", "old-2", "old-3"]) {
        const { withLock } = yield* FirstRelease.make(port, name)
        workers.push(whileWanted(withLock("k", section(name))))
      }
      for (const name of ["new-1", "new-2"]) {
        const context = yield* Layer.build(Layer.fresh(RedisBackend.layer({ host: "127.0.0.1", port })))
        const turn = Lock.withLock((lease) => section(name)(lease.fencingToken), "k", { timeout: "2 minutes" })
        for (let i = 0; i < 2; i++) workers.push(whileWanted(Effect.provide(turn, context)))
      }
      const running = yield* Effect.forkScoped(Effect.all(workers, { concurrency: "unbounded", discard: true }))
      yield* until(Effect.sync(() => served.size === 5 && Math.min(...served.values()) > 20))
      stopped = true
      yield* Fiber.join(running)
      yield* until(Effect.promise(async () => (await look.keys("lock:*")).length === 0))
    }).pipe(Effect.scoped))

  it.live(
    "drop entries that they do not understand, whose owners come back to their place",
    () =>
      Effect.gen(function*() {
        const { port } = yield* redis()
        const look = yield* client(port)
        const old = yield* FirstRelease.make(port, "old")
        const context = yield* Layer.build(RedisBackend.layer({ host: "127.0.0.1", port }))
        yield* Effect.promise(() => look.set("lock:{k}", "old.0.a", "PX", 60_000))
        // shares, so its entry is one of a later format
        const reader = yield* Effect.forkScoped(
          Effect.provide(Lock.withSharedLock(Effect.succeed("read"), "k", { timeout: "2 minutes" }), context)
        )
        yield* until(Effect.promise(async () => (await look.zcard("lock:{k}:q")) === 1))
        const [entry] = yield* Effect.promise(() => look.zrange("lock:{k}:q", "0", "-1"))
        assert.match(entry, /,1\/\d+$/)
        yield* Effect.promise(() => look.set("lock:{k}", "old.1.aaaaaaaaaa", "PX", 60_000))
        assert.strictEqual(yield* old.withLock("other", () => Effect.succeed("done")), "done")
        // Both at once, before it comes back by itself.
        const [, waiting] = yield* Effect.all([old.release("k", "old.1.aaaaaaaaaa"), old.waiting("k")], {
          concurrency: "unbounded"
        })
        assert.strictEqual(waiting, 0, "dropped")
        assert.strictEqual(yield* Fiber.join(reader), "read")
      }).pipe(Effect.scoped)
  )
})
