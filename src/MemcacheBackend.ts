/**
 * Locks in memcached, through its binary protocol and the `memjs` client.
 *
 * Taking, renewing and releasing a lock is one round trip each, and each is one
 * atomic command of the server: `ADD` to take, `REPLACE` and `DELETE` with the
 * CAS number of our own item to renew and to release. So nobody can release or
 * renew the lock of another, however late his command arrives. The commands are
 * described in memcached's
 * [binary protocol](https://docs.memcached.org/protocols/binary/).
 *
 * **When to use**
 *
 * Use when memcached is what you run. It is a cache, and it may lose a lock at any time without a
 * word, so use `RedisBackend` instead if two holders at once would do harm that a fencing token
 * cannot stop, if waiters must be woken at once, if a lock must survive a restart, or if the
 * connection needs TLS.
 *
 * **Details**
 *
 * - The server drops a lock 2 to 3 seconds after its `expires`, because it counts in whole seconds
 *   and sometimes skips one. The holder's own deadline is exact to the millisecond. A lease lasts
 *   at most 29 days; more fails with `InvalidOptions`.
 * - Waiting processes are served in the order of arrival. The queue is part of the lock's item, and
 *   memcached does not notify, so waiters poll: every few milliseconds at first, and later every
 *   100 ms when they are next, or every 250 ms when not. If the next one has gone, it is skipped
 *   after a third of a second, along with all others that have gone ahead of the waiter that
 *   notices. When the item is lost, by a crash of its holder, an eviction or a restart, the queue
 *   is lost too, and starts anew in the order in which waiters notice.
 * - Several servers share the locks: each key is on one of them, chosen by a hash of the key and
 *   the server's name as it is written. A lock never moves to another server because its own is
 *   down. Every process must name the same servers, in any order; when you change the list, stop
 *   all processes and wait for the longest `expires` first.
 * - A key of printable ASCII characters is stored under `keyPrefix` and itself. A long key, or one
 *   with spaces, control or other characters, is replaced by its readable part and its SHA-256
 *   digest.
 * - Any error closes the connection. A command whose reply was lost is never repeated blindly: the
 *   item is read back and its token compared.
 * - `Holder.remaining` is by the holder's wall clock, and only for information.
 *
 * **Gotchas**
 *
 * A lock is lost when memcached evicts it for other data, on `flush_all`, and when the server
 * restarts. The holder learns of it by its next renewal at the latest (a third of `expires`) and
 * fails with `LockLost`, but until then another may hold the lock as well. To make this rare, give
 * the locks their own memcached, started with `-M` (refuse instead of evict) and `-F` (no
 * `flush_all`), and an `expires` longer than the host may be paused.
 *
 * A server without CAS (`-C`), without `STAT`, or that only speaks the text protocol
 * (`-B ascii`, `-Y`, twemproxy, mcrouter, memcached's own proxy, ElastiCache
 * Serverless) is refused with a `BackendFailure` of kind `Unsupported`.
 *
 * **Fencing tokens**
 *
 * A token is `((start - epoch) * 1_000_000 + cas) * 8`: `start` is when the server
 * process started, in Unix seconds by its own clock, `epoch` is 1577836800
 * (2020-01-01), and `cas` is the number that the server gave to the item, from a
 * counter over all its items. The factor leaves room for 7 local hand-overs,
 * which get the next 7 numbers. So tokens grow over eviction, `flush_all` and restarts,
 * as long as the server's wall clock does not step back across a restart, it
 * does not restart twice in a second, and it stores fewer than a million items a
 * second on average. They are safe integers until 2055. Tokens of different
 * servers cannot be compared, so they start over for a key that moves when the
 * list of servers changes.
 *
 * **Example** (Locking through memcached)
 *
 * ```ts memcached
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as MemcacheBackend from "effect-lock/MemcacheBackend"
 *
 * const url = process.env.MEMCACHED_URL ?? "memcache://localhost:11211"
 *
 * const program = Effect.succeed("done").pipe(
 *   Lock.withLock("report", { expires: "30 seconds", timeout: "5 seconds" }),
 *   Effect.provide(MemcacheBackend.layer({ url }))
 * )
 *
 * await Effect.runPromise(program) // => "done"
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { failInvalid, given, object, plain, secret, text, textOrSecret, texts, valid } from "./internal/given.ts"
import { type Address, parseServers, parseUrl, type Target } from "./internal/memcached/address.ts"
import { open } from "./internal/memcached/link.ts"
import * as Store from "./internal/memcached/store.ts"
import { isPlain } from "./internal/memcached/wire.ts"
import { toWholeMillis } from "./internal/options.ts"
import { show } from "./internal/show.ts"
import * as LockBackend from "./LockBackend.ts"
import { InvalidOptions, type LockError } from "./LockError.ts"
import type { LockStore } from "./LockStore.ts"

/**
 * The options of every layer and store. An invalid one fails with `InvalidOptions`.
 *
 * @category models
 * @since 0.1.0
 */
