import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isInstalled } from "../../scripts/installed.ts"
import { redis, redisAt } from "./redis.ts"
import { kill } from "./server.ts"

describe.skipIf(!isInstalled("redis"))("a server", () => {
  it.live("is not taken for started because another one answers at its port", () =>
    Effect.gen(function*() {
      const first = yield* redis()
      const { message } = yield* Effect.flip(redisAt(first.port))
      assert.strictEqual(message, "redis-server exited with 1")
      yield* kill(first.process)
      const next = yield* redisAt(first.port)
      assert.notStrictEqual(next.process.pid, first.process.pid)
    }))
})
