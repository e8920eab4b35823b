/**
 * Locks among the fibers of one process: for programs that are one process, and
 * for tests.
 *
 * Expiry follows Effect's `Clock`, so `TestClock` drives it. Every build of the
 * layer has its own state.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as KeyMap from "./internal/keyMap.ts"
import { withShortcuts } from "./internal/shortcuts.ts"
import { monotonicMillis, nextTurn } from "./internal/time.ts"
import * as LockBackend from "./LockBackend.ts"
import type { Attempt, Claim, LockStore } from "./LockStore.ts"

interface Entry extends KeyMap.Place {
  token: string
  expiresAt: number
}

/** Below this many entries nobody looks for expired ones. */
const smallestSweep = 64

/**
 * The store behind {@link layer}. Several backends made from one store contend
 * with each other as processes do, which is what tests of such situations want.
 *
 * **Details**
 *
 * A holder that never releases leaves an entry that ends with its lease. Such
 * entries are swept when they could be half of all, so that the store is never
 * more than twice as large as what is held.
 *
 * **Example** (Two contenders)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* InMemoryBackend.makeStore
 *   const claim = { key: "key", expiresMillis: 1000, wait: false }
 *   const first = yield* store.tryAcquire({ ...claim, token: "a" })
 *   const second = yield* store.tryAcquire({ ...claim, token: "b" })
 *   return [first._tag, second._tag]
 * })
 *
 * await Effect.runPromise(program) // => ["Acquired", "Held"]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeStore: Effect.Effect<LockStore> = Effect.map(Effect.context<never>(), (context): LockStore => {
  const clock = Context.get(context, Clock.Clock)
  const entries = KeyMap.make<Entry>(() => ({ vacant: true, token: "", expiresAt: 0 }), nextTurn(context))
  const listeners = new Map<string, Set<() => void>>()
  let sweepAt = smallestSweep
  let fencingToken = 0

  const now = () => monotonicMillis(clock)

  const live = (key: string, at: number): Entry | undefined => {
    const entry = entries.get(key)
    if (entry === undefined || entry.expiresAt > at) return entry
    entries.vacate(entry)
    return undefined
  }

  const sweep = (at: number): void => {
    for (const entry of entries.values()) if (entry.expiresAt <= at) entries.vacate(entry)
    sweepAt = Math.max(smallestSweep, 2 * entries.size())
  }

  const tryAcquire = ({ expiresMillis, key, token }: Claim, at: number): Attempt => {
    let entry = entries.find(key)
    if (entry === undefined || entry.vacant) {
      entry = entries.occupy(key, entry)
    } else if (entry.expiresAt > at && entry.token !== token) {
      return { _tag: "Held", token: entry.token, remainingMillis: entry.expiresAt - at }
    }
    entry.token = token
    entry.expiresAt = at + expiresMillis
    if (entries.size() > sweepAt) sweep(at)
    return { _tag: "Acquired", fencingToken: ++fencingToken }
  }

  const release = (key: string, token: string, at: number): boolean => {
    const entry = live(key, at)
    if (entry?.token !== token) return false
    entries.vacate(entry)
    listeners.get(key)?.forEach((notify) => notify())
    return true
  }

  return withShortcuts({
    name: "memory",
    drift: 0,
    tryAcquire: (claim) => Effect.sync(() => tryAcquire(claim, now())),
    extend: ({ expiresMillis, key, token }) =>
      Effect.sync(() => {
        const at = now()
        const entry = live(key, at)
        if (entry?.token !== token) return false
        entry.expiresAt = at + expiresMillis
        return true
      }),
    release: (key, token) => Effect.sync(() => release(key, token, now())),
    inspect: (key) =>
      Effect.sync(() => {
        const at = now()
        const entry = live(key, at)
        return entry === undefined
          ? Option.none()
          : Option.some({
            token: entry.token,
            remainingMillis: entry.expiresAt - at,
            waiters: listeners.get(key)?.size ?? 0
          })
      }),
    listen: (key, _token, notify) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const listener = () => notify(undefined)
          const waiting = listeners.get(key) ?? new Set()
          listeners.set(key, waiting.add(listener))
          return listener
        }),
        (listener) =>
          Effect.sync(() => {
            const waiting = listeners.get(key)
            if (waiting !== undefined && waiting.delete(listener) && waiting.size === 0) listeners.delete(key)
          })
      )
  }, { direct: { tryAcquire, release } })
})

/**
 * Locks in the memory of this process.
 *
 * **Example** (One at a time)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const seen: Array<string> = []
 * const worker = (name: string) =>
 *   Effect.gen(function*() {
 *     seen.push(`${name} in`)
 *     yield* Effect.sleep("5 millis")
 *     seen.push(`${name} out`)
 *   }).pipe(Lock.withLock("key"))
 *
 * const program = Effect.all([worker("a"), worker("b")], { concurrency: "unbounded" }).pipe(
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program)
 * seen // => ["a in", "a out", "b in", "b out"]
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<LockBackend.LockBackend> = LockBackend.layer(makeStore)
