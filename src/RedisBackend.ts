/**
 * Locks in Redis, through ioredis or through Effect's own `Redis` service.
 *
 * Taking a lock and giving it back are one round trip each. Who finds it held
 * joins a fair queue in Redis and waits without asking: the release gives the
 * lock to the first in the queue and tells its process, over one subscription
 * per process. Fibers of one process queue among themselves first. Thousands of
 * held locks are renewed by a few commands.
 *
 * **Details**
 *
 * - A lock is the string `<keyPrefix>{<key>}` with its lease as expiry; its
 *   value is the holder's token. Waiters are in the sorted set
 *   `<keyPrefix>{<key>}:q`. Both are gone when nobody holds or wants the lock.
 *   `GET`, `PTTL` and `ZRANGE` of `redis-cli` show an operator who holds and
 *   who waits; `DEL` of the string frees the lock and tells its holder at its
 *   next renewal. Better is `Lock.forceRelease`, which also wakes the next.
 * - Fencing tokens are the server's clock in microseconds, so they rise for a
 *   key across releases, expiry, a flush and a restart, as long as nobody sets
 *   that clock back, and as long as the key stays at one server or the clocks of
 *   the servers agree; `strictFencing` asks for neither.
 * - The server must run scripts (Redis 5 or newer). Where it does not allow to
 *   subscribe to `<keyPrefix>ch:*`, waiters keep their place in the queue and
 *   poll every 10 to 30 milliseconds.
 * - An expired lock goes to whoever has waited longest of those who are still
 *   there, before any newcomer. However many waiters are gone, together they
 *   cost the next one less than a second.
 * - Connections of our own are known to be alive, or are replaced within seconds.
 *   Trouble is logged once when it starts, and once when it is over.
 * - A server that evicts keys may evict locks; a warning is logged once if it
 *   is configured to. Holders learn of it at their next renewal.
 * - One server is one point of truth. A failover to a replica that lacks the
 *   last writes gives a lock to a second holder: let what the lock protects
 *   check the fencing token.
 *
 * `docs/redis.md` says what a failover may lose, which rights a user of the
 * server needs, what a shared client must not do, and what an operator sees.
 *
 * The protocol was written for this library. It descends from the lock of the
 * Redis documentation (`SET key token NX PX`, compare before delete).
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Redis from "effect/persistence/Redis"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { RedisOptions } from "ioredis"
import { flag, given, invalid, object, port, secret, text, textOrSecret, whole } from "./internal/given.ts"
import { Notices } from "./internal/notices.ts"
import { type Client as IoRedisClient, missing as missingOf } from "./internal/redis/client.ts"
import { connect } from "./internal/redis/connecting.ts"
import * as IoRedis from "./internal/redis/ioredis.ts"
import * as Report from "./internal/redis/report.ts"
import * as Service from "./internal/redis/service.ts"
import * as Store from "./internal/redis/store.ts"
import type { Transport } from "./internal/redis/transport.ts"
import * as LockBackend from "./LockBackend.ts"
import type { LockError } from "./LockError.ts"
import type { LockStore } from "./LockStore.ts"

/**
 * What every way of building the backend can be told.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommonOptions {
  /**
   * Put before the names of all keys and channels, so that locks stay apart from
   * data. Default `"lock:"`. It must be the same in all programs that share locks; one
   * that contains `{}` fails with `InvalidOptions`.
   */
  readonly keyPrefix?: string | undefined
  /**
   * Whether the fencing tokens of a key rise whatever the server's clock says: when it
   * is set back, and when a failover or a slot of a cluster moves the key to a server
   * whose clock is up to a minute behind. Without it they rise as long as the clock
   * does, which is cheaper: the strict ones keep the last token of a key for a minute,
   * cost the server twice as much, and attempts of one turn no longer share a command.
   *
   * Default false. To be kept it must be the same in all programs that share locks.
   */
  readonly strictFencing?: boolean | undefined
}

/**
 * Where the server is, and how to connect to it: by a URL, in parts, or both, where
 * the parts win. What is not usable fails with `InvalidOptions`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends CommonOptions {
  /**
   * `redis://[user[:password]@][host][:port][/db]`, everything after the scheme
   * optional; `redis+sentinel://…host[:port],…/name[/db]` for the primary of that
   * name, by its Sentinels; `redis+cluster://…host[:port],…` for a cluster, by some of
   * its nodes. `rediss` is for TLS, `valkey` means the same as `redis`. Percent-encode
   * what is special. It is never printed.
   */
  readonly url?: string | Redacted.Redacted<string> | undefined
  /** The server's name or address. Default `"localhost"`. Not beside Sentinels or a cluster. */
  readonly host?: string | undefined
  /** A whole number from 1 to 65535. Default 6379. Not beside Sentinels or a cluster. */
  readonly port?: number | undefined
  /**
   * The number of the database, 0 or more. Default 0, the only one that a cluster has. Where the server
   * refuses it, locks fail with `BackendFailure`, as `Unsupported` or `Unauthorized`.
   */
  readonly db?: number | undefined
  /** The user to log in as. Default: the server's default user. */
  readonly username?: string | undefined
  /** The password to log in with. Default none. */
  readonly password?: Redacted.Redacted<string> | undefined
  /**
   * Whether to use TLS, with Sentinels too. Default false, or what the scheme of the `url` says. The server's
   * certificate must be of an authority that Node trusts, or that `ioredis.tls.ca` names, and have the host's name;
   * otherwise locks fail with `BackendFailure` / `Unsupported`, as they do if the server speaks no TLS.
   */
  readonly tls?: boolean | undefined
  /**
   * More options for the client, such as `tls` certificates, `sentinelPassword`,
   * `family` or `protocol`. In a cluster they are those of the connections to its
   * nodes. Default none.
   */
  readonly ioredis?: Omit<RedisOptions, "replyMapping" | "lazyConnect" | "enableOfflineQueue"> | undefined
}

