/** Locks in Redis: the raw client doing the minimum, this library, and its peers, all on the same client library. */
import * as RedisBackend from "#effect-lock/RedisBackend"
import { Redlock as Sesamecare } from "@sesamecare-oss/redlock"
import { LockFactory } from "@verrou/core"
import { redisStore } from "@verrou/core/drivers/redis"
import { Redis } from "ioredis"
import { randomBytes } from "node:crypto"
import { Mutex } from "redis-semaphore"
import Redlock5 from "redlock"
import { createLock, IoredisAdapter, type LockHandle } from "redlock-universal"
import Redlock4 from "redlock4"
import { type Contestant, promised } from "./contestant.ts"
import * as DistributedLock from "./effectDistributedLock.ts"
import { openSession } from "./effectLock.ts"

const ttl = 10_000

const connect = async (port: number): Promise<Redis> => {
  const client = new Redis(port, "127.0.0.1", { lazyConnect: true })
  client.on("error", () => {})
  await client.connect()
  return client
}

/** The least that a safe lock takes: one command to set the token if the key is free, one script to compare and delete it. */
export const raw: Contestant = {
  name: "ioredis alone",
  sends: ["set", "evalsha", "eval"],
  polls: true,
  open: async (port, retryMillis = 10) => {
    const client = await connect(port)
    const release = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
    const sha = String(await client.script("LOAD", release))
    return {
      work: promised<string>((key) => ({
        acquire: async () => {
          const token = randomBytes(12).toString("base64url")
          while (await client.set(key, token, "PX", ttl, "NX") === null) {
            await new Promise((resolve) => setTimeout(resolve, retryMillis))
          }
          return token
        },
        release: (token) => client.evalsha(sha, 1, key, token)
      })),
      // The least that keeps locks: their tokens, and one timer for all.
      hold: async (keys) => {
        const held = new Map<string, string>()
        for (const key of keys) {
          const token = randomBytes(12).toString("base64url")
          await client.set(key, token, "PX", ttl, "NX")
          held.set(key, token)
        }
        const timer = setInterval(() => {
          for (const key of held.keys()) void client.pexpire(key, ttl)
        }, ttl / 3)
        return async () => {
          clearInterval(timer)
          for (const [key, token] of held) await client.evalsha(sha, 1, key, token)
        }
      },
      close: () => client.disconnect()
    }
  }
}

export const ours: Contestant = {
  name: "effect-lock",
  sends: ["evalsha", "eval", "subscribe", "unsubscribe"],
  polls: false,
  open: (port) => openSession(RedisBackend.layer({ host: "127.0.0.1", port }))
}

const redlock5: Contestant = {
  name: "redlock@5",
  sends: ["evalsha", "eval"],
  polls: true,
  open: async (port, retryMillis) => {
    const client = await connect(port)
    const redlock = new Redlock5([client], {
      retryCount: -1,
      ...(retryMillis !== undefined && { retryDelay: retryMillis, retryJitter: retryMillis / 2 }),
      automaticExtensionThreshold: (ttl * 2) / 3
    })
    redlock.on("error", () => {})
    return {
      work: promised<Awaited<ReturnType<typeof redlock.acquire>>>((key) => ({
        acquire: () => redlock.acquire([key], ttl),
        release: (lock) => lock.release()
      })),
      hold: holding((key, body) => redlock.using([key], ttl, body)),
      close: () => client.disconnect()
    }
  }
}

const sesamecare: Contestant = {
  name: "@sesamecare-oss/redlock",
  sends: ["evalsha", "eval"],
  polls: true,
  open: async (port, retryMillis) => {
    const client = await connect(port)
    const redlock = new Sesamecare([client], {
      retryCount: -1,
      ...(retryMillis !== undefined && { retryDelay: retryMillis, retryJitter: retryMillis / 2 })
    })
    return {
      work: promised<Awaited<ReturnType<typeof redlock.acquire>>>((key) => ({
        acquire: () => redlock.acquire([key], ttl),
        release: (lock) => lock.release()
      })),
      close: () => client.disconnect()
    }
  }
}

