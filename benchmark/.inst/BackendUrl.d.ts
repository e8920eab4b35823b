/**
 * A backend by its URL, so that where locks live is a matter of configuration.
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
 * A driver is loaded when its scheme is used, and need not be installed
 * otherwise. Options beyond the URL are those of the backends' own layers.
 *
 * **Gotchas**
 *
 * A bundler looks for all drivers. Tell it that those you have not installed are
 * external. This module is therefore not part of `effect-lock` itself.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import type { LockBackend } from "./LockBackend.ts";
import { LockError } from "./LockError.ts";
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
 * //    'open://, memory://, redis://, rediss://, valkey://, valkeys://, redis+sentinel://, redis+cluster://, ' +
 * //    'rediss+sentinel://, rediss+cluster://, ' +
 * //    'memcache://, memcached://, postgres://, postgresql:// or file://'
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export declare const layer: (url: string | Redacted.Redacted<string>) => Layer.Layer<LockBackend, LockError>;
/**
 * Where {@link layerConfigWith} looks, and what it makes of nothing.
 *
 * @category models
 * @since 0.2.0
 */
export interface ConfigOptions {
    /** The name of the configuration value that has the URL. Default `"LOCK_URL"`. */
    readonly variable?: string | undefined;
    /**
     * Whether the layer fails with `InvalidOptions` when the variable is not set or
     * empty. Default false: a warning, and locks in memory.
     */
    readonly required?: boolean | undefined;
}
/**
 * The backend that a variable of the environment (or whatever the current
 * `ConfigProvider` reads) names. Without one, locks are in memory and a warning
 * says so, or it is a failure if the variable is `required`.
 *
 * **Details**
 *
 * The warning is logged once for a `ConfigProvider`, and names the variable. To
 * have locks in memory on purpose, set it to `memory://`.
 *
 * **Errors**
 *
 * - `InvalidOptions`: as for {@link layer}, with the variable as `option`; also when it
 *   is `required`, and not set or empty
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
export declare const layerConfigWith: ({ required, variable }?: ConfigOptions) => Layer.Layer<LockBackend, LockError | Config.ConfigError>;
/**
 * The backend that `LOCK_URL` names in the environment (or whatever the current
 * `ConfigProvider` reads). When it is not set or empty, locks are in memory, and a
 * warning says so.
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
export declare const layerConfig: Layer.Layer<LockBackend, LockError | Config.ConfigError>;
