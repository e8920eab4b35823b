import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { client, redis, until } from "../support/redis.ts"

describe("a server of a test", () => {
  it.live("begins with nothing, whatever a replica beside it was sent", () =>
    Effect.gen(function*() {
      const primary = yield* redis("--repl-diskless-sync-delay", "0")
      const look = yield* client(primary.port)
      yield* Effect.promise(() => look.set("k", "of another test"))
      const replica = yield* client((yield* redis("--replicaof", "127.0.0.1", String(primary.port))).port)
      yield* until(Effect.promise(async () => (await replica.info("replication")).includes("link_status:up")))
      const other = yield* client((yield* redis()).port)
      assert.deepStrictEqual(yield* Effect.promise(() => other.keys("*")), [])
    }))
})
