/**
 * Locks among the tabs and workers of one origin, in the browser itself: no
 * server, no driver.
 *
 * A tab that is closed, crashes or goes to another page frees its locks at once,
 * whatever their lease; a tab that hangs frees them when the lease is over. Who
 * waits is served in order and woken by the release.
 *
 * A page that the browser keeps for when the tab goes back to it, or that it freezes
 * while it is hidden, has lost its locks, which is what it hears first (`LockLost`),
 * and waits on for those that it waited for when it is back.
 *
 * **When to use**
 *
 * Use when tabs of one browser must take turns: one that leads (syncs, polls,
 * holds the connection), one that writes. It excludes nobody in another browser,
 * another profile or a private window; for that ask a server, which locks with
 * `RedisBackend`, say.
 *
 * **Details**
 *
 * - Who holds a key, alone or with others, and who waits is a record in IndexedDB, changed in a
 *   transaction, which excludes all other tabs. It is gone when nobody holds or
 *   wants the key.
 * - Every tab holds a Web Lock for as long as it lives, and so tells the others
 *   that it does. The locks themselves are none: those have no lease, no holder
 *   to be named and no fencing token, and end with a tab that hangs never.
 * - A `BroadcastChannel` tells who waits. A message that gets lost costs a second.
 * - Fencing tokens rise over all keys, also across a restart of the browser. When
 *   the data of the site are cleared they go on by the wall clock.
 * - A lease of another tab is judged by both clocks of the tab that looks, and by
 *   what it has seen itself, so that a clock that is set, or a laptop that wakes
 *   up, ends no lease early. A tab that was opened after a lease began, and finds
 *   the holder hanging, waits for the length of that lease once more.
 *
 * **Gotchas**
 *
 * Browsers put off the timers of hidden tabs, to one a second at first and after
 * five minutes to one a minute, and the renewal with them. Give a lock that a
 * hidden tab shall keep an `expires` of three minutes or more: it is only a tab
 * that hangs which the others then wait for so long. Timers of dedicated workers
 * are not put off.
 *
 * A program whose page comes neither by https nor from localhost has no Web
 * Locks; the layer fails with `Unsupported`, as it does outside of a browser.
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
import { given, invalid, text } from "./internal/given.ts"
import * as LockBackend from "./LockBackend.ts"
import type { LockError } from "./LockError.ts"
import type { LockStore } from "./LockStore.ts"

/**
 * How the locks of a program are told from those of another one of the same origin.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /**
   * The name of the IndexedDB database, of the `BroadcastChannel`, and in front
   * of the names of Web Locks. The same in all tabs and workers that share locks.
   * Default `"effect-lock"`; not empty, and not beginning with `-`, which Web
   * Locks reserve.
   */
  readonly name?: string | undefined
}

/**
 * A lock store of this tab or worker, to be used with `LockBackend.make` or on
 * its own.
 *
 * Fails with `InvalidOptions` when the name is not usable, and with
 * `BackendFailure` of kind `Unsupported` where IndexedDB, Web Locks or
 * `BroadcastChannel` are missing.
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
        ? invalid("name", JSON.stringify(name), "a string that is not empty and does not begin with -")
        : Store.make(name)
  )

/**
 * Locks among the tabs and workers of this origin. Fails as {@link makeStore} does.
 *
 * Bind it to a constant: two of them are like two tabs.
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
 * Fails with `ConfigError` too, when a value is missing or malformed.
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
