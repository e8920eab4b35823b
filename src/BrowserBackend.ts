/**
 * Locks among the tabs and workers of one origin, in the browser itself: no
 * server, no driver.
 *
 * A tab that is closed, crashes or goes to another page frees its locks at once, whatever their
 * lease; those of a tab that hangs are free when the lease is over. Waiters are served in order,
 * and woken by the release.
 *
 * A page that the browser keeps for a return to it (bfcache), or freezes while it is hidden, loses
 * its locks. When it resumes, its holders first get `LockLost`, and its waiters go on waiting.
 *
 * **When to use**
 *
 * Use when tabs of one browser must take turns: one that leads (syncs, polls, holds the
 * connection), one that writes. It does not exclude another browser, another profile or a private
 * window; for that, let a server take the lock, for instance with `RedisBackend`.
 *
 * **Details**
 *
 * - The holders and waiters of a key are a record in IndexedDB, changed in a transaction, which
 *   excludes all other tabs. It is deleted when nobody holds or wants the key.
 * - Every tab holds a Web Lock for as long as it lives, which tells the others that it does. The
 *   locks themselves are not Web Locks, which have no lease, no name of a holder and no fencing
 *   token, and never end if a tab hangs.
 * - A `BroadcastChannel` notifies waiters. A lost message costs a second.
 * - Fencing tokens increase over all keys, and across a restart of the browser. After the site's
 *   data have been cleared, they continue from the wall clock.
 * - The lease of another tab is judged by both clocks of the tab that looks, and by what it has
 *   seen itself, so that no lease ends early when a clock is set or a laptop wakes up. A tab that
 *   was opened after the lease began, and finds its holder hanging, waits for the whole length of
 *   that lease.
 *
 * **Gotchas**
 *
 * Browsers throttle the timers of hidden tabs, at first to one a second and after five minutes to
 * one a minute, and so the renewal. Give a lock that a hidden tab should keep an `expires` of three
 * minutes or more: the others wait for that long only if the tab hangs. Timers of dedicated workers
 * are not throttled.
 *
 * A page that is loaded neither by https nor from localhost has no Web Locks; the layer then fails
 * with `Unsupported`, as it does outside of a browser.
 *
 * The protocol was written for this library.
 *
 * **Example** (One tab at a time)
 *
 * ```ts no-run
 * import { Console, Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as BrowserBackend from "effect-lock/BrowserBackend"
 *
 * const sync = Console.log("this tab syncs, the others skip it").pipe(
 *   Lock.once("sync", { expires: "3 minutes" }),
 *   Effect.provide(BrowserBackend.layer())
 * )
 *
 * Effect.runFork(sync)
 * ```
 *
 * @see https://w3c.github.io/web-locks/ and https://w3c.github.io/IndexedDB/
 * @since 0.2.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Store from "./internal/browser/store.ts"
import { failInvalid, given, text } from "./internal/given.ts"
import * as LockBackend from "./LockBackend.ts"
import type { LockError } from "./LockError.ts"
import type { LockStore } from "./LockStore.ts"

/**
 * What separates the locks of a program from those of another program of the same origin.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /**
   * The name of the IndexedDB database and of the `BroadcastChannel`, and the prefix of the Web
   * Locks. It must be the same in all tabs and workers that share locks. Default `"effect-lock"`;
   * it must not be empty or start with `-`, which Web Locks reserve.
   */
  readonly name?: string | undefined
}

/**
 * A lock store of this tab or worker, to be used with `LockBackend.make` or on
 * its own.
 *
 * Fails with `InvalidOptions` if the name is invalid, and with `BackendFailure` of kind
 * `Unsupported` if IndexedDB, Web Locks or `BroadcastChannel` are missing.
 *
 * **Example** (Outside of a browser)
 *
 * ```ts
 * import { Effect } from "effect"
 * import * as BrowserBackend from "effect-lock/BrowserBackend"
 *
 * const program = BrowserBackend.makeStore().pipe(
 *   Effect.as("a store"),
 *   Effect.catchReason("LockError", "BackendFailure", ({ kind }) => Effect.succeed(kind)),
 *   Effect.scoped
 * )
 *
 * await Effect.runPromise(program) // => "Unsupported"
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const makeStore = (options?: Options): Effect.Effect<LockStore, LockError, Scope.Scope> =>
  Effect.flatMap(
    given(options, `{ name: "shop" }`, { name: text }),
    ({ name = "effect-lock" }) =>
      name === "" || name.startsWith("-")
        ? failInvalid("name", JSON.stringify(name), "a string that is not empty and does not begin with -")
        : Store.make(name)
  )

/**
 * Locks among the tabs and workers of this origin. Fails as {@link makeStore} does.
 *
 * Keep it in a constant: two such layers are like two tabs.
 *
 * **Example** (The tab that leads)
 *
 * ```ts no-run
 * import { Console, Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as BrowserBackend from "effect-lock/BrowserBackend"
 *
 * const lead = Effect.andThen(Console.log("this tab leads now"), Effect.never)
 *
 * const program = lead.pipe(
 *   Lock.withLock("leader", { expires: "3 minutes", timeout: "Infinity" }),
 *   Effect.provide(BrowserBackend.layer({ name: "shop" }))
 * )
 *
 * Effect.runFork(program)
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layer = (options?: Options): Layer.Layer<LockBackend.LockBackend, LockError> =>
  LockBackend.layer(makeStore(options))

/**
 * Like {@link layer}, with the name read from `Config`.
 *
 * Also fails with `ConfigError` if a value is missing or malformed.
 *
 * **Example** (The name from the configuration)
 *
 * ```ts
 * import { Config } from "effect"
 * import * as BrowserBackend from "effect-lock/BrowserBackend"
 *
 * export const locks = BrowserBackend.layerConfig({ name: Config.String("LOCK_NAME") })
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<LockBackend.LockBackend, LockError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))
