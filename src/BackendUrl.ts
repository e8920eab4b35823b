/**
 * A backend chosen by a URL, so that the place of the locks is a matter of configuration.
 *
 * | URL | Backend | Driver |
 * | --- | --- | --- |
 * | `open://` | `OpenBackend`: nobody ever waits | none |
 * | `memory://` | `InMemoryBackend`: the fibers of this process | none |
 * | `redis://[user[:password]@][host][:port][/db]`, `valkey://…`; `rediss://…` and `valkeys://…` for TLS | `RedisBackend` | `ioredis` |
 * | `redis+sentinel://host[:port][,host[:port]…]/name` | `RedisBackend` behind Sentinel | `ioredis` |
 * | `redis+cluster://host[:port][,host[:port]…]` | `RedisBackend` on a cluster | `ioredis` |
 * | `memcache://[user:password@]host[:port][,host[:port]…]`, `memcached://…` | `MemcacheBackend` | `memjs` |
 * | `postgres://[user[:password]@][host][:port][/database]`, `postgresql://…` | `SqlBackend` | `@effect/sql-pg` |
 * | `file:///directory` | `FileBackend`: the processes of this host | none |
 *
 * A driver is loaded when its scheme is used, and need not be installed otherwise. For options that
 * are not in the URL, use the backend's own layer.
 *
 * **Gotchas**
 *
 * A bundler looks for all drivers: mark those that are not installed as external. This is why the
 * module is not part of `effect-lock` itself.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as InMemoryBackend from "./InMemoryBackend.ts"
import { load } from "./internal/driver.ts"
import { failInvalid, plain } from "./internal/given.ts"
import type { LockBackend } from "./LockBackend.ts"
import { InvalidOptions, LockError } from "./LockError.ts"
import * as OpenBackend from "./OpenBackend.ts"

type Locks = Layer.Layer<LockBackend, LockError>

/** The backend of a scheme, given the URL and the part of it after `://`. */
type Scheme = (url: string, rest: string) => Effect.Effect<Locks, LockError>

/** A malformed URL may contain a password anywhere, so it is not shown. */
const invalidUrl = (value: string, expected: string) => failInvalid("url", value, expected)

const bare = (scheme: string, layer: Locks): Scheme => (_, rest) =>
  rest === "" ? Effect.succeed(layer) : invalidUrl(`more than ${scheme}://`, `${scheme}:// and nothing after it`)

/** A backend that needs a driver and parses the URL itself; `as` is its name for the scheme. */
const driven = (
  backend: string,
  driver: string,
  modules: () => Promise<{ readonly layer: (options: { readonly url: string }) => Locks }>,
  as?: string
): Scheme =>
(url, rest) =>
  Effect.map(
    load(backend, driver, modules),
    ({ layer }) => layer({ url: as === undefined ? url : `${as}://${rest}` })
  )

const redis = (as?: string) =>
  driven("redis", "ioredis", () => import("ioredis").then(() => import("./RedisBackend.ts")), as)

const memcached = driven("memcached", "memjs", () => import("memjs").then(() => import("./MemcacheBackend.ts")))

const postgres = driven("postgresql", "@effect/sql-pg", () => import("./SqlBackend.ts"))

