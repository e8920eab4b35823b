/** Checks that only apply to Redis. */
import * as Effect from "effect/Effect"
import { Cluster, Redis } from "ioredis"
import { clock, failed, type Finding, ok, unknown, warning } from "./finding.ts"

const quiet = { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 } as const

const closing = <Client extends Redis | Cluster>(make: () => Client) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const client = make()
      client.on("error", () => {})
      return client
    }),
    (client) => Effect.sync(() => client.disconnect())
  )

/** A server, and the label of its findings. */
interface Server {
  readonly client: Redis
  readonly suffix: string
}

const urlPattern = /^(?:redis|valkey)(s?)(\+sentinel|\+cluster)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/]*)(?:\/(.*))?$/i

/** The servers of the locks, for any URL that the backend accepts. */
const servers = (url: string) =>
  Effect.gen(function*() {
    const [, secure, kind = "", user, password, hosts, rest = ""] = urlPattern.exec(url) ?? []
    if (kind === "") {
      const client = yield* closing(() => new Redis(url.replace(/^valkey/i, "redis"), quiet))
      return [{ client, suffix: "" }]
    }
    const nodes = hosts.split(",").map((host) => {
      const port = /:(\d+)$/.exec(host)
      const defaultPort = kind.toLowerCase() === "+sentinel" ? 26_379 : 6_379
      return { host: host.replace(/:\d+$/, ""), port: port === null ? defaultPort : Number(port[1]) }
    })
    const options = {
      ...quiet,
      ...(user && { username: decodeURIComponent(user) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(secure && { tls: {} })
    }
    if (kind.toLowerCase() === "+sentinel") {
      const [name, db = "0"] = rest.split("/")
      const sentinelOptions = { ...options, sentinels: nodes, name, db: Number(db), sentinelRetryStrategy: () => null }
      return [{ client: yield* closing(() => new Redis(sentinelOptions)), suffix: "" }]
    }
    const cluster = yield* closing(() =>
      new Cluster(nodes, { lazyConnect: true, clusterRetryStrategy: () => null, redisOptions: options })
    )
    yield* Effect.ignore(Effect.tryPromise(() => cluster.connect()))
    return cluster.nodes("master").map((client): Server => ({
      client,
      suffix: ` of ${client.options.host}:${client.options.port}`
    }))
  })

/** A command that the server denies leaves the result unknown. */
const ask = (client: Redis, ...[command, ...args]: ReadonlyArray<string>): Effect.Effect<unknown> =>
  Effect.orElseSucceed(
    Effect.tryPromise(() => client.call(command, ...args)),
    (): unknown => undefined
  )

/** Lines of `name:value`. */
const parse = (info: unknown): Record<string, string> =>
  Object.fromEntries(
    String(info ?? "").split("\r\n").filter((line) => line.includes(":")).map((line) => {
      const at = line.indexOf(":")
      return [line.slice(0, at), line.slice(at + 1)]
    })
  )

const version = (info: Record<string, string>): Finding => {
  const found = info["redis_version"]
  if (found === undefined) return unknown("version", "call INFO")
  return Number(found.split(".")[0]) >= 6
    ? ok("version", found)
    : warning("version", found, "older than what this is tested with", "use Redis 6.2 or newer")
}

const eviction = (info: Record<string, string>): Finding => {
  const { maxmemory, maxmemory_policy: policy } = info
  if (policy === undefined) return unknown("eviction", "call INFO")
  if (policy === "noeviction") return ok("eviction", policy)
  if (maxmemory === "0") return ok("eviction", `${policy}, and no limit of memory`)
  return warning(
    "eviction",
    `${policy}, at ${maxmemory} bytes`,
    "when memory runs out the server drops locks that are held, and two may run at once",
    "set maxmemory-policy to noeviction, or keep locks on a server of their own"
  )
}

const replication = (info: Record<string, string>): Finding => {
  const { connected_slaves: replicas, role } = info
  if (role === undefined) return unknown("replication", "call INFO")
  if (role !== "master") {
    return failed("replication", "a replica", "it takes no writes, so no locks", "give the URL of the primary")
  }
  if (Number(replicas) === 0) return ok("replication", "a primary without replicas")
  return warning(
    "replication",
    `a primary with ${replicas} replica${replicas === "1" ? "" : "s"}`,
    "replication is asynchronous: a failover forgets locks of its last moments, and two may run at once",
    "let what is protected check fencing tokens, or accept it"
  )
}

const persistence = (info: Record<string, string>): Finding => {
  const { aof_enabled: isLogged } = info
  if (isLogged === undefined) return unknown("persistence", "call INFO")
  return ok(
    "persistence",
    isLogged === "1"
      ? "append-only file: locks outlive a restart"
      : "none: a restart frees all locks, and their holders learn it at their next renewal"
  )
}

const time = (reply: unknown, ours: number): Finding =>
  Array.isArray(reply)
    ? clock(Number(reply[0]) * 1_000 + Number(reply[1]) / 1_000, ours)
    : unknown("clock", "call TIME")

/** Whether published messages arrive. */
const hears = (client: Redis) =>
  Effect.gen(function*() {
    const listener = yield* closing(() => client.duplicate(quiet))
    const channel = `lock:ch:doctor-${process.pid}`
    const heard = Effect.callback<boolean>((resume) => {
      listener.once("message", () => resume(Effect.succeed(true)))
      listener.subscribe(channel).then(() => client.publish(channel, "")).catch(() => resume(Effect.succeed(false)))
    })
    const isHeard = yield* Effect.timeoutOrElse(heard, { duration: "2 seconds", orElse: () => Effect.succeed(false) })
    return isHeard
      ? ok("pub/sub", "what is published is heard")
      : warning(
        "pub/sub",
        "what is published is not heard",
        "those who wait find out by looking again and again, which the server pays for",
        "let the user subscribe and publish: ACL SETUSER … +@pubsub &lock:*"
      )
  })

const ofServer = ({ client, suffix }: Server) =>
  Effect.gen(function*() {
    const info = parse(yield* ask(client, "info"))
    const before = Date.now()
    const reply = yield* ask(client, "time")
    const ours = (before + Date.now()) / 2
    return [
      version(info),
      eviction(info),
      replication(info),
      persistence(info),
      yield* hears(client),
      time(reply, ours)
    ].map((finding): Finding => ({ ...finding, check: finding.check + suffix }))
  })

export const findings = (url: string): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.scoped(
    Effect.flatMap(servers(url), (servers) =>
      Effect.map(Effect.forEach(servers, ofServer, { concurrency: "unbounded" }), (found) => found.flat()))
  )
