/** Under a test runner's fake timers sleeps end at its word, and the monotonic clock that leases are told by stands still. */
import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { InMemoryBackend, LockBackend, type LockError } from "effect-lock"
import * as Lock from "effect-lock/Lock"
import { ending } from "./support.ts"

const stores = {
  "in place": InMemoryBackend.layerFresh,
  "by its operations": LockBackend.layer(Effect.map(InMemoryBackend.makeStore, (store) => ({ ...store })))
}

describe("fake timers", () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  for (const [name, layer] of Object.entries(stores)) {
    it(`end waits, renew leases and end those that are not renewed, over a store ${name}`, async () => {
      const ended: Array<string> = []
      const noted = (name: string, call: Effect.Effect<void, LockError.LockError, LockBackend.LockBackend>) =>
        Effect.map(Effect.exit(call), (exit) => void ended.push(`${name} ${ending(exit)}`))
      const held = Deferred.makeUnsafe<void>()
      const work = Effect.andThen(Deferred.succeed(held, undefined), Effect.sleep("2 minutes"))
      Effect.runFork(Effect.provide(
        Effect.all([
          noted("unrenewed", Lock.withLock(Effect.never, "other", { expires: "20 seconds", renew: false })),
          noted("renewed", Lock.withLock(work, "key", { expires: "30 seconds" })),
          noted("impatient", Lock.withLock(Effect.void, "key", { timeout: "1 minute" })),
          noted("patient", Lock.withLock(Effect.void, "key", { timeout: "1 hour" }))
        ], { concurrency: "unbounded" }),
        layer
      ))
      await Effect.runPromise(Deferred.await(held))
      await vi.advanceTimersByTimeAsync(10_000)
      assert.deepStrictEqual(ended, [])
      await vi.advanceTimersByTimeAsync(300_000)
      assert.deepStrictEqual(ended, [
        "unrenewed LockLost",
        "impatient LockTimeout",
        "renewed Success",
        "patient Success"
      ])
    })
  }
})
