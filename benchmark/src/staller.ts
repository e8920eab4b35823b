/** A process that holds many locks in memcached and says what that costs, for `stall`. */
import { Lock } from "#effect-lock"
import * as MemcacheBackend from "#effect-lock/MemcacheBackend"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { serve } from "./lib/processes.ts"
import { check, sleep } from "./lib/scenario.ts"

export type Order =
  | { readonly port: number; readonly locks: number }
  /** What the next so many milliseconds cost. */
  | { readonly millis: number }

/** Milliseconds of CPU. */
export type Answer = number

let lost = 0

const hold = (port: number, locks: number): Promise<void> =>
  new Promise((resolve) => {
    const runtime = ManagedRuntime.make(MemcacheBackend.layer({ servers: [`127.0.0.1:${port}`] }))
    let held = 0
    const enter = Effect.sync(() => {
      if (++held === locks) resolve()
    })
    for (let i = 0; i < locks; i++) {
      const section = Lock.withLock(Effect.andThen(enter, Effect.never), `held-${i}`, {
        expires: "6 seconds",
        timeout: "Infinity"
      })
      runtime.runFork(Effect.onError(section, () => Effect.sync(() => lost++)))
    }
  })

serve(async (order: Order): Promise<Answer> => {
  if ("port" in order) {
    await hold(order.port, order.locks)
    return 0
  }
  const before = process.cpuUsage()
  await sleep(order.millis)
  const { system, user } = process.cpuUsage(before)
  check(lost === 0, `${lost} locks were lost`)
  return (system + user) / 1000
})
