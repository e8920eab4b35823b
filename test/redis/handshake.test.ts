import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lock } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import { proxy } from "../support/proxy.ts"
import { redis, until } from "../support/redis.ts"

describe("a connection whose handshake nobody answers", () => {
  it.live("is given up for a new one", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const between = yield* proxy(port)
      yield* Effect.gen(function*() {
        const attempt = Effect.option(Lock.withLock(Effect.succeed("ok"), "key", { expires: 1_000, timeout: 500 }))
        assert.strictEqual((yield* attempt)._tag, "Some")
        between.nowhere = true
        between.reset()
        // Accepted, and never answered, although those that come later are.
        yield* until(Effect.map(attempt, ({ _tag }) => _tag === "None"))
        between.nowhere = false
        yield* until(Effect.map(attempt, ({ _tag }) => _tag === "Some"))
      }).pipe(Effect.provide(RedisBackend.layer({ host: "127.0.0.1", port: between.port })))
    }))
})