export interface StoreOptions {
  /**
   * A prefix for every key in memcached, which keeps locks apart from other data: at most 100
   * printable ASCII characters, no spaces. Default `"lock:"`. It must be the same in all programs
   * that share locks.
   */
  readonly keyPrefix?: string | undefined
  /** How long connecting, login included, may take: from 1 ms to 1 hour. Default 1 second. */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * How long a single reply may take before the connection is dropped: from 1 ms to 1 hour. Default
   * 1 second.
   */
  readonly requestTimeout?: Duration.Input | undefined
}

/**
 * Where the servers are, and how to log in.
 *
 * Environment variables that memjs reads, such as `MEMCACHIER_SERVERS`, have no effect.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends StoreOptions {
  /**
   * `memcache://[user:password@]host[:port][,host[:port]…]`, or the same with `memcached://`; the
   * user and the password percent-encoded if necessary. It may be `Redacted` or a string; it is
   * never printed.
   */
  readonly url?: string | Redacted.Redacted<string> | undefined
  /**
   * Instead of a `url`, a list of `host`, `host:port` or `[ipv6]:port`. Default `localhost:11211`.
   * A list besides a `url`, or an empty one, fails with `InvalidOptions`.
   */
  readonly servers?: ReadonlyArray<string> | undefined
  /**
   * The user for SASL PLAIN on all servers; it wins over that of the `url`. Without a user or
   * without a password there is no login.
   */
  readonly username?: string | undefined
  /** The password of the user; it wins over that of the `url`. It is sent unencrypted. */
  readonly password?: Redacted.Redacted<string> | undefined
}

/**
 * The part of a `memjs.Client` that {@link layerClient} needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemjsClient {
  /** Its servers, at least one. */
  readonly servers: ReadonlyArray<{
    /** A name or an address. */
    readonly host: string
    /** An integer. */
    readonly port: number
    /** The user for SASL PLAIN. Without, or without a password, there is no login. */
    readonly username?: string | undefined
    /** The password of the user. */
    readonly password?: string | undefined
  }>
  /** The options it was made with. */
  readonly options: {
    /** Whether it moves keys to another server when theirs is down; `true` is invalid. */
    readonly failover?: boolean | undefined
  }
}

const decodeTimeout = (option: string, input: Duration.Input = 1000) => {
  const millis = toWholeMillis(input)
  return millis >= 1 && millis <= 3_600_000
    ? Effect.succeed(millis)
    : failInvalid(option, show(input), `a duration from 1 milli to 1 hour, such as "1 second"`)
}

const makeFrom = Effect.fnUntraced(function*(
  addresses: ReadonlyArray<Address>,
  options: StoreOptions | undefined
): Effect.fn.Return<LockStore, LockError, Scope.Scope> {
  const { connectTimeout, keyPrefix = "lock:", requestTimeout } = yield* given(
    options,
    `{ keyPrefix: "app:lock:" }`,
    { keyPrefix: text }
  )
  if (keyPrefix.length > 100 || !isPlain(keyPrefix)) {
    return yield* failInvalid(
      "keyPrefix",
      JSON.stringify(keyPrefix),
      "at most 100 printable ASCII characters, no spaces"
    )
  }
  const connectMillis = yield* decodeTimeout("connectTimeout", connectTimeout)
  const requestMillis = yield* decodeTimeout("requestTimeout", requestTimeout)
  const timeouts = { connectMillis, requestMillis }
  const servers = addresses.map((address) => ({
    name: `${address.host}:${address.port}`,
    open: () => open(address, timeouts)
  }))
  return yield* Store.make({ servers, keyPrefix, ...timeouts })
})

/** A program that is not type-checked may pass a client of another package. */
const isClient = (client: MemjsClient | null | undefined): boolean =>
  object.is(client?.options) && Array.isArray(client?.servers) && client.servers.every(object.is)

const kinds = { url: textOrSecret, servers: texts, username: text, password: secret }

const target = (options: Options): Result.Result<Target, InvalidOptions> => {
  const { password, servers = ["localhost"], url, username } = options
  if (url === undefined) {
    return Result.map(parseServers(servers), (servers) => ({ servers, username, password }))
  }
  if (options.servers !== undefined) {
    return Result.fail(
      new InvalidOptions({ option: "servers", value: "a list beside a url", expected: "either servers or a url" })
    )
  }
  return Result.map(parseUrl(plain(url)), (parsed) => ({
    servers: parsed.servers,
    username: username ?? parsed.username,
    password: password ?? parsed.password
  }))
}

