/**
 * Locks as they should not be, each with one classic mistake. They are here to
 * show that the checker would notice.
 */
import { Data, Duration, Effect } from "effect"
import { Redis } from "ioredis"

class Failure extends Data.TaggedError("LockError") {}

const compareAndDelete = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`

const mistakes = {
  /** Deletes whatever is there, be it the lock of the next holder. */
  "blind delete": {
    take: (redis, key, token, expires) => redis.set(key, token, "PX", expires, "NX"),
    free: (redis, key) => redis.del(key)
  },
  /** Looks, and then leaps. */
  "check then set": {
    take: async (redis, key, token, expires) =>
      await redis.get(key) === null ? redis.set(key, token, "PX", expires) : null,
    free: (redis, key, token) => redis.eval(compareAndDelete, 1, key, token)
  },
  /** Whoever dies in between leaves a lock for ever. */
  "set, then expire": {
    take: async (redis, key, token, expires) => {
      if (await redis.setnx(key, token) === 0) return null
      await redis.time()
      return redis.pexpire(key, expires)
    },
    free: (redis, key, token) => redis.eval(compareAndDelete, 1, key, token)
  },
  /** Never renews, and never tells that the lease is over. */
  "no renewal told": {
    take: (redis, key, token, expires) => redis.set(key, token, "PX", expires, "NX"),
    free: (redis, key, token) => redis.eval(compareAndDelete, 1, key, token)
  }
}

export const broken = async (mistake, port) => {
  const redis = new Redis(port, "127.0.0.1", { maxRetriesPerRequest: null })
  redis.on("error", () => {})
  const { free, take } = mistakes[mistake]
  let tokens = 0
  const ask = (f) => Effect.promise(f)
  const withLock = (section, key, { expires, timeout }) =>
    Effect.gen(function*() {
      const name = `lock:{${key}}`
      const token = `${process.pid}.${++tokens}`
      const until = performance.now() + timeout
      while (true) {
        const askedAt = performance.now()
        if (yield* ask(() => take(redis, name, token, expires))) {
          const lease = {
            fencingToken: Math.round((performance.timeOrigin + performance.now()) * 1000),
            remaining: Effect.sync(() => Duration.millis(Math.max(0, askedAt + expires - performance.now())))
          }
          return yield* Effect.ensuring(section(lease), ask(() => free(redis, name, token)))
        }
        if (performance.now() >= until) return yield* new Failure({ reason: { _tag: "LockTimeout" } })
        yield* Effect.sleep(10)
      }
    })
  return { withLock, close: Effect.sync(() => redis.disconnect()) }
}
