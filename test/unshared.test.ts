/** Stores that keep one holder of a key say so at once, whatever else they could say. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Lock, type LockBackend, type LockError } from "effect-lock"
import * as KeyValueBackend from "effect-lock/KeyValueBackend"
import * as MemcacheBackend from "effect-lock/MemcacheBackend"
import { KeyValueStore } from "effect/persistence"
import { freePort } from "./support/server.ts"

const backends: Record<string, Layer.Layer<LockBackend.LockBackend, unknown>> = {
  // Nobody is there: whatever were sent would be refused otherwise.
  memcached: Layer.unwrap(
    Effect.map(freePort, (port) => MemcacheBackend.layer({ servers: [`127.0.0.1:${port}`] }))
  ),
  "a key-value store": KeyValueBackend.layer.pipe(Layer.provide(KeyValueStore.layerMemory))
}

type Call = Effect.Effect<unknown, LockError.LockError, LockBackend.LockBackend>

const share = { limit: 2 }
const calls: Record<string, Call> = {
  withSharedLock: Lock.withSharedLock(Effect.void, "key"),
  withPermits: Lock.withPermits(Effect.void, "key", { limit: 2, permits: 2 }),
  once: Lock.once(Effect.void, "key", { share }),
  acquire: Effect.scoped(Lock.acquire("key", { share: true })),
  tryAcquire: Effect.scoped(Lock.tryAcquire("key", { share }))
}

const wrong: Record<string, Call> = {
  "more permits than there are": Lock.withPermits(Effect.void, "key", { limit: 2, permits: 3 }),
  "no permits": Lock.withPermits(Effect.void, "key", { limit: 2, permits: 0 }),
  "half a permit": Lock.withPermits(Effect.void, "key", { limit: 2, permits: 0.5 }),
  "no limit": Lock.once(Effect.void, "key", { share: { limit: 0 } }),
  "no number": Effect.scoped(Lock.tryAcquire("key", { share: { limit: NaN } })),
  "no keys": Lock.withLocks(Effect.void, [])
}

for (const [name, backend] of Object.entries(backends)) {
  describe(`${name} cannot share keys`, () => {
    it.live("and says so at the first call, for good", () =>
      Effect.gen(function*() {
        for (const [form, call] of Object.entries(calls)) {
          const { reason } = yield* Effect.flip(call)
          if (reason._tag !== "BackendFailure") return assert.fail(`${form}: ${reason._tag}`)
          const { key, kind, operation, retryable } = reason
          assert.deepStrictEqual([kind, retryable, operation, key], ["Unsupported", false, "acquire", "key"], form)
        }
      }).pipe(Effect.provide(backend), Effect.scoped))

    it.live("but options that are none are refused before that", () =>
      Effect.gen(function*() {
        for (const [what, call] of Object.entries(wrong)) {
          assert.strictEqual((yield* Effect.flip(call)).reason._tag, "InvalidOptions", what)
        }
      }).pipe(Effect.provide(backend), Effect.scoped))
  })
}
