/** What happens to servers. Those that forget give a lock to a second holder, until the first one's next renewal. */
import { Effect } from "effect"
import type { Arena, Nemesis } from "../arena.ts"
import type { MemcachedServer, PostgresServer, RedisServer } from "../servers.ts"

const redisOf = (arena: Arena): RedisServer => {
  if (arena.server?._tag !== "Redis") throw new Error("not a Redis")
  return arena.server
}

const memcachedOf = (arena: Arena): MemcachedServer => {
  if (arena.server?._tag !== "Memcached") throw new Error("not a memcached")
  return arena.server
}

const postgresOf = (arena: Arena): PostgresServer => {
  if (arena.server?._tag !== "Postgres") throw new Error("not a PostgreSQL")
  return arena.server
}

/** Costs time: every write was on disk before it was answered. */
export const restart: Nemesis = {
  name: "restart with data",
  cutsOff: true,
  strike: (arena) => (arena.server?._tag === "Postgres" ? postgresOf(arena) : redisOf(arena)).restart
}

/** Costs a reconnection. */
export const terminate: Nemesis = {
  name: "pg_terminate_backend",
  cutsOff: true,
  strike: (arena) =>
    Effect.andThen(
      postgresOf(arena).run(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'effect-lock' AND random() < 0.7`
      ),
      Effect.sleep("200 millis")
    )
}

/** Costs time, and the lease of who is not answered for longer than that. */
export const freeze: Nemesis = {
  name: "SIGSTOP of the server",
  cutsOff: true,
  strike: (arena) => {
    const { signal } = postgresOf(arena)
    return Effect.acquireUseRelease(
      signal("SIGSTOP"),
      () => Effect.sleep(arena.random.millis(0.1, 1.5) * arena.workload.expires),
      () => signal("SIGCONT")
    )
  }
}

/** Costs nothing but time: a report that sees the table as it was. */
export const oldSnapshot: Nemesis = {
  name: "old snapshot",
  strike: (arena) =>
    postgresOf(arena).run(
      `SELECT count(*) FROM effect_locks, pg_sleep(${arena.random.millis(0.2, 1) * arena.workload.expires / 1000})`
    )
}

/** The last commits may be unknown to the new primary. */
export const promotion: Nemesis = {
  name: "promoted standby",
  cutsOff: true,
  forgets: true,
  strike: (arena) => {
    const server = postgresOf(arena)
    return Effect.gen(function*() {
      yield* server.promote
      for (const { proxy } of arena.workers) {
        proxy!.target = server.port()
        proxy!.reset()
      }
    })
  }
}

/** Costs nothing: scripts are sent again. */
export const scriptFlush: Nemesis = {
  name: "SCRIPT FLUSH",
  strike: (arena) => redisOf(arena).run("script", "flush")
}

/** Costs a reconnection. */
export const clientKill: Nemesis = {
  name: "CLIENT KILL",
  cutsOff: true,
  strike: (arena) =>
    Effect.andThen(
      redisOf(arena).run("client", "kill", "type", arena.random.pick(["normal", "pubsub"])),
      Effect.sleep("200 millis")
    )
}

export const emptyRestart: Nemesis = {
  name: "restart without data",
  cutsOff: true,
  forgets: true,
  strike: (arena) => (arena.server?._tag === "Redis" ? redisOf(arena) : memcachedOf(arena)).restart
}

export const flush: Nemesis = {
  name: "FLUSHALL",
  forgets: true,
  strike: (arena) => redisOf(arena).run("flushall")
}

export const eviction: Nemesis = {
  name: "eviction",
  forgets: true,
  cutsOff: true,
  strike: (arena) => {
    const { run } = redisOf(arena)
    return Effect.acquireUseRelease(
      run("config", "set", "maxmemory-policy", "volatile-ttl", "maxmemory", "1"),
      () => Effect.andThen(Effect.exit(run("set", "junk", "junk")), Effect.sleep("20 millis")),
      () => run("config", "set", "maxmemory", "0", "maxmemory-policy", "noeviction")
    )
  }
}

/** What was written between the two steps is unknown to the new primary. */
export const failover: Nemesis = {
  name: "failover with lost writes",
  cutsOff: true,
  forgets: true,
  strike: (arena) => {
    const server = redisOf(arena)
    return Effect.gen(function*() {
      yield* server.sever
      yield* Effect.sleep(arena.random.millis(0, 0.4) * arena.workload.expires)
      yield* server.promote
      for (const { proxy } of arena.workers) {
        proxy!.target = server.port()
        proxy!.reset()
      }
    })
  }
}

export const memcachedFlush: Nemesis = {
  name: "flush_all",
  forgets: true,
  strike: (arena) => memcachedOf(arena).command("flush_all")
}

/** More of the size of locks than there is room for. */
export const memcachedEviction: Nemesis = {
  name: "eviction",
  forgets: true,
  strike: (arena) =>
    memcachedOf(arena).pour(
      Array.from({ length: 40_000 }, (_, i) => `set junk-${i} 0 5 60 noreply\r\n${"x".repeat(60)}`)
    )
}
