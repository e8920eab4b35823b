/** What only Redis can be asked. */
import * as Effect from "effect/Effect"
import { Redis } from "ioredis"
import type { Finding } from "./finding.ts"

const connect = (url: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
      client.on("error", () => {})
      return client
    }),
    (client) => Effect.sync(() => client.disconnect())
  )

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
const hears = (url: string, client: Redis) =>
  Effect.gen(function*() {
    const listener = yield* connect(url)
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
        means: "those who wait find out by looking again, every few seconds, and not in order",
        todo: "let the user subscribe and publish: ACL SETUSER … +@pubsub &lock:*"
      } as const
  })

export const findings = (url: string): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.scoped(Effect.gen(function*() {
    const client = yield* connect(url)
    const info = parse(yield* ask(client, "info"))
    const before = Date.now()
    const time = yield* ask(client, "time")
    const ours = (before + Date.now()) / 2
    return [
      version(info),
      eviction(info),
      replication(info),
      persistence(info),
      yield* hears(url, client),
      clock(time, ours)
    ]
  }))
