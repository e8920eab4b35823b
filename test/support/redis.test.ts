import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isInstalled } from "../../scripts/installed.ts"
import { client, redis, until } from "./redis.ts"

describe.skipIf(!isInstalled("redis"))("a Redis for tests", () => {
  it.live("knows nothing of another, whose replica has written down what it was sent", () =>
    Effect.gen(function*() {
      const { port } = yield* redis("--repl-diskless-sync-delay", "0")
      const primary = yield* client(port)
      yield* Effect.promise(() => primary.set("k", "v"))
      const replica = yield* client(
        (yield* redis("--replicaof", "127.0.0.1", String(port), "--repl-diskless-sync-delay", "0")).port
      )
      yield* until(Effect.map(Effect.promise(() => replica.get("k")), (value) => value === "v"))
      const other = yield* client((yield* redis()).port)
      assert.deepStrictEqual(yield* Effect.promise(() => other.keys("*")), [])
    }))
})
