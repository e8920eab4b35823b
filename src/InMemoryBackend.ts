/**
 * Locks among the fibers of one process: for programs with a single process, and for tests.
 *
 * Leases use Effect's `Clock`, so `TestClock` drives their expiry.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Table } from "./internal/memory/table.ts"
import { withShortcuts } from "./internal/shortcuts.ts"
import { nextTurn, timeOf } from "./internal/time.ts"
import * as LockBackend from "./LockBackend.ts"
import type { Holder, LockStore } from "./LockStore.ts"

/**
 * The store behind {@link layer}. Several backends on one store contend with each other as
 * processes do, for tests of such situations.
 *
 * **Details**
 *
 * A holder that never releases leaves an entry that ends with its lease. Such entries are removed
 * when they could be half of all, so that the store is at most twice as large as what is held.
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
export const makeStore: Effect.Effect<LockStore> = Effect.map(
  Effect.context<never>(),
  (context) => makeOf(Context.get(context, Clock.Clock), nextTurn(context))
)

const makeOf = (clock: Clock.Clock, soon: (task: () => void) => void): LockStore => {
  const table = new Table(soon)
  const time = timeOf(clock)
  const holdersOf = (key: string): ReadonlyArray<Holder> =>
    table.all(key, time.now()).map(({ bearer, permits, remainingMillis }) => ({
      token: bearer.token,
      remainingMillis,
      waiters: table.waiting(key),
      ...(permits !== undefined && { permits })
    }))
  return withShortcuts({
    name: "memory",
    drift: 0,
    shares: true,
    tryAcquire: ({ expiresMillis, key, share, token, wait }) =>
      Effect.sync(() => {
        const now = time.now()
        const hold = table.take(key, { text: token, token }, expiresMillis, now, share, wait)
        if (hold !== undefined) return { _tag: "Acquired", fencingToken: hold.fencingToken }
        const held = table.look(key, now)
        return { _tag: "Held", token: held?.bearer.token, remainingMillis: held?.remainingMillis }
      }),
    extend: ({ expiresMillis, key, token }) => Effect.sync(() => table.extend(key, token, expiresMillis, time.now())),
    release: (key, token) => Effect.sync(() => table.release(key, token, time.now())),
    inspect: (key) => Effect.sync(() => Option.fromUndefinedOr(holdersOf(key)[0])),
    holders: (key) => Effect.sync(() => holdersOf(key)),
    list: (prefix) => {
      const heldOf = (key: string) => holdersOf(key).map((holder) => ({ key, ...holder }))
      return Effect.sync(() => ({ locks: table.keys().filter((key) => key.startsWith(prefix)).flatMap(heldOf) }))
    },
    listen: (key, _token, notify) =>
      Effect.acquireRelease(
        Effect.sync(() => table.listen(key, () => notify(undefined))),
        (end) => Effect.sync(end)
      ),
    transfer: (from, { expiresMillis, key, token }) =>
      Effect.sync(() => {
        const now = time.now()
        const hold = table.transfer(key, from, token, expiresMillis, now)
        if (hold !== undefined) return { _tag: "Acquired", fencingToken: hold.fencingToken }
        const held = table.look(key, now)
        return { _tag: "Held", token: held?.bearer.token, remainingMillis: held?.remainingMillis }
      }),
    watch: (key, notify) =>
      Effect.acquireRelease(Effect.sync(() => table.watch(key, notify)), (end) => Effect.sync(end))
  }, { direct: table })
}

/**
 * The only global state, which users rely on: Effect builds a layer anew wherever no outer
 * `provide` has built it, and a lock that is provided at two calls has to exclude one from the
 * other. There is one store for each `Clock`: one in a program, and one in each test with its own
 * clock.
 */
const shared = Symbol.for("effect-lock/InMemoryBackend/1")

const sharedStore: Effect.Effect<LockStore> = Effect.map(Effect.clockWith(Effect.succeed), (clock) => {
  const globals = globalThis as { [shared]?: WeakMap<Clock.Clock, LockStore> }
  const stores = globals[shared] ??= new WeakMap<Clock.Clock, LockStore>()
  const store = stores.get(clock) ?? makeOf(clock, nextTurn(Context.empty()))
  stores.set(clock, store)
  return store
})

/**
 * Locks in the memory of this process.
 *
 * **Details**
 *
 * Wherever and however often this layer is provided in a program, even by two copies of this
 * package, the locks are the same: their state belongs to the `Clock` service that the layer is
 * built with. A test under `TestClock` has its own locks. Use {@link layerFresh} for separate
 * locks.
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
export const layer: Layer.Layer<LockBackend.LockBackend> = /* #__PURE__ */ LockBackend.layer(sharedStore)

/**
 * A layer with new, separate locks each time it is provided.
 *
 * **Example** (Two programs that do not see each other)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const other = Lock.once(Effect.succeed("ran, too"), "key").pipe(Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(other.pipe(Lock.withLock("key"), Effect.provide(InMemoryBackend.layerFresh)))
 * // => Option.some("ran, too")
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layerFresh: Layer.Layer<LockBackend.LockBackend> = /* #__PURE__ */ Layer.fresh(
  /* #__PURE__ */ LockBackend.layer(makeStore)
)
