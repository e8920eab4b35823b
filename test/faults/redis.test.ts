import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lock } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import { isInstalled } from "../../scripts/installed.ts"
import { proxy } from "../support/proxy.ts"
import { redis as startRedis } from "../support/redis.ts"
import { redis } from "./scenarios.ts"
import { surviveAll } from "./short.ts"

describe.skipIf(!isInstalled("redis"))("with redis-server", () => surviveAll(redis))

describe.skipIf(!isInstalled("redis"))("a connection that leads nowhere", () => {
  it.live("is given up for one that does not", () =>
    Effect.gen(function*() {
      const { port } = yield* startRedis()
      const between = yield* proxy(port)
      const attempt = Lock.withLock(Effect.void, "key", { expires: "1 second", timeout: "1 second" })
      yield* Effect.gen(function*() {
        yield* attempt
        between.nowhere = true
        between.reset()
        yield* Effect.sleep("500 millis")
        between.nowhere = false
        yield* Effect.retry(attempt, { times: 5 })
      }).pipe(Effect.provide(RedisBackend.layer({ host: "127.0.0.1", port: between.port })))
    }))
})
