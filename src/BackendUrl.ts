/**
 * A backend by its URL, so that where locks live is a matter of configuration.
 *
 * | URL | Backend | Driver |
 * | --- | --- | --- |
 * | `open://` | `OpenBackend`: nobody ever waits | none |
 * | `memory://` | `InMemoryBackend`: the fibers of this process | none |
 * | `redis://[user[:password]@][host][:port][/db]`, `rediss://…` for TLS | `RedisBackend` | `ioredis` |
 * | `memcache://[user:password@]host[:port][,host[:port]…]` | `MemcacheBackend` | `memjs` |
 *
 * A driver is loaded when its scheme is used, and need not be installed
 * otherwise. Options beyond the URL are those of the backends' own layers.
 *
 * **Gotchas**
 *
 * A bundler looks for both drivers. Tell it that the one you have not installed
 * is external.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as InMemoryBackend from "./InMemoryBackend.ts"
import { load } from "./internal/driver.ts"
import type { LockBackend } from "./LockBackend.ts"
import { InvalidOptions, LockError } from "./LockError.ts"
import * as OpenBackend from "./OpenBackend.ts"

const expected = "a URL that starts with open://, memory://, redis://, rediss:// or memcache://"

// What is malformed may contain a password anywhere, so it is not shown.
const invalid = (value: string, expected: string): Effect.Effect<never, LockError> =>
  Effect.fail(new LockError({ reason: new InvalidOptions({ option: "url", value, expected }) }))

const bare = (scheme: string, rest: string, layer: Layer.Layer<LockBackend>) =>
  rest === "" ? Effect.succeed(layer) : invalid(`more than ${scheme}://`, `${scheme}:// and nothing after it`)

const choose = (url: string): Effect.Effect<Layer.Layer<LockBackend, LockError>, LockError> => {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(url)
  if (match === null) return invalid("something else", expected)
  const scheme = match[1].toLowerCase()
  switch (scheme) {
    case "open":
      return bare(scheme, match[2], OpenBackend.layer)
    case "memory":
      return bare(scheme, match[2], InMemoryBackend.layer)
    case "redis":
    case "rediss":
      return Effect.map(
        load("redis", "ioredis", () => import("ioredis").then(() => import("./RedisBackend.ts"))),
        (backend) => backend.layer({ url })
      )
    case "memcache":
      return Effect.map(
        load("memcached", "memjs", () => import("memjs").then(() => import("./MemcacheBackend.ts"))),
        (backend) => backend.layer({ url })
      )
    default:
      return invalid(`the unknown scheme ${scheme}://`, expected)
  }
}

/**
 * The backend that a URL names.
 *
 * **Details**
 *
 * A server need not be up: the layer builds, and locks fail until it can be
 * reached. What is in the URL besides its scheme never appears in an error.
 * Bind the layer to a constant, as every call makes a new one, with connections
 * of its own.
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
 * //    'open://, memory://, redis://, rediss:// or memcache://'
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (url: string | Redacted.Redacted<string>): Layer.Layer<LockBackend, LockError> =>
  Layer.unwrap(Effect.suspend(() => choose(Redacted.isRedacted(url) ? Redacted.value(url) : url)))

/**
 * The backend that `LOCK_URL` names in the environment (or whatever the current
 * `ConfigProvider` reads), and locks in memory when it is not set or empty.
 *
 * **Details**
 *
 * For another name, or for a program that must not start without one, map a
 * `Config` to {@link layer}.
 *
 * **Errors**
 *
 * As for {@link layer}, and `ConfigError` when the configuration cannot be read.
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
 * await Effect.runPromise(inEnvironment({})) // => "memory"
 * await Effect.runPromise(inEnvironment({ LOCK_URL: "open://" })) // => "open"
 * ```
 *
 * **Example** (Another name, and no default)
 *
 * ```ts
 * import { Config, Effect, Layer } from "effect"
 * import * as BackendUrl from "effect-lock/BackendUrl"
 *
 * export const locks = Layer.unwrap(Effect.map(Config.Redacted("SHOP_LOCKS"), BackendUrl.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<LockBackend, LockError | Config.ConfigError> = Layer.unwrap(
  Effect.map(
    Config.option(Config.Redacted("LOCK_URL")),
    Option.match({ onNone: () => InMemoryBackend.layer, onSome: layer })
  )
)
