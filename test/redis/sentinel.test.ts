import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option, Schedule } from "effect"
import { Lock } from "effect-lock"
import type { LockError } from "effect-lock/LockError"
import * as RedisBackend from "effect-lock/RedisBackend"
import { proxy } from "../support/proxy.ts"
import { client, kill, until } from "../support/redis.ts"
import { watched } from "../support/sentinel.ts"
import { untilTold } from "../support/told.ts"

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

// They mostly wait for Sentinels, and so run side by side.
describe("behind Sentinels", { concurrent: true }, () => {
  it.live("a planned failover moves everybody, and nobody holds beside another", () =>
    Effect.gen(function*() {
      const { failover, replica, url } = yield* watched
      const look = yield* client(replica.port)
      const { inside, most, section } = sections()
      const [one, other] = [yield* backend(url), yield* backend(url)]
      // Far longer than a busy host needs for a failover. Who waits is told, or waits on: it does not look by itself.
      const options = { expires: "20 seconds", timeout: "3 minutes", retry: untilTold } as const
      const holder = yield* Effect.forkChild(
        Effect.exit(Effect.provide(Lock.withLock(section, "k", options), one))
      )
      yield* until(Effect.sync(() => inside() === 1))
      const waiter = yield* Effect.forkChild(Effect.exit(Effect.provide(Lock.withLock(section, "k", options), other)))
      yield* until(Effect.promise(async () => (await look.zcard("lock:{k}:q")) === 1))
      yield* failover
      // a newcomer asks the new primary
      const third = yield* backend(url)
      const ask = Effect.exit(Effect.provide(Lock.withLock(Effect.void, "k", { timeout: 0 }), third))
      // Which a busy host may let it wait for.
      const busy = yield* Effect.repeat(ask, {
        schedule: Schedule.spaced("50 millis"),
        until: (exit) => reasonOf(exit) !== "BackendFailure"
      })
      assert.strictEqual(reasonOf(busy), "LockTimeout")
      // its renewals go on at the new primary
      let left = Infinity
      let renewals = 0
      yield* until(Effect.promise(async () => {
        const before = left
        left = await look.pttl("lock:{k}")
        if (left > before) renewals++
        return holder.pollUnsafe() !== undefined || renewals === 2
      }))
      assert.isUndefined(holder.pollUnsafe())
      assert.strictEqual(inside(), 1)
      yield* Fiber.interrupt(holder)
      // told by the new primary
      yield* until(Effect.sync(() => inside() === 1))
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
          Effect.exit(Effect.provide(Lock.withLock(section, "k", { expires: "90 seconds" }), one))
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
        yield* until(
          Effect.promise(async () => holder.pollUnsafe() !== undefined || (await look.pttl("lock:{k}")) > 89_000)
        )
        assert.isUndefined(holder.pollUnsafe())
        yield* Fiber.interrupt(holder)
        yield* until(Effect.sync(() => inside() === 1))
        yield* Fiber.interrupt(waiter)
        assert.strictEqual(most(), 1)
      }), 360_000)
  }

  it.live("a failover that is told of while a Sentinel is asked for the primary is no end", () =>
    Effect.gen(function*() {
      const { failover, primary, sentinels, url } = yield* watched
      const proxies = [yield* proxy(sentinels[0]), yield* proxy(sentinels[1])]
      const asked = () => proxies.reduce((sum, { requested }) => sum + requested(), 0)
      const one = yield* Layer.build(Layer.fresh(RedisBackend.layer({
        url: url.replace(/\/\/[^/]*/, `//${proxies.map(({ port }) => `127.0.0.1:${port}`).join(",")}`),
        ioredis: { updateSentinels: false, sentinelCommandTimeout: 60_000 }
      })))
      const take = Effect.provide(Lock.withLock(Effect.void, "k", { timeout: "30 seconds" }), one)
      yield* take
      for (const port of sentinels.slice(0, 2)) {
        const look = yield* client(port)
        yield* until(Effect.promise(async () => /cmd=subscribe/.test(String(await look.call("client", "list")))))
      }
      for (const one of proxies) one.dropRequests = true
      const before = asked()
      const look = yield* client(primary.port)
      yield* Effect.promise(() => look.call("client", "kill", "type", "normal"))
      yield* until(Effect.sync(() => asked() > before))
      yield* failover
      // until the Sentinels have told everybody
      yield* Effect.sleep("500 millis")
      for (const one of proxies) {
        one.dropRequests = false
        one.cut()
      }
      yield* take
    }))

  it.effect("a host of its own is refused beside them", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        RedisBackend.makeStore({ url: "redis+sentinel://a,b/mymaster", host: "c" })
      )
      assert.deepStrictEqual(error.reason._tag === "InvalidOptions" && error.reason.option, "host")
    }).pipe(Effect.scoped))
})
