import { Lock } from "/work/wt/sharing/src/index.ts"
import * as RedisBackend from "/work/wt/sharing/src/RedisBackend.ts"
import { Effect, ManagedRuntime } from "effect"
import { Redis } from "ioredis"
const port = Number(process.argv[2])
const stat = new Redis(port)
const runtime = ManagedRuntime.make(RedisBackend.layer({ host: "127.0.0.1", port }))
let n = 0
const end = Date.now() + 1500
const loop = Effect.whileLoop({
  while: () => Date.now() < end,
  body: () =>
    Lock.withPermits(
      Effect.suspend(() => {
        n++
        return Effect.sleep(1)
      }),
      "k",
      { limit: 10, timeout: "Infinity", expires: "10 seconds" }
    ),
  step: () => {}
})
await stat.config("RESETSTAT")
await runtime.runPromise(
  Effect.forEach(Array.from({ length: 32 }), () => loop, { concurrency: "unbounded", discard: true })
)
console.log(n, (globalThis as any).dbg)
console.log((await stat.info("commandstats")).split("\n").filter((l) => /evalsha|publish|subsc/.test(l)).join("\n"))
process.exit()