/**
 * What is needed of a client that is not ours: a `Redis` or a `Cluster` of
 * ioredis, version 5 or 6, or of iovalkey.
 *
 * @category models
 * @since 0.1.0
 */
export interface Client extends IoRedisClient {}

/**
 * What a backend on Effect's `Redis` service can be told.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServiceOptions extends CommonOptions {
  /**
   * Whether the service talks to a cluster, where a command can only name keys of one
   * lock. Default false.
   */
  readonly cluster?: boolean | undefined
}

const backend = "redis"

const example = `{ keyPrefix: "app:lock:" }`

const common = { keyPrefix: text, strictFencing: flag }

const makeOver = Effect.fnUntraced(function*(
  transport: Effect.Effect<Transport, LockError, Scope.Scope>,
  options: CommonOptions | undefined
): Effect.fn.Return<LockStore, LockError, Scope.Scope> {
  const { keyPrefix: prefix = "lock:", strictFencing } = yield* given(options, example, common)
  if (prefix.includes("{}")) {
    return yield* invalid("keyPrefix", JSON.stringify(prefix), `a prefix without "{}"`)
  }
  const made = yield* transport
  const notices = new Notices()
  yield* Report.make(made, backend, notices)
  return yield* Store.make(backend, made, prefix, strictFencing === true, notices)
})

/** A client of the caller's, if it is one. */
const over = (client: Client): Effect.Effect<Transport, LockError, Scope.Scope> => {
  const missing = missingOf(client)
  return missing === undefined ? IoRedis.make(client) : invalid(
    "client",
    `something without "${missing}"`,
    "a Redis or Cluster of ioredis; without a server, tests can use TestBackend"
  )
}

