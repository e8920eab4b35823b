/** The packed package in other runtimes: the core, and Redis. */
import { Effect } from "effect"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { isInstalled } from "../../scripts/installed.ts"
import { serverUrl } from "../support/urls.ts"
import { exec, pack, type Packed, pinned } from "./packed.ts"

const core = `
import { Effect } from "effect"
import { InMemoryBackend, Lock } from "effect-lock"

const said = []
const turn = (name, time) =>
  Effect.gen(function*() {
    said.push(name + " in")
    yield* Effect.sleep(time)
    said.push(name + " out")
  }).pipe(Lock.withLock("key", { expires: "3 seconds" }))

const lost = Lock.withLock(Effect.never, "other", { expires: "200 millis", renew: false }).pipe(
  Effect.catchReason("LockError", "LockLost", ({ why }) => Effect.succeed(why))
)

// The first is longer than its lease, which is renewed
const turns = Effect.all([turn("ada", "3500 millis"), turn("bob", "10 millis"), turn("cleo", "10 millis")], {
  concurrency: "unbounded"
})
const program = Effect.all([turns, lost], { concurrency: "unbounded" })
const [, why] = await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer))
console.log(JSON.stringify({ said, why }))
`

/** Takes turns with whoever else wants the key, and ends. */
const redis = `
import { Effect } from "effect"
import { Lock } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"

const turns = []
const turn = Lock.withLock(
  (lease) =>
    Effect.gen(function*() {
      const from = Date.now()
      yield* Effect.sleep("20 millis")
      turns.push({ fence: lease.fencingToken, from, to: Date.now() })
    }),
  "key",
  { timeout: "1 minute" }
)

await Effect.runPromise(turn.pipe(
  Effect.repeat({ times: 9 }),
  Effect.provide(RedisBackend.layer({ url: process.env.REDIS_URL }))
))
console.log(JSON.stringify(turns))
`

interface Turn {
  readonly fence: number
  readonly from: number
  readonly to: number
}

let packed: Packed
let user: string

beforeAll(async () => {
  packed = await pack()
  user = (await packed.project(packed.tarball, ...pinned("effect", "ioredis"))).folder
  writeFileSync(join(user, "core.js"), core)
  writeFileSync(join(user, "redis.js"), redis)
})

afterAll(() => rmSync(packed.folder, { recursive: true, force: true }))

const runtimes = {
  node: [process.execPath],
  bun: ["bun"],
  deno: ["deno", "run", "--allow-all", "--no-prompt"]
} as const

for (const [name, [command, ...args]] of Object.entries(runtimes)) {
  describe.skipIf(name !== "node" && !isInstalled(name as "bun" | "deno"))(name, () => {
    it("runs the core", async () => {
      assert.deepStrictEqual(JSON.parse(await exec(user, command, ...args, "core.js")), {
        said: ["ada", "bob", "cleo"].flatMap((name) => [`${name} in`, `${name} out`]),
        why: "Expired"
      })
    })

    it.skipIf(!isInstalled("redis"))(
      "takes turns with other processes by Redis, and ends",
      () =>
        Effect.gen(function*() {
          const REDIS_URL = yield* serverUrl("redis")
          const run = Effect.promise(() => exec(user, "env", `REDIS_URL=${REDIS_URL}`, command, ...args, "redis.js"))
          const outputs = yield* Effect.all([run, run, run], { concurrency: "unbounded" })
          const turns = outputs.flatMap((output) => JSON.parse(output) as ReadonlyArray<Turn>)
            .toSorted((one, other) => one.fence - other.fence)
          assert.strictEqual(turns.length, 30)
          for (const [index, { fence, from }] of turns.entries()) {
            if (index === 0) continue
            assert.isAbove(fence, turns[index - 1].fence)
            assert.isAtLeast(from, turns[index - 1].to)
          }
        }).pipe(Effect.scoped, Effect.runPromise)
    )
  })
}
