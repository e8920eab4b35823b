/** Stores on a test's own servers, and what the tests say often. */
import { assert } from "@effect/vitest"
import { Effect, Option, Schedule } from "effect"
import type { Scope } from "effect"
import type { LockError } from "../../src/LockError.ts"
import type { Acquired, Claim, LockStore } from "../../src/LockStore.ts"
import * as MemcacheBackend from "../../src/MemcacheBackend.ts"

/**
 * How long a store waits for a reply where the test makes sure that none will
 * come. All else that the test does with that store has to be faster, also on a
 * machine that is busy.
 */
export const requestTimeout = 1_000

/** A store that waits long for a reply, unless told otherwise. */
export const storeAt = (
  port: number,
  options: MemcacheBackend.Options = {}
): Effect.Effect<LockStore, LockError, Scope.Scope> =>
  MemcacheBackend.makeStore({
    servers: [`127.0.0.1:${port}`],
    requestTimeout: "10 seconds",
    connectTimeout: "10 seconds",
    ...options
  })

export const claim = (key: string, token: string, expiresMillis = 10_000): Claim => ({
  key,
  token,
  expiresMillis,
  wait: false
})

export const acquire = Effect.fnUntraced(function*(store: LockStore, key: string, token: string, expires?: number) {
  const attempt = yield* store.tryAcquire(claim(key, token, expires))
  assert.strictEqual(attempt._tag, "Acquired")
  return attempt as Acquired
})

/** Who has the key, by token. */
export const holderOf = (store: LockStore, key: string) =>
  Effect.map(store.inspect(key), (occupant) => occupant._tag === "Some" ? occupant.value.token : undefined)

/** How many wait for it behind its holder. */
export const waitersAt = (store: LockStore, key = "k") =>
  Effect.map(store.inspect(key), (occupant) => Option.getOrUndefined(occupant)?.waiters)

export const eventually = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(condition, { schedule: Schedule.spaced("10 millis"), until: (is) => is })