/**
 * The store on a connection of its own, which is closed with the scope.
 *
 * Succeeds at once, whether the server can be reached or not; while it cannot,
 * every operation fails with `BackendFailure` / `Unreachable`, and the
 * connection is tried again in the background. Fails with `InvalidOptions` when
 * an option or the URL is malformed.
 *
 * **Example** (Looking at a lock without a backend)
 *
 * ```ts redis
 * import { Effect, Option } from "effect"
 * import * as RedisBackend from "effect-lock/RedisBackend"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* RedisBackend.makeStore({ url: process.env.REDIS_URL ?? "redis://" })
 *   return Option.isNone(yield* store.inspect("a-free-key"))
 * })
 *
 * await Effect.runPromise(Effect.scoped(program)) // => true
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeStore = (options?: Options): Effect.Effect<LockStore, LockError, Scope.Scope> =>
  Effect.flatMap(
    given(options, `{ url: "redis://localhost" }`, {
      url: textOrSecret,
      host: text,
      port,
      db: whole(0, Infinity, "a whole number of 0 or more"),
      username: text,
      password: secret,
      tls: flag,
      ioredis: object
    }),
    (options) => makeOver(connect(options), options)
  )

/**
 * The store on a client of the caller's, which is never closed. See
 * {@link layerClient}. Fails with `InvalidOptions` for a `keyPrefix` that cannot
 * be used.
 *
 * **Example** (A client that comes from a layer of the program's)
 *
 * ```ts
 * import { Context, Effect } from "effect"
 * import { LockBackend } from "effect-lock"
 * import * as RedisBackend from "effect-lock/RedisBackend"
 * import type { Redis } from "ioredis"
 *
 * class Client extends Context.Service<Client, Redis>()("app/Client") {}
 *
 * export const layer = LockBackend.layer(
 *   Effect.flatMap(Client, (client) => RedisBackend.makeStoreClient(client, { keyPrefix: "app:lock:" }))
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeStoreClient = (
  client: Client,
  options?: CommonOptions
): Effect.Effect<LockStore, LockError, Scope.Scope> => makeOver(over(client), options)

/**
 * The store on Effect's `Redis` service. See {@link layerRedis}. Fails with
 * `InvalidOptions` for a `keyPrefix` that cannot be used.
 *
 * **Example** (A backend with its own opinion on hand-over)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { LockBackend } from "effect-lock"
 * import * as RedisBackend from "effect-lock/RedisBackend"
 *
 * // every release goes through Redis, in the order of its queue
 * export const layer = LockBackend.layer(
 *   Effect.map(RedisBackend.makeStoreRedis(), (store) => ({ ...store, handOver: undefined }))
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeStoreRedis = (
  options?: ServiceOptions
): Effect.Effect<LockStore, LockError, Scope.Scope | Redis.Redis> =>
  Effect.gen(function*() {
    const { cluster } = yield* given(options, example, { cluster: flag })
    return yield* makeOver(Service.make(yield* Redis.Redis, cluster !== true), options)
  })

/**
 * Locks in Redis, on connections of the layer's own: one for commands, and
 * while somebody waits one more to be told on.
 *
 * **When to use**
 *
 * Use when the program has no Redis client yet, or when locks shall not share
 * their connection with other traffic.
 *
 * **Details**
 *
 * The layer builds even when the server is down: locks then fail with
 * `BackendFailure` / `Unreachable` (at once, or when their `timeout` has passed
 * without the server coming back), and work again as soon as it can be reached.
 * Fails with `InvalidOptions` when the URL or an option is malformed.
 *
 * Every call makes another layer with connections of its own: keep the layer in
 * a constant to share them.
 *
 * **Example** (Taking turns across processes)
 *
 * ```ts redis
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as RedisBackend from "effect-lock/RedisBackend"
 *
 * const program = Effect.succeed("charged").pipe(
 *   Lock.withLock("order-1", { expires: "60 seconds", timeout: "10 seconds" }),
 *   Effect.provide(RedisBackend.layer({ url: process.env.REDIS_URL ?? "redis://" }))
 * )
 *
 * await Effect.runPromise(program) // => "charged"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<LockBackend.LockBackend, LockError> =>
  LockBackend.layer(makeStore(options))

/**
 * {@link layer} with options from `Config`.
 *
 * **Example** (Everything from the environment)
 *
 * ```ts
 * import { Config } from "effect"
 * import * as RedisBackend from "effect-lock/RedisBackend"
 *
 * export const layer = RedisBackend.layerConfig({
 *   url: Config.Redacted("REDIS_URL"),
 *   keyPrefix: Config.String("LOCK_PREFIX").pipe(Config.withDefault("lock:"))
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Omit<Options, "ioredis">>
): Layer.Layer<LockBackend.LockBackend, LockError | Config.ConfigError> =>
  LockBackend.layer(Effect.flatMap(Config.unwrap(options), makeStore))

/**
 * Locks in Redis, on an ioredis `Redis` or `Cluster` that the program already
 * has. The layer never closes it, nor changes it beyond a few listeners, which
 * it takes off again. While somebody waits there is one more connection, a
 * duplicate of the client's.
 *
 * **Details**
 *
 * Commands are only given to the client while it is connected, so nothing of
 * ours waits in its offline queue or runs into its `maxRetriesPerRequest`. In a
 * cluster every lock is a command of its own, and whoever is given a lock
 * confirms it by one more round trip, because the nodes' clocks differ.
 *
 * The client must not be inside `MULTI`, run blocking commands, or `SELECT`
 * another database. If the server refuses the database that the client was made
 * for, ioredis goes on in database 0, and the locks with it. Give it a `reconnectOnError` for servers that become
 * replicas, or it stays at one after a failover:
 * `(error) => error.message.includes("READONLY")`. Fails with `InvalidOptions`
 * for something that is no client of ioredis, such as a mock of it.
 *
 * **Example** (Sharing the program's client)
 *
 * ```ts redis
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as RedisBackend from "effect-lock/RedisBackend"
 * import { Redis } from "ioredis"
 *
 * const client = new Redis(process.env.REDIS_URL ?? "redis://localhost")
 *
 * const program = Effect.succeed("charged").pipe(
 *   Lock.withLock("order-1"),
 *   Effect.provide(RedisBackend.layerClient(client))
 * )
 *
 * await Effect.runPromise(program) // => "charged"
 * await client.quit()
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (
  client: Client,
  options?: CommonOptions
): Layer.Layer<LockBackend.LockBackend, LockError> => LockBackend.layer(makeStoreClient(client, options))

/**
 * Locks in Redis, on Effect's own `Redis` service, such as `NodeRedis.layer` of
 * `@effect/platform-node` provides.
 *
 * **Details**
 *
 * The service does not tell when its connection breaks, so whoever is given a
 * lock while waiting confirms it by one more round trip.
 *
 * **Example** (Reusing the program's Redis service)
 *
 * ```ts
 * import type { Layer } from "effect"
 * import type { Redis } from "effect/persistence"
 * import type { LockBackend, LockError } from "effect-lock"
 * import * as RedisBackend from "effect-lock/RedisBackend"
 *
 * export const layer: Layer.Layer<LockBackend.LockBackend, LockError.LockError, Redis.Redis> = RedisBackend.layerRedis()
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRedis = (
  options?: ServiceOptions
): Layer.Layer<LockBackend.LockBackend, LockError, Redis.Redis> => LockBackend.layer(makeStoreRedis(options))
