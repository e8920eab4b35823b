/** What only Redis can be asked. */
import * as Effect from "effect/Effect"
import { Cluster, Redis } from "ioredis"
import type { Finding } from "./finding.ts"

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

/** A server, and how its findings are told from those of others. */
interface Server {
  readonly client: Redis
  readonly suffix: string
}

const urlPattern = /^(?:redis|valkey)(s?)(\+sentinel|\+cluster)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/]*)(?:\/(.*))?$/i

/** The servers that locks are in, of any URL that the backend takes. */
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

/** What the server does not let us ask stays unknown. */
const ask = (client: Redis, ...[command, ...args]: ReadonlyArray<string>): Effect.Effect<unknown> =>
  Effect.orElseSucceed(
    Effect.tryPromise(() => client.call(command, ...args)),
    (): unknown => undefined
  )

/** `name:value` by lines. */
const parse = (info: unknown): Record<string, string> =>
  Object.fromEntries(
    String(info ?? "").split("\r\n").filter((line) => line.includes(":")).map((line) => {
      const at = line.indexOf(":")
      return [line.slice(0, at), line.slice(at + 1)]
    })
  )

const unknown = (check: string, command: string): Finding => ({
  check,
  verdict: "warning",
  found: `unknown: the user may not call ${command}`,
  means: "this cannot be judged",
  todo: `ask as a user who may call ${command}`
})

const version = (info: Record<string, string>): Finding => {
  const found = info["redis_version"]
  if (found === undefined) return unknown("version", "INFO")
  return Number(found.split(".")[0]) >= 6 ? { check: "version", verdict: "ok", found } : {
    check: "version",
    verdict: "warning",
    found,
    means: "older than what this is tested with",
    todo: "use Redis 6.2 or newer"
  }
}

const eviction = (info: Record<string, string>): Finding => {
  const { maxmemory, maxmemory_policy: policy } = info
  if (policy === undefined) return unknown("eviction", "INFO")
  if (policy === "noeviction") return { check: "eviction", verdict: "ok", found: policy }
  const isUnlimited = maxmemory === "0"
  return {
    check: "eviction",
    verdict: isUnlimited ? "ok" : "warning",
    found: isUnlimited ? `${policy}, and no limit of memory` : `${policy}, at ${maxmemory} bytes`,
    ...(!isUnlimited && {
      means: "when memory runs out the server drops locks that are held, and two may run at once",
      todo: "set maxmemory-policy to noeviction, or keep locks on a server of their own"
    })
  }
}

const replication = (info: Record<string, string>): Finding => {
  const { connected_slaves: replicas, role } = info
  if (role === undefined) return unknown("replication", "INFO")
  if (role !== "master") {
    return {
      check: "replication",
      verdict: "failed",
      found: "a replica",
      means: "it takes no writes, so no locks",
      todo: "give the URL of the primary"
    }
  }
  if (Number(replicas) === 0) return { check: "replication", verdict: "ok", found: "a primary without replicas" }
  return {
    check: "replication",
    verdict: "warning",
    found: `a primary with ${replicas} replica${replicas === "1" ? "" : "s"}`,
    means: "replication is asynchronous: a failover forgets locks of its last moments, and two may run at once",
    todo: "let what is protected check fencing tokens, or accept it"
  }
}

const persistence = (info: Record<string, string>): Finding => {
  const { aof_enabled: isLogged } = info
  if (isLogged === undefined) return unknown("persistence", "INFO")
  return {
    check: "persistence",
    verdict: "ok",
    found: isLogged === "1"
      ? "append-only file: locks outlive a restart"
      : "none: a restart frees all locks, and their holders learn it at their next renewal"
  }
}

const clock = (reply: unknown, ours: number): Finding => {
  if (!Array.isArray(reply)) return unknown("clock", "TIME")
  const off = Math.round(Number(reply[0]) * 1_000 + Number(reply[1]) / 1_000 - ours)
  const found = `${Math.abs(off)} ms ${off < 0 ? "behind" : "ahead of"} ours`
  return Math.abs(off) < 2_000 ? { check: "clock", verdict: "ok", found } : {
    check: "clock",
    verdict: "warning",
    found,
    means: "leases do not depend on it, but the times that are shown for holders do",
    todo: "run NTP on both"
  }
}

/** Whether what is published is heard. */
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
      ? { check: "pub/sub", verdict: "ok", found: "what is published is heard" } as const
      : {
        check: "pub/sub",
        verdict: "warning",
        found: "what is published is not heard",
        means: "those who wait find out by looking again and again, which the server pays for",
        todo: "let the user subscribe and publish: ACL SETUSER … +@pubsub &lock:*"
      } as const
  })

const ofServer = ({ client, suffix }: Server) =>
  Effect.gen(function*() {
    const info = parse(yield* ask(client, "info"))
    const before = Date.now()
    const time = yield* ask(client, "time")
    const ours = (before + Date.now()) / 2
    return [
      version(info),
      eviction(info),
      replication(info),
      persistence(info),
      yield* hears(client),
      clock(time, ours)
    ].map((finding): Finding => ({ ...finding, check: finding.check + suffix }))
  })

export const findings = (url: string): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.scoped(
    Effect.flatMap(servers(url), (servers) =>
      Effect.map(Effect.forEach(servers, ofServer, { concurrency: "unbounded" }), (found) => found.flat()))
  )