/**
 * A lock store in memcached, to be used with `LockBackend.make` or on its own.
 *
 * It connects when it is first used, and again whenever a connection broke, so it can be made while
 * the servers are down. Fails with `InvalidOptions` if an option is invalid. The connections close
 * with the scope; an idle one does not keep the process running.
 *
 * **Example** (Looking at a lock without a backend)
 *
 * ```ts memcached
 * import { Effect, Option } from "effect"
 * import * as MemcacheBackend from "effect-lock/MemcacheBackend"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* MemcacheBackend.makeStore({ url: process.env.MEMCACHED_URL ?? "memcache://" })
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
    given(options, `{ url: "memcache://localhost" }`, kinds),
    (options) =>
      Effect.flatMap(valid(target(options)), ({ password, servers, username }) =>
        makeFrom(servers.map((server) => ({ ...server, username, password })), options))
  )

/**
 * A lock store on the servers of a `memjs` client. See {@link layerClient}.
 *
 * **Example** (A client without servers)
 *
 * ```ts
 * import { Effect } from "effect"
 * import * as MemcacheBackend from "effect-lock/MemcacheBackend"
 *
 * const refused = MemcacheBackend.makeStoreClient({ servers: [], options: {} }).pipe(
 *   Effect.flip,
 *   Effect.map((error) => error.reason._tag)
 * )
 *
 * await Effect.runPromise(Effect.scoped(refused)) // => "InvalidOptions"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeStoreClient = (
  client: MemjsClient,
  options?: StoreOptions
): Effect.Effect<LockStore, LockError, Scope.Scope> => {
  if (!isClient(client)) return failInvalid("client", "something else", "a Client of memjs")
  if (client.options.failover === true) {
    return failInvalid(
      "client",
      "one with failover",
      "a client without failover, which would move a lock to another server"
    )
  }
  const addresses: Array<Address> = []
  for (const { host, password, port, username } of client.servers) {
    if (!host || !Number.isInteger(port)) {
      return failInvalid("client", `a server at ${host}:${port}`, "servers with a host and a port")
    }
    addresses.push({
      host,
      port,
      username,
      password: password === undefined ? undefined : Redacted.make(password)
    })
  }
  return addresses.length === 0
    ? failInvalid("client", "one without servers", "at least one server")
    : makeFrom(addresses, options)
}

/**
 * Locks in memcached, by default on `localhost:11211`.
 *
 * Fails with `InvalidOptions` if an option is invalid. If a server is down, the layer builds, and
 * lock calls fail with `BackendFailure`.
 *
 * **Example** (Two servers with a login)
 *
 * ```ts
 * import { Redacted } from "effect"
 * import * as MemcacheBackend from "effect-lock/MemcacheBackend"
 *
 * export const layer = MemcacheBackend.layer({
 *   servers: ["cache-1:11211", "cache-2:11211"],
 *   username: "locks",
 *   password: Redacted.make("secret"),
 *   keyPrefix: "shop:lock:",
 *   requestTimeout: "500 millis"
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<LockBackend.LockBackend, LockError> =>
  LockBackend.layer(makeStore(options))

/**
 * Like {@link layer}, with values read from `Config`.
 *
 * Also fails with `ConfigError` if a value is missing or malformed.
 *
 * **Example** (The URL from the environment)
 *
 * ```ts memcached
 * import { Config, Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as MemcacheBackend from "effect-lock/MemcacheBackend"
 *
 * const program = Effect.succeed("done").pipe(
 *   Lock.withLock("nightly"),
 *   Effect.provide(MemcacheBackend.layerConfig({ url: Config.Redacted("MEMCACHED_URL") }))
 * )
 *
 * await Effect.runPromise(program) // => "done"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<LockBackend.LockBackend, LockError | Config.ConfigError> =>
  LockBackend.layer(Effect.flatMap(Config.unwrap(options), makeStore))

/**
 * Locks on the servers that a `memjs` client talks to, with its credentials.
 *
 * **Details**
 *
 * The locks use connections of their own, since the client repeats commands whose reply is missing;
 * they also ignore its timeouts and how it chooses a server. The client is never closed.
 *
 * Fails with `InvalidOptions` if the client has `failover`, which would move a lock to another
 * server while it is held on the first.
 *
 * **Example** (Sharing the servers of a cache)
 *
 * ```ts memcached
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import * as MemcacheBackend from "effect-lock/MemcacheBackend"
 * import { Client } from "memjs"
 *
 * const servers = (process.env.MEMCACHED_URL ?? "memcache://localhost:11211").replace("memcache://", "")
 * const client = Client.create(servers)
 *
 * const program = Effect.succeed("done").pipe(
 *   Lock.withLock("report"),
 *   Effect.provide(MemcacheBackend.layerClient(client))
 * )
 *
 * await Effect.runPromise(program) // => "done"
 * client.close()
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerClient = (
  client: MemjsClient,
  options?: StoreOptions
): Layer.Layer<LockBackend.LockBackend, LockError> => LockBackend.layer(makeStoreClient(client, options))
