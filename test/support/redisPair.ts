/** Two processes on Redis, for the conformance suite. */
import { Duration, Effect, type Scope } from "effect"
import type { LockStore } from "effect-lock"
import type * as RedisBackend from "effect-lock/RedisBackend"

// The cases run at the same time, and some use keys of the same name.
let cases = 0
export const ownKeys: Effect.Effect<RedisBackend.CommonOptions> = Effect.sync(() => ({ keyPrefix: `case-${++cases}:` }))

/** Two processes that are connected already, to all nodes: some cases count on an answer within a few milliseconds. */
export const pair = <E>(make: Effect.Effect<LockStore.LockStore, E, Scope.Scope>) =>
  Effect.gen(function*() {
    const [one, other] = [yield* make, yield* make]
    const keys = Array.from({ length: 12 }, (_, i) => `key-${i}`)
    yield* Effect.forEach([one, other], ({ inspect }) => Effect.forEach(keys, inspect))
    return { one: { ...one, patience: Duration.millis(200) }, other }
  })
