import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option } from "effect"
import { Lock } from "effect-lock"
import type { LockError } from "effect-lock/LockError"
import * as RedisBackend from "effect-lock/RedisBackend"
import { client, kill, until } from "../support/redis.ts"
import { watched } from "../support/sentinel.ts"

const backend = (url: string) => Layer.build(Layer.fresh(RedisBackend.layer({ url })))

const reasonOf = (exit: Exit.Exit<unknown, LockError>): string =>
  Option.getOrUndefined(Exit.findErrorOption(exit))?.reason._tag ?? exit._tag

/** Who is in, by the test's own count. */
const sections = () => {
  let inside = 0
  let most = 0
  const section = Effect.acquireUseRelease(
    Effect.sync(() => most = Math.max(most, ++inside)),
    () => Effect.never,
    () => Effect.sync(() => inside--)
  )
  return { section, inside: () => inside, most: () => most }
}

describe("behind Sentinels", () => {
  it.live("a planned failover moves everybody, and nobody holds beside another", () =>
    Effect.gen(function*() {
      const { failover, replica, url } = yield* watched
      const look = yield* client(replica.port)
      const { inside, most, section } = sections()
      const [one, other] = [yield* backend(url), yield* backend(url)]
      const options = { expires: "3 seconds", timeout: "60 seconds" } as const
      const holder = yield* Effect.forkChild(
        Effect.exit(Effect.provide(Lock.withLock(section, "k", options), one))
      )
      yield* until(Effect.sync(() => inside() === 1))
      const waiter = yield* Effect.forkChild(Effect.exit(Effect.provide(Lock.withLock(section, "k", options), other)))
      yield* until(Effect.promise(async () => (await look.zcard("lock:{k}:q")) === 1))
      yield* failover
      // a newcomer asks the new primary
      const third = yield* backend(url)
      const busy = yield* Effect.exit(Effect.provide(Lock.withLock(Effect.void, "k", { timeout: 0 }), third))
      assert.strictEqual(reasonOf(busy), "LockTimeout")
      // for longer than the old primary would go on taking writes
      yield* Effect.sleep("9 seconds")
      assert.strictEqual(inside(), 1)
      assert.isUndefined(holder.pollUnsafe(), "its renewals have gone on at the new primary")
      const freed = performance.now()
      yield* Fiber.interrupt(holder)
      yield* until(Effect.sync(() => inside() === 1))
      assert.isBelow(performance.now() - freed, 2_500, "the waiter is told by the new primary")
      yield* Fiber.interrupt(waiter)
      assert.strictEqual(most(), 1)
      yield* until(Effect.promise(async () => (await look.keys("lock:*")).length === 0))
    }))

  for (const [how, signal] of [["dies", "SIGKILL"], ["freezes", "SIGSTOP"]] as const) {
    // Long enough also for Sentinels on a busy host: whose timer was two seconds late decides nothing for the next 30 (TILT).
    it.live(`a primary that ${how} costs no lease that is long enough`, () =>
      Effect.gen(function*() {
        const { named, primary, replica, url } = yield* watched
        const look = yield* client(replica.port)
        const { inside, most, section } = sections()
        const one = yield* backend(url)
        const holder = yield* Effect.forkChild(
          Effect.exit(Effect.provide(Lock.withLock(section, "k", { expires: "50 seconds" }), one))
        )
        yield* until(Effect.promise(async () => (await look.exists("lock:{k}")) === 1))
        if (signal === "SIGKILL") yield* kill(primary.process)
        else primary.process.kill(signal)
        yield* named(replica.port)
        const other = yield* backend(url)
        const waiter = yield* Effect.forkChild(
          Effect.exit(Effect.provide(Lock.withLock(section, "k", { timeout: "3 minutes" }), other))
        )
        // renewed at the new primary
        yield* until(Effect.promise(async () => (await look.pttl("lock:{k}")) > 49_000))
        assert.isUndefined(holder.pollUnsafe())
        yield* Fiber.interrupt(holder)
        yield* until(Effect.sync(() => inside() === 1))
        yield* Fiber.interrupt(waiter)
        assert.strictEqual(most(), 1)
      }), 180_000)
  }

  it.effect("a host of its own is refused beside them", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        RedisBackend.makeStore({ url: "redis+sentinel://a,b/mymaster", host: "c" })
      )
      assert.deepStrictEqual(error.reason._tag === "InvalidOptions" && error.reason.option, "host")
    }).pipe(Effect.scoped))
})
