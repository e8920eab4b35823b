/** Slots of a cluster, of which a node that is down takes some away. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { Lock } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import { lockKey } from "../../src/internal/redis/keys.ts"
import { slotOf } from "../../src/internal/redis/slot.ts"
import { backendNews } from "../support/backendNews.ts"
import { directory } from "../support/directory.ts"
import { client, cluster, redis, until } from "../support/redis.ts"

it.live("the slot of a name is the one that the server says", () =>
  Effect.gen(function*() {
    const { port } = yield* redis("--cluster-enabled", "yes", "--dir", yield* directory)
    const look = yield* client(port)
    const keys = ["", "}", "}x", "a}b", "{a}b", "{", "\\", "ä ö", "钥匙", "🔑", "plain", "x".repeat(300)]
    const names = [...keys, ...keys.map((key) => lockKey("lock:", key)), "a{}b", "{a}{b}", "a{b}c}", "}a{b}", "{{a}}"]
    for (const name of names) {
      assert.strictEqual(slotOf(name), yield* Effect.promise(() => look.cluster("KEYSLOT", name)), name)
    }
  }).pipe(Effect.scoped))

it.live("a node of a cluster that is down is told once, although the others answer, until it is back", () =>
  Effect.gen(function*() {
    const servers = yield* cluster
    for (const { port } of servers) {
      const look = yield* client(port)
      yield* Effect.promise(() => look.config("SET", "cluster-require-full-coverage", "no"))
    }
    const [cut, steady] = [0, 2].map((node) => {
      for (let i = 0;; i++) if (Math.floor(slotOf(lockKey("lock:", `k${i}`)) / 5462) === node) return `k${i}`
    })
    const url = `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`
    const locks = yield* Layer.build(RedisBackend.layer({ url }))
    const told = yield* backendNews(locks)
    const attempt = (key: string) => Effect.exit(Effect.provide(Lock.once(Effect.void, key), locks))
    for (const key of [cut, steady]) assert.isTrue(Exit.isSuccess(yield* attempt(key)))
    servers[0].process.kill("SIGSTOP")
    for (let i = 0; i < 3; i++) {
      assert.isTrue(Exit.isFailure(yield* attempt(cut)))
      assert.isTrue(Exit.isSuccess(yield* attempt(steady)))
    }
    assert.deepStrictEqual(told, ["BackendDown"])
    servers[0].process.kill("SIGCONT")
    yield* until(Effect.map(attempt(cut), Exit.isSuccess))
    yield* until(Effect.sync(() => told.length === 2))
    assert.deepStrictEqual(told, ["BackendDown", "BackendUp"])
  }).pipe(Effect.scoped))
