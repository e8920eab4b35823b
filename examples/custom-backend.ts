/**
 * A backend of one's own: four atomic operations make a store, and
 * `LockBackend.make` adds the rest (queue, retries, renewal, deadlines, cleanup).
 *
 * This one keeps its locks in a SQL-like table of one process. Run your own store
 * through the suite of `effect-lock/testing` before you trust it.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Effect, Layer, Option } from "effect"
import { Lock, LockBackend, type LockStore } from "effect-lock"

interface Row {
  readonly token: string
  readonly fence: number
  readonly until: number
}

const makeTableStore = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const table = new Map<string, Row>()
  const log: Array<string> = []
  let fence = 0

  const now = () => clock.currentTimeMillisUnsafe()
  /** INSERT … ON CONFLICT DO UPDATE … WHERE until < now() OR token = $token */
  const upsert = (key: string, token: string, expiresMillis: number): LockStore.Attempt => {
    const row = table.get(key)
    if (row !== undefined && row.token !== token && row.until > now()) {
      return { _tag: "Held", token: row.token, remainingMillis: row.until - now() }
    }
    table.set(key, { token, fence: ++fence, until: now() + expiresMillis })
    return { _tag: "Acquired", fencingToken: fence }
  }
  const owns = (key: string, token: string) => {
    const row = table.get(key)
    return row !== undefined && row.token === token && row.until > now()
  }

  const store: LockStore.LockStore = {
    name: "table",
    tryAcquire: ({ expiresMillis, key, token }) =>
      Effect.sync(() => {
        const attempt = upsert(key, token, expiresMillis)
        log.push(`tryAcquire ${key}: ${attempt._tag}`)
        return attempt
      }),
    extend: ({ expiresMillis, key, token }) =>
      Effect.sync(() => {
        const ours = owns(key, token)
        log.push(`extend ${key}: ${ours}`)
        if (ours) upsert(key, token, expiresMillis)
        return ours
      }),
    release: (key, token) =>
      Effect.sync(() => {
        const ours = owns(key, token) && table.delete(key)
        log.push(`release ${key}: ${ours}`)
        return ours
      }),
    inspect: (key) =>
      Effect.sync(() => {
        const row = table.get(key)
        return row === undefined || row.until <= now()
          ? Option.none()
          : Option.some({ token: row.token, remainingMillis: row.until - now() })
      })
  }
  return { store, log, table }
})

const program = Effect.gen(function*() {
  const { log, store, table } = yield* makeTableStore
  const layer = Layer.effect(LockBackend.LockBackend, LockBackend.make(store))

  // The work takes longer than its lease: the engine renews it
  yield* Effect.sleep("1200 millis").pipe(
    Lock.withLock("migration", { expires: "1 second" }),
    Effect.provide(layer)
  )
  for (const line of log) yield* Console.log(line)
  yield* Console.log(`rows left: ${table.size}`)
})

program.pipe(NodeRuntime.runMain)