const redlock4: Contestant = {
  name: "redlock@4",
  sends: ["evalsha", "eval"],
  polls: true,
  open: async (port, retryMillis) => {
    const client = await connect(port)
    const redlock = new Redlock4([client], {
      retryCount: -1,
      ...(retryMillis !== undefined && { retryDelay: retryMillis, retryJitter: retryMillis / 2 })
    })
    return {
      work: promised<Awaited<ReturnType<typeof redlock.acquire>>>((key) => ({
        acquire: () => redlock.acquire(key, ttl),
        release: (lock) => lock.unlock()
      })),
      close: () => client.disconnect()
    }
  }
}

const semaphore: Contestant = {
  name: "redis-semaphore",
  sends: ["set", "evalsha", "eval"],
  polls: true,
  open: async (port, retryMillis) => {
    const client = await connect(port)
    const mutex = (key: string) =>
      new Mutex(client, key, {
        lockTimeout: ttl,
        acquireTimeout: 60_000,
        refreshInterval: ttl / 3,
        ...(retryMillis !== undefined && { retryInterval: retryMillis })
      })
    return {
      work: promised((key) => {
        const lock = mutex(key)
        return { acquire: () => lock.acquire(), release: () => lock.release() }
      }),
      hold: async (keys) => {
        const locks = keys.map(mutex)
        await inGroups(locks, (lock) => lock.acquire())
        return () => inGroups(locks, (lock) => lock.release())
      },
      close: () => client.disconnect()
    }
  }
}

const verrou: Contestant = {
  name: "@verrou/core",
  sends: ["set", "eval", "evalsha"],
  polls: true,
  open: async (port, retryMillis) => {
    const client = await connect(port)
    const factory = new LockFactory(redisStore({ connection: client }).factory(), {
      ...(retryMillis !== undefined && { retry: { delay: retryMillis } })
    })
    return {
      work: promised((key) => {
        const lock = factory.createLock(key, ttl)
        return { acquire: () => lock.acquire(), release: () => lock.release() }
      }),
      close: () => client.disconnect()
    }
  }
}

const universal: Contestant = {
  name: "redlock-universal",
  sends: ["set", "eval", "evalsha", "ping"],
  polls: true,
  open: async (port, retryMillis) => {
    const client = await connect(port)
    const adapter = new IoredisAdapter(client)
    const lockOf = (key: string) =>
      createLock({
        adapter,
        key,
        ttl,
        retryAttempts: 1_000_000,
        performance: "lean",
        ...(retryMillis !== undefined && { retryDelay: retryMillis })
      })
    return {
      work: promised<LockHandle>((key) => {
        const lock = lockOf(key)
        return { acquire: () => lock.acquire(), release: (held) => lock.release(held) }
      }),
      hold: holding((key, body) => lockOf(key).using(body)),
      close: () => client.disconnect()
    }
  }
}

const distributedLock: Contestant = {
  name: "effect-distributed-lock",
  sends: ["eval", "evalsha", "subscribe", "unsubscribe", "info", "hello", "client|setname", "client|setinfo"],
  polls: true,
  open: async (port, retryMillis) => {
    const client = await connect(port)
    return DistributedLock.open(client, retryMillis)
  }
}

export const peers: ReadonlyArray<Contestant> = [
  redlock5,
  sesamecare,
  redlock4,
  semaphore,
  verrou,
  universal,
  distributedLock
]

export const byName = (name: string): Contestant => [raw, ours, ...peers].find((one) => one.name === name)!

/** Takes locks of libraries that only renew around a function. */
const holding =
  (using: (key: string, body: () => Promise<void>) => Promise<unknown>) => async (keys: ReadonlyArray<string>) => {
    let end = () => {}
    const ended = new Promise<void>((resolve) => end = resolve)
    const running: Array<Promise<unknown>> = []
    await inGroups(keys, (key) =>
      new Promise<void>((resolve, reject) => {
        const run = using(key, () => {
          resolve()
          return ended
        })
        run.catch(reject)
        running.push(run)
      }))
    return async () => {
      end()
      await Promise.all(running)
    }
  }

const inGroups = async <A>(items: ReadonlyArray<A>, run: (item: A) => Promise<unknown>): Promise<void> => {
  for (let i = 0; i < items.length; i += 256) await Promise.all(items.slice(i, i + 256).map(run))
}
