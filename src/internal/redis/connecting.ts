/** Connections of our own: to a server, to the one that Sentinels name, or to a cluster. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { RedisOptions } from "ioredis"
import type { LockError } from "../../LockError.ts"
import { load } from "../driver.ts"
import { failInvalid, plain, type Server, valid } from "../given.ts"
import { backoff, handshakeMillis, silenceMillis } from "./client.ts"
import { diagnose } from "./diagnosis.ts"
import * as IoRedis from "./ioredis.ts"
import { named } from "./primary.ts"
import type { Transport } from "./transport.ts"
import * as Url from "./url.ts"

/** The parts take precedence over the URL, and both over the options of ioredis. */
export interface Options extends Server {
  readonly db?: number | undefined
  readonly tls?: boolean | undefined
  readonly ioredis?: Omit<RedisOptions, "replyMapping"> | undefined
}

/** The options of every connection. */
const commonOf = (options: Options, address: Url.Address) => {
  const { ioredis } = options
  const user = options.username ?? address.username
  const secret = options.password ?? address.password
  const tls = isSecure(options, address) ? ioredis?.tls ?? {} : ioredis?.tls
  return {
    connectionName: "effect-lock",
    connectTimeout: handshakeMillis,
    keepAlive: 10_000,
    // Where there is no connection to end, all of it is waited for, and the process with it.
    disconnectTimeout: 100,
    // After a failover the old primary may be a replica; connecting anew finds the new one.
    reconnectOnError: (error: Error) => error.message.includes("READONLY"),
    // A planned failover leaves the old primary taking writes for seconds: Sentinels say when to go.
    failoverDetector: true,
    sentinelCommandTimeout: silenceMillis,
    ...ioredis,
    ...(user !== undefined && { username: user }),
    ...(secret !== undefined && { password: Redacted.value(secret) }),
    ...(tls !== undefined && { tls })
  }
}

const isSecure = ({ tls }: Options, address: Url.Address): boolean => (tls ?? address.tls) === true

/** The options of a connection to one server. */
const singleOf = (options: Options, address: Url.Address) => {
  const db = options.db ?? address.db ?? options.ioredis?.db ?? 0
  return {
    retryStrategy: backoff,
    ...commonOf(options, address),
    // On the next connection the server may refuse the database, and what is sent again would go to another.
    ...(db !== 0 && { autoResendUnfulfilledCommands: false }),
    db,
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: null
  }
}

const addressOf = Effect.fnUntraced(function*({ db, host, ioredis, port, url }: Options) {
  const address = yield* valid(Url.parse(url === undefined ? "redis://" : plain(url)))
  const { nodes } = address
  const sentinels = address.sentinels ?? ioredis?.sentinels ?? undefined
  for (const [option, value] of Object.entries({ host, port })) {
    if (value !== undefined && (nodes ?? sentinels) !== undefined) {
      return yield* failInvalid(option, JSON.stringify(value), "none beside the hosts of Sentinels or of a cluster")
    }
  }
  if (nodes !== undefined && db !== undefined && db !== 0) {
    return yield* failInvalid("db", String(db), "0, the only one that a cluster has")
  }
  return { address, nodes, sentinels }
})

export const connect = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<Transport, LockError, Scope.Scope> {
  const { address, nodes, sentinels } = yield* addressOf(options)
  // The default export has everything, and is the only one that a CommonJS module has in some bundles.
  const { default: { Cluster, Redis } } = yield* load("redis", "ioredis", () => import("ioredis"))
  const { ioredis } = options

  if (nodes !== undefined) {
    const common = commonOf(options, address)
    const client = new Cluster([...nodes], {
      clusterRetryStrategy: backoff,
      lazyConnect: true,
      // Certificates have names, not addresses.
      ...(common.tls !== undefined && { dnsLookup: (host, resolve) => resolve(null, host) }),
      // Each connection itself gives up a silent node: we do not see which node a command goes to.
      redisOptions: { socketTimeout: 3 * silenceMillis, ...common }
    })
    return yield* IoRedis.make(client, () => diagnose(nodes, common.tls))
  }

  const single = singleOf(options, address)
  if (sentinels === undefined) {
    const server = {
      host: options.host ?? address.host ?? ioredis?.host ?? "localhost",
      port: options.port ?? address.port ?? ioredis?.port ?? 6379
    }
    const client = new Redis({ ...single, ...server })
    return yield* IoRedis.make(client, () => diagnose(ioredis?.path === undefined ? [server] : [], single.tls))
  }

  const client = new Redis({
    ...single,
    sentinels: [...sentinels],
    name: address.name ?? ioredis?.name ?? "mymaster",
    ...(isSecure(options, address) && {
      enableTLSForSentinelMode: true,
      sentinelTLS: ioredis?.sentinelTLS ?? {}
    })
  })
  const watchers = sentinels.map(({ host = "localhost", port = 26_379 }) => ({ host, port }))
  return yield* IoRedis.make(client, async () => {
    const fault = await diagnose(watchers, client.options.sentinelTLS)
    if (fault !== undefined) return fault
    const primary = await named((options) => new Redis(options), watchers, client.options)
    const tls = client.options.enableTLSForSentinelMode ? single.tls : undefined
    return diagnose(primary === undefined ? [] : [primary], tls)
  })
})
