/**
 * Locks in Redis, through ioredis or through Effect's own `Redis` service.
 *
 * Acquiring and releasing a lock take one round trip each. A waiter joins a fair queue in Redis and
 * does not poll: the release passes the lock to the first in the queue and notifies its process,
 * over one subscription per process. Fibers of one process queue among themselves first. Thousands
 * of held locks are renewed by a few commands.
 *
 * **Details**
 *
 * - A lock is the string `<keyPrefix>{<key>}`, whose value is the holder's token and whose TTL is
 *   the lease. Waiters are in the sorted set `<keyPrefix>{<key>}:q`. Both are gone when nobody
 *   holds or wants the lock. `GET`, `PTTL` and `ZRANGE` in `redis-cli` show an operator who holds
 *   it and who waits. `DEL` of the string frees the lock, which its holder learns at its next
 *   renewal; `Lock.forceRelease` is better, since it also wakes the next waiter.
 * - Fencing tokens are the server's clock in microseconds. So the tokens of a key increase across
 *   releases, expiry, a flush and a restart, as long as nobody sets that clock back, and as long as
 *   the key stays on one server or the servers' clocks agree. `strictFencing` needs neither.
 * - The server must run scripts (Redis 5 or newer). If it does not allow subscriptions to
 *   `<keyPrefix>ch:*`, waiters keep their place in the queue and poll every 10 to 30 milliseconds.
 * - An expired lock goes to the waiter that has waited longest and is still there, before any
 *   newcomer. However many waiters have gone, together they delay the next one by less than a
 *   second.
 * - The backend's own connections are checked, and replaced within seconds if they are dead. A
 *   problem is logged once when it starts, and once when it is over.
 * - A server that evicts keys may evict locks; a warning is logged once if it is configured to do
 *   so. Holders learn of an eviction at their next renewal.
 * - A failover to a replica that lacks the last writes may give a lock to a second holder: let what
 *   the lock protects check the fencing token.
 *
 * `docs/redis.md` describes what a failover may lose, which permissions the server's user needs,
 * what a shared client must not do, and what an operator sees.
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
import { failInvalid, flag, given, object, port, secret, text, textOrSecret, whole } from "./internal/given.ts"
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
 * The options of every layer and store.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommonOptions {
  /**
   * A prefix for all keys and channels, which keeps locks apart from other data. Default `"lock:"`.
   * It must be the same in all programs that share locks; a prefix with `{}` in it fails with
   * `InvalidOptions`.
   */
  readonly keyPrefix?: string | undefined
  /**
   * Whether the fencing tokens of a key increase whatever the server's clock does: also when it is
   * set back, and when a failover or the move of a cluster slot brings the key to a server whose
   * clock is up to a minute behind. Without it they increase as long as the clock does, which is
   * cheaper: strict tokens keep the last token of a key for a minute, double the load of the
   * server, and attempts are no longer batched into one command.
   *
   * Default false. It must be the same in all programs that share locks.
   */
  readonly strictFencing?: boolean | undefined
}

/**
 * Where the server is, and how to connect to it: by a URL, by separate options, or both, in which
 * case the options win. An invalid one fails with `InvalidOptions`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends CommonOptions {
  /**
   * `redis://[user[:password]@][host][:port][/db]`, with everything after the scheme optional;
   * `redis+sentinel://…host[:port],…/name[/db]` for the primary of that name, with its Sentinels;
   * `redis+cluster://…host[:port],…` for a cluster, with some of its nodes. `rediss` uses TLS,
   * `valkey` means the same as `redis`. Percent-encode special characters. The URL is never
   * printed.
   */
  readonly url?: string | Redacted.Redacted<string> | undefined
  /** The server's name or address. Default `"localhost"`. Not allowed with Sentinels or a cluster. */
  readonly host?: string | undefined
  /** An integer from 1 to 65535. Default 6379. Not allowed with Sentinels or a cluster. */
  readonly port?: number | undefined
  /**
   * The number of the database, 0 or more. Default 0, the only one that a cluster has. If the
   * server refuses it, locks fail with `BackendFailure` of kind `Unsupported` or `Unauthorized`.
   */
  readonly db?: number | undefined
  /** The user to log in as. Default: the server's default user. */
  readonly username?: string | undefined
  /** The password to log in with. Default none. */
  readonly password?: Redacted.Redacted<string> | undefined
  /**
   * Whether to use TLS, also for Sentinels. Default false, or what the scheme of the `url` says.
   * The server's certificate must be signed by an authority that Node trusts or that is in
   * `ioredis.tls.ca`, and must match the host name; otherwise, and if the server does not use TLS,
   * locks fail with `BackendFailure` / `Unsupported`.
   */
  readonly tls?: boolean | undefined
  /**
   * More options for the client, such as `tls` certificates, `sentinelPassword`, `family` or
   * `protocol`. For a cluster, they are the options of the connections to its nodes. Default none.
   */
  readonly ioredis?: Omit<RedisOptions, "replyMapping" | "lazyConnect" | "enableOfflineQueue"> | undefined
}

