/** Lists of more keys than a page has, by what the stores keep them in. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { LockStore } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import * as SqlBackend from "effect-lock/SqlBackend"
import { Redis as RedisService } from "effect/persistence"
import { Cluster, Redis } from "ioredis"
import { mkdirSync, writeFileSync } from "node:fs"
import { storeIn } from "./file/support.ts"
import { directory } from "./support/directory.ts"
import { postgres } from "./support/postgres.ts"
import { client, closing, cluster, redis, shared } from "./support/redis.ts"
import { service } from "./support/redisStores.ts"
import { table } from "./support/sqlStores.ts"

const server = shared(redis())

const hold = (store: LockStore.LockStore, keys: ReadonlyArray<string>) =>
  Effect.forEach(
    keys,
    (key, i) => store.tryAcquire({ key, token: `process.${i}.x`, expiresMillis: 600_000, wait: false }),
    { concurrency: 50 }
  )

/** Keys as they come, and in how many pages. */
const listed = Effect.fnUntraced(function*(store: LockStore.LockStore, prefix = "") {
  const locks: Array<LockStore.Listed> = []
  let pages = 0
  let from: string | undefined
  do {
    const page: LockStore.Page = yield* store.list!(prefix, from)
    locks.push(...page.locks)
    pages++
    from = page.next
  } while (from !== undefined)
  return { keys: locks.map(({ key }) => key), locks, pages }
})

const many = Array.from({ length: 1_200 }, (_, i) => `order-${i}`)

/** Text that has to be escaped here or there. */
const odd = [
  "}",
  "}x",
  "{a}b",
  "\\",
  "\\\\u",
  "a*[b]?",
  "a:q",
  "x}:q",
  "ä ö",
  "é\ud800",
  "\ud801",
  "%",
  "_",
  "A",
  "../up"
]

/** A file or a row is named by a hash where the key is too long for it. */
const assertLists = Effect.fnUntraced(function*(store: LockStore.LockStore) {
  yield* hold(store, many)
  const { keys, pages } = yield* listed(store)
  // A key may come twice when the server moves it meanwhile.
  assert.sameMembers(Array.from(new Set(keys)), many)
  assert.isAbove(pages, 1)
  assert.sameMembers(Array.from(new Set((yield* listed(store, "order-119")).keys)), [
    "order-119",
    ...Array.from({ length: 10 }, (_, i) => `order-119${i}`)
  ])
  assert.deepStrictEqual((yield* listed(store, "report")).keys, [])
  yield* hold(store, odd)
  const all = (yield* listed(store)).keys
  for (const key of odd) {
    assert.include(all, key)
    assert.include((yield* listed(store, key)).keys, key)
  }
})

describe("a list", () => {
  it.live("of a Redis server leaves out what is no lock, and those of other prefixes", () =>
    Effect.gen(function*() {
      const { port } = yield* server
      const look = yield* client(port)
      yield* Effect.promise(async () => {
        await look.mset(Array.from({ length: 1_000 }, (_, i) => [`data:${i}`, "x"]).flat())
        await look.lpush("lock:{list}", "no lock")
        await look.set("lock:plain", "no lock")
      })
      const other = yield* RedisBackend.makeStore({ host: "127.0.0.1", port, keyPrefix: "lo[ck]*:" })
      yield* hold(other, ["elsewhere"])
      yield* assertLists(yield* RedisBackend.makeStore({ host: "127.0.0.1", port }))
      assert.deepStrictEqual((yield* listed(other)).keys, ["elsewhere"])
    }))

  it.live("says of a key that is shared who has it, each for itself", () =>
    Effect.gen(function*() {
      const { port } = yield* server
      const store = yield* RedisBackend.makeStore({ host: "127.0.0.1", port, keyPrefix: "shared:" })
      for (const token of ["a.b.c", "d.e.f"]) {
        const share = { permits: 2, limit: 5 }
        yield* store.tryAcquire({ key: "api", token, expiresMillis: 60_000, wait: false, share })
      }
      const { locks } = yield* listed(store)
      assert.sameDeepMembers(locks.map(({ key, permits, token }) => ({ key, permits, token })), [
        { key: "api", permits: 2, token: "a.b.c" },
        { key: "api", permits: 2, token: "d.e.f" }
      ])
    }))

  it.live("knows what a client of the program puts before all keys", () =>
    Effect.gen(function*() {
      const { port } = yield* server
      const own = yield* closing(() => new Redis({ host: "127.0.0.1", port, keyPrefix: "app[1]:" }))
      const store = yield* RedisBackend.makeStoreClient(own)
      yield* hold(store, ["mine"])
      assert.deepStrictEqual((yield* listed(store)).keys, ["mine"])
    }))

  it.live("of a cluster has the keys of all its primaries, which Effect's service cannot ask", () =>
    Effect.gen(function*() {
      const ports = (yield* cluster).map(({ port }) => port)
      const own = yield* closing(() => new Cluster(ports.map((port) => ({ host: "127.0.0.1", port }))))
      yield* assertLists(yield* RedisBackend.makeStoreClient(own))
      const over = (options: RedisBackend.ServiceOptions) =>
        Effect.provideServiceEffect(RedisBackend.makeStoreRedis(options), RedisService.Redis, service(ports[0]))
      assert.isUndefined((yield* over({ cluster: true })).list)
      assert.isDefined((yield* over({})).list)
    }))

  it.live("of PostgreSQL goes on after the last key", () =>
    Effect.gen(function*() {
      const { url } = yield* postgres()
      const store = yield* SqlBackend.makeStore({ url, table: yield* table(url) })
      // What UTF-8 cannot say is no name for a row.
      yield* assertLists(store)
      yield* hold(store, ["x".repeat(1_001)])
      assert.deepStrictEqual((yield* listed(store, "x".repeat(20))).keys, [])
      assert.deepStrictEqual((yield* listed(store, "nul\0")).keys, [])
    }))

  it.live("of a directory leaves out what is no lock", () =>
    Effect.gen(function*() {
      const path = yield* directory
      mkdirSync(`${path}/lock-foreign`)
      writeFileSync(`${path}/lock-foreign/data`, "")
      writeFileSync(`${path}/lock-file`, "")
      const store = yield* storeIn(path)
      yield* assertLists(store)
      yield* hold(store, ["x".repeat(241)])
      assert.deepStrictEqual((yield* listed(store, "x")).keys, ["x}:q"])
      assert.deepStrictEqual((yield* listed(yield* storeIn(`${path}/not-yet`))).keys, [])
    }))
})
