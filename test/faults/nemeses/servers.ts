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

/** Costs time, as a restart does. */
export const orphan: Nemesis = {
  name: "SIGKILL of the postmaster",
  cutsOff: true,
  strike: (arena) => postgresOf(arena).orphan
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

/** Accepts connections, and says nothing; then answers what has been asked meanwhile. */
export const silence: Nemesis = {
  name: "silent server",
  cutsOff: true,
  strike: (arena) =>
    Effect.acquireUseRelease(
      redisOf(arena).signal("SIGSTOP"),
      () => Effect.sleep(arena.random.millis(0.3, 2.5) * arena.workload.expires),
      () => redisOf(arena).signal("SIGCONT")
    )
}

/**
 * The replica takes over when it has heard of everything, and no connection is closed: commands are refused at the
 * old primary, and the subscription stays there.
 */
export const takeOver: Nemesis = {
  name: "failover that closes nothing",
  cutsOff: true,
  strike: (arena) => {
    const server = redisOf(arena)
    return Effect.andThen(
      server.takeOver,
      Effect.sync(() => {
        for (const { proxy } of arena.workers) proxy!.target = server.port()
      })
    )
  }
}

/** The old primary takes writes until it is a replica, and then ends the connections of its clients. */
export const plannedFailover: Nemesis = {
  name: "planned failover",
  cutsOff: true,
  forgets: true,
  strike: ({ server }) => {
    if (server?._tag !== "Sentinel") throw new Error("not behind Sentinels")
    return Effect.andThen(server.failover, Effect.sleep("2 seconds"))
  }
}

/** Costs time: while keys move commands that name several of them are refused. */
export const movingSlot: Nemesis = {
  name: "moving slot",
  cutsOff: true,
  strike: ({ keys, random, server }) => {
    if (server?._tag !== "Cluster") throw new Error("not a cluster")
    return server.move(`lock:{${random.pick(keys)}}`, random.int(100))
  }
}

const junk = ["", "hello", "a b c", "2 a b c d", "a NaN NaN lock:{key-0}", "\u0000".repeat(100)]

/** On all channels, and in the queues. */
export const malformed: Nemesis = {
  name: "malformed messages",
  strike: (arena) =>
    Effect.gen(function*() {
      const { run } = redisOf(arena)
      const channels = (yield* run("pubsub", "channels", "lock:ch:*")) as ReadonlyArray<string>
      const now = Date.now() * 1000
      for (const channel of channels) {
        const owner = channel.slice("lock:ch:".length)
        const texts = [...junk, `${owner}.x.y ${now} 700 lock:{key-0}`, `${owner}.x.y ${now} 0 lock:{key-1}`]
        for (const text of texts) yield* run("publish", channel, text)
      }
      const key = `lock:{${arena.random.pick(arena.keys)}}:q`
      // Who comes to an empty queue is not let in by what is none of ours.
      yield* run(
        "eval",
        "if redis.call('EXISTS', KEYS[1]) == 1 then for i, text in ipairs(ARGV) do redis.call('ZADD', KEYS[1], i, text) end end",
        1,
        key,
        ...junk,
        "a,b,c",
        "x,1000,9",
        "x,1000,1,9/9/9"
      )
    })
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