/**
 * A client of the program: a `Redis` or a `Cluster` of ioredis, version 5 or 6, or of iovalkey.
 *
 * @category models
 * @since 0.1.0
 */
export interface Client extends IoRedisClient {}

/**
 * The options of a backend on Effect's `Redis` service.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServiceOptions extends CommonOptions {
  /**
   * Whether the service talks to a cluster, in which a command may only name the keys of one lock.
   * Default false.
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
    return yield* failInvalid("keyPrefix", JSON.stringify(prefix), `a prefix without "{}"`)
  }
  const made = yield* transport
  const notices = new Notices()
  yield* Report.make(made, backend, notices)
  return yield* Store.make(backend, made, prefix, strictFencing === true, notices)
})

/** The transport on the caller's client, after a check that it is one. */
const over = (client: Client): Effect.Effect<Transport, LockError, Scope.Scope> => {
  const missing = missingOf(client)
  return missing === undefined ? IoRedis.make(client) : failInvalid(
    "client",
    `something without "${missing}"`,
    "a Redis or Cluster of ioredis; without a server, tests can use TestBackend"
  )
}

/**
 * The store on its own connection, which is closed with the scope.
 *
 * It succeeds at once, even if the server is unreachable; until it is reachable, every operation
 * fails with `BackendFailure` / `Unreachable`, while the connection is retried in the background.
 * Fails with `InvalidOptions` if an option or the URL is invalid.
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
 * The store on the caller's client, which it never closes. See {@link layerClient}. Fails with
 * `InvalidOptions` if the `keyPrefix` is invalid.
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
 * The store on Effect's `Redis` service. See {@link layerRedis}. Fails with `InvalidOptions` if the
 * `keyPrefix` is invalid.
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
 * Locks in Redis, on the layer's own connections: one for commands, and a second for notifications
 * while somebody waits.
 *
 * **When to use**
 *
 * Use when the program has no Redis client yet, or when locks should not share a connection with
 * other traffic.
 *
 * **Details**
 *
 * The layer builds even if the server is down: locks then fail with `BackendFailure` /
 * `Unreachable` (calls that wait do so when their `timeout` is over), and work as soon as the
 * server is reachable. The layer fails with `InvalidOptions` if the URL or an option is invalid.
 *
 * Every call makes a new layer with its own connections: keep the layer in a constant to share
 * them.
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
 * Locks in Redis, on an ioredis `Redis` or `Cluster` of the program. The layer never closes it, and
 * changes nothing about it except for a few listeners, which it removes in the end. While somebody
 * waits there is a second connection, a duplicate of the client.
 *
 * **Details**
 *
 * Commands are only sent while the client is connected, so no command waits in its offline queue or
 * runs into its `maxRetriesPerRequest`. In a cluster every lock needs its own command, and a waiter
 * that is given a lock confirms it by one more round trip, because the nodes' clocks differ.
 *
 * The client must not be inside `MULTI`, run blocking commands, or `SELECT` another database. If
 * the server refuses the client's database, ioredis goes on in database 0, and so do the locks.
 * Give the client a `reconnectOnError` for servers that become replicas, or it stays connected to
 * one after a failover: `(error) => error.message.includes("READONLY")`. Fails with
 * `InvalidOptions` if the client is not one of ioredis, such as a mock.
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