const file: Scheme = (url) =>
  Effect.flatMap(
    Effect.promise(() => Promise.all([import("node:url"), import("./FileBackend.ts")])),
    ([{ fileURLToPath }, { layer }]) => {
      // `fileURLToPath` ignores them, so that two different URLs would be one directory.
      if (/[?#]/.test(url)) return invalidUrl("a query or a fragment", `a path with "%3F" for "?" and "%23" for "#"`)
      const directory = Option.liftThrowable(fileURLToPath)(url)
      return Option.isNone(directory)
        ? invalidUrl("a host, or a malformed path", "file:///directory, an absolute path that is percent-encoded")
        : Effect.succeed(layer({ directory: directory.value }))
    }
  )

const schemes: ReadonlyMap<string, Scheme> = new Map([
  ["open", bare("open", OpenBackend.layer)],
  ["memory", bare("memory", InMemoryBackend.layer)],
  ["redis", redis()],
  ["rediss", redis()],
  ["valkey", redis("redis")],
  ["valkeys", redis("rediss")],
  ["redis+sentinel", redis()],
  ["redis+cluster", redis()],
  ["rediss+sentinel", redis()],
  ["rediss+cluster", redis()],
  ["memcache", memcached],
  ["memcached", memcached],
  ["postgres", postgres],
  ["postgresql", postgres],
  ["file", file]
])

const [last, ...others] = Array.from(schemes.keys(), (scheme) => `${scheme}://`).toReversed()
const expected = `a URL that starts with ${others.toReversed().join(", ")} or ${last}`

const choose: (url: string) => Effect.Effect<Locks, LockError> = (url) => {
  const match = typeof url === "string" ? /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(url) : null
  if (match === null) return invalidUrl("no scheme://", expected)
  const scheme = match[1].toLowerCase()
  return schemes.get(scheme)?.(url, match[2]) ?? invalidUrl(`the unknown scheme ${scheme}://`, expected)
}

/**
 * The backend of a URL.
 *
 * **Details**
 *
 * The server need not be up: the layer builds, and locks fail until the server is reachable. Errors
 * never show more of the URL than its scheme. Keep the layer in a constant, as every call makes a
 * new one with its own connections.
 *
 * **Errors**
 *
 * - `InvalidOptions`: the URL is malformed, or its scheme is unknown
 * - `BackendFailure` of kind `Unsupported`: the driver is not installed
 *
 * **Example** (Locks in memory)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as BackendUrl from "effect-lock/BackendUrl"
 *
 * const locks = BackendUrl.layer("memory://")
 *
 * const program = Effect.succeed("done").pipe(Lock.withLock("report"), Effect.provide(locks))
 *
 * await Effect.runPromise(program) // => "done"
 * ```
 *
 * **Example** (Locks in Redis)
 *
 * ```ts redis
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as BackendUrl from "effect-lock/BackendUrl"
 *
 * const locks = BackendUrl.layer(process.env.REDIS_URL ?? "redis://localhost:6379")
 *
 * const program = Effect.succeed("done").pipe(Lock.withLock("report"), Effect.provide(locks))
 *
 * await Effect.runPromise(program) // => "done"
 * ```
 *
 * **Example** (A scheme that nobody knows)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import * as BackendUrl from "effect-lock/BackendUrl"
 *
 * const build = Layer.build(BackendUrl.layer("mysql://root:secret@db")).pipe(Effect.scoped)
 *
 * const error = await Effect.runPromise(Effect.flip(build))
 * error.message
 * // => 'Invalid lock option "url": got the unknown scheme mysql://, expected a URL that starts with ' +
 * //    'open://, memory://, redis://, rediss://, valkey://, valkeys://, redis+sentinel://, redis+cluster://, ' +
 * //    'rediss+sentinel://, rediss+cluster://, ' +
 * //    'memcache://, memcached://, postgres://, postgresql:// or file://'
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (url: string | Redacted.Redacted<string>): Layer.Layer<LockBackend, LockError> =>
  Layer.unwrap(Effect.suspend(() => choose(plain(url))))

/**
 * Where {@link layerConfigWith} finds the URL, and what it does without one.
 *
 * @category models
 * @since 0.2.0
 */
export interface ConfigOptions {
  /** The name of the configuration value with the URL. Default `"LOCK_URL"`. */
  readonly variable?: string | undefined
  /**
   * Whether the layer fails with `InvalidOptions` if the variable is not set or empty. Default
   * false: it logs a warning, and locks are in memory.
   */
  readonly required?: boolean | undefined
}

/** The variables of each provider that a warning has been logged for. */
const told = new WeakMap<ConfigProvider.ConfigProvider, Set<string>>()

/** Logs a warning once, however often the layer is built. */
const warnOnce = (variable: string) =>
  Effect.flatMap(Effect.service(ConfigProvider.ConfigProvider), (provider) => {
    const variables = told.get(provider) ?? new Set()
    if (variables.has(variable)) return Effect.void
    told.set(provider, variables.add(variable))
    return Effect.logWarning(
      `${variable} is not set or empty: locks are in this process only, and other processes do not see them. ` +
        `Set it to where locks live, or to memory:// if that is meant`
    )
  })

/** Reports an invalid URL as an invalid variable. */
const naming = (variable: string) => (error: LockError): Locks => {
  const { reason } = error
  const named = reason._tag === "InvalidOptions" && reason.option === "url"
    ? new LockError({
      reason: new InvalidOptions({ option: variable, value: reason.value, expected: reason.expected })
    })
    : error
  return Layer.effectContext(Effect.fail(named))
}

/**
 * The backend of the URL in an environment variable (or whatever the current `ConfigProvider`
 * reads). Without a URL, locks are in memory and a warning says so; if the variable is `required`,
 * the layer fails.
 *
 * **Details**
 *
 * The warning is logged once for each `ConfigProvider`, and names the variable. To have locks in
 * memory on purpose, set it to `memory://`.
 *
 * **Errors**
 *
 * - `InvalidOptions`: as for {@link layer}, with the variable as `option`; also if it is
 *   `required`, but not set or empty
 * - `BackendFailure` of kind `Unsupported`: the driver is not installed
 * - `ConfigError`: the configuration cannot be read
 *
 * **Example** (A program that does not start without one)
 *
 * ```ts
 * import { ConfigProvider, Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as BackendUrl from "effect-lock/BackendUrl"
 *
 * const locks = BackendUrl.layerConfigWith({ variable: "SHOP_LOCKS", required: true })
 *
 * const program = Effect.succeed("done").pipe(
 *   Lock.withLock("report"),
 *   Effect.provide(locks),
 *   Effect.catch((error) => Effect.succeed(error.message)),
 *   Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnvRecord({})))
 * )
 *
 * await Effect.runPromise(program)
 * // => 'Invalid lock option "SHOP_LOCKS": got nothing, expected a URL that starts with ' +
 * //    'open://, memory://, redis://, rediss://, valkey://, valkeys://, redis+sentinel://, redis+cluster://, ' +
 * //    'rediss+sentinel://, rediss+cluster://, ' +
 * //    'memcache://, memcached://, postgres://, postgresql:// or file://'
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layerConfigWith = (
  { required = false, variable = "LOCK_URL" }: ConfigOptions = {}
): Layer.Layer<LockBackend, LockError | Config.ConfigError> =>
  Layer.unwrap(Effect.flatMap(Config.option(Config.Redacted(variable)), (url) => {
    const text = Option.isNone(url) ? undefined : Redacted.value(url.value)
    if (text) return Effect.succeed(Layer.catch(layer(text), naming(variable)))
    return required
      ? failInvalid(variable, "nothing", expected)
      : Effect.as(warnOnce(variable), InMemoryBackend.layer)
  }))

/**
 * The backend of the URL in the environment variable `LOCK_URL` (or whatever the current
 * `ConfigProvider` reads). If it is not set or empty, locks are in memory, and a warning says so.
 *
 * See {@link layerConfigWith} for another variable, or for a program that must
 * not start without one.
 *
 * **Example** (From the environment)
 *
 * ```ts
 * import { ConfigProvider, Effect } from "effect"
 * import { Lock, LockBackend } from "effect-lock"
 * import * as BackendUrl from "effect-lock/BackendUrl"
 *
 * const backendName = LockBackend.LockBackend.useSync((backend) => backend.name).pipe(
 *   Lock.withLock("report"),
 *   Effect.provide(BackendUrl.layerConfig)
 * )
 * const inEnvironment = (env: Record<string, string>) =>
 *   Effect.provide(backendName, ConfigProvider.layer(ConfigProvider.fromEnvRecord(env)))
 *
 * await Effect.runPromise(inEnvironment({ LOCK_URL: "memory://" })) // => "memory"
 * await Effect.runPromise(inEnvironment({ LOCK_URL: "open://" })) // => "open"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<LockBackend, LockError | Config.ConfigError> = layerConfigWith()
