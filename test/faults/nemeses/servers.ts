/** What happens to servers. Those that forget give a lock to a second holder, until the first one's next renewal. */
import { Effect } from "effect"
import type { Arena, Nemesis } from "../arena.ts"
import type { MemcachedServer, RedisServer } from "../servers.ts"

const redisOf = (arena: Arena): RedisServer => {
  if (arena.server?._tag !== "Redis") throw new Error("not a Redis")
  return arena.server
}

const memcachedOf = (arena: Arena): MemcachedServer => {
  if (arena.server?._tag !== "Memcached") throw new Error("not a memcached")
  return arena.server
}

/** Costs time: every write was on disk before it was answered. */
export const restart: Nemesis = {
  name: "restart with data",
  cutsOff: true,
  strike: (arena) => redisOf(arena).restart
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
