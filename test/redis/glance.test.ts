/** What the pages of a cluster and of Sentinels promise at a glance, and what a failover loses, where no other test looks. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option, Redacted } from "effect"
import { Lock, type LockStore } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import type { Redis } from "ioredis"
import { readFileSync } from "node:fs"
import { proxy } from "../support/proxy.ts"
import { client, cluster, commandCounts, redis, scriptCount, shared, until } from "../support/redis.ts"
import { watched } from "../support/sentinel.ts"

const docs = (page: string) => readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), "utf8")

/** The rights that a user needs, as the page says. */
const rights = /ACL SETUSER locks on >password ([^`]+)/.exec(docs("redis"))![1].split(/\s+/).filter(Boolean)

const allow = (look: Redis, ...rules: ReadonlyArray<string>) =>
  Effect.promise(() => look.call("acl", "setuser", "locks", "on", ">p", ...rules))

const credentials = { username: "locks", password: Redacted.make("p") }

const claim = (key: string, token: string, wait = false) => ({ key, token, expiresMillis: 20_000, wait })

/** How many scripts the servers have executed meanwhile. */
const scripts = Effect.fnUntraced(function*<A, E, R>(looks: ReadonlyArray<Redis>, effect: Effect.Effect<A, E, R>) {
  yield* Effect.forEach(looks, commandCounts)
  const value = yield* effect
  const counts = yield* Effect.forEach(looks, commandCounts)
  return { value, sent: counts.reduce((sum, one) => sum + scriptCount(one), 0) }
})

/** What it costs to take two locks one after the other, to renew both, and to give them back. */
const costs = Effect.fnUntraced(function*(store: LockStore.LockStore, looks: ReadonlyArray<Redis>) {
  const tokens = [["one", "p.1"], ["other", "p.2"]] as const
  // Scripts that a server does not have yet are sent twice.
  for (const [key, token] of tokens) {
    yield* store.tryAcquire(claim(key, token))
    yield* store.extend({ key, token, expiresMillis: 20_000 })
    yield* store.release(key, token)
  }
  const take = yield* scripts(looks, Effect.forEach(tokens, ([key, token]) => store.tryAcquire(claim(key, token))))
  const due = tokens.map(([key, token]) => ({ key, token, expiresMillis: 20_000 }))
  const { extendAll } = store
  const renew = yield* scripts(looks, extendAll === undefined ? Effect.forEach(due, store.extend) : extendAll(due))
  const giveBack = yield* scripts(looks, Effect.forEach(tokens, ([key, token]) => store.release(key, token)))
  return { take: take.sent, renew: renew.sent, giveBack: giveBack.sent }
})

/** A lock that is taken, waited for, and given to the one who waits. */
const handsOn = Effect.fnUntraced(function*(store: LockStore.LockStore, key: string) {
  yield* store.tryAcquire(claim(key, "p.1"))
  let told = false
  yield* store.listen!(key, "p.2", () => told = true)
  yield* store.tryAcquire(claim(key, "p.2", true))
  yield* store.release(key, "p.1")
  yield* until(Effect.sync(() => told))
  assert.strictEqual((yield* store.tryAcquire(claim(key, "p.2", true)))._tag, "Acquired")
  yield* store.release(key, "p.2")
}, Effect.scoped)

describe("in a cluster", () => {
  const nodes = shared(cluster)

  const bench = Effect.gen(function*() {
    const ports = (yield* nodes).map(({ port }) => port)
    const looks = yield* Effect.forEach(ports, (port) => client(port))
    return { looks, url: `redis+cluster://${ports.map((port) => `127.0.0.1:${port}`).join(",")}` }
  })

  it.live("the rights that the page names are enough", () =>
    Effect.gen(function*() {
      const { looks, url } = yield* bench
      const more = ["+cluster|slots", "+cluster|info"]
      for (const right of more) assert.include(docs("redis-cluster"), right)
      for (const look of looks) yield* allow(look, ...rights, ...more)
      const store = yield* RedisBackend.makeStore({ url, ...credentials })
      // on all nodes
      for (const key of ["a", "b", "c", "d", "e", "f"]) yield* handsOn(store, key)
    }))

  it.live("each lock is a command of its own", () =>
    Effect.gen(function*() {
      const { looks, url } = yield* bench
      const store = yield* RedisBackend.makeStore({ url })
      assert.deepStrictEqual(yield* costs(store, looks), { take: 2, renew: 2, giveBack: 2 })
    }))

  it.live("who is given a lock by another asks once more", () =>
    Effect.gen(function*() {
      const { looks, url } = yield* bench
      const layer = Layer.fresh(RedisBackend.layer({ url }))
      const [one, other] = [yield* Layer.build(layer), yield* Layer.build(layer)]
      const hold = Lock.withLock(Effect.never, "given")
      const holder = yield* Effect.forkChild(Effect.provide(hold, one))
      yield* until(Effect.promise(async () =>
        (await Promise.all(looks.map((look) => look.exists("lock:{given}").catch(() => 0)))).includes(1)
      ))
      let inside = false
      const waiter = yield* Effect.forkChild(Effect.provide(
        Lock.withLock(
          Effect.andThen(
            Effect.sync(() =>
              inside = true
            ),
            Effect.never
          ),
          "given",
          {
            expires: "60 seconds",
            timeout: "2 minutes"
          }
        ),
        other
      ))
      yield* until(
        Effect.promise(async () =>
          (await Promise.all(looks.map((look) => look.zcard("lock:{given}:q").catch(() => 0)))).includes(1)
        )
      )
      const { sent } = yield* scripts(
        looks,
        Effect.andThen(Fiber.interrupt(holder), until(Effect.sync(() => inside)))
      )
      // The release and the question; looks may come in between on a busy host.
      assert.isAtLeast(sent, 2)
      yield* Fiber.interrupt(waiter)
    }))
})

describe("behind Sentinels", () => {
  it.live("the rights that the page names are enough, at a failover too", () =>
    Effect.gen(function*() {
      const { current, failover, primary, replica, sentinels, url } = yield* watched
      const atSentinels = ["+sentinel|get-master-addr-by-name", "+sentinel|sentinels", "+subscribe", "&+switch-master"]
      const row = /\| Rights \|.*/.exec(docs("redis-sentinel"))![0].replaceAll("\\|", "|")
      for (const right of atSentinels) assert.include(row, `\`${right.replace("&", "")}\``)
      const looks = yield* Effect.forEach(sentinels, (port) => client(port))
      for (const look of looks) yield* allow(look, "resetchannels", "-@all", ...atSentinels)
      for (const { port } of [primary, replica]) yield* allow(yield* client(port), ...rights)
      const ioredis = { sentinelUsername: "locks", sentinelPassword: "p" }
      const store = yield* RedisBackend.makeStore({ url, ...credentials, ioredis })
      const before = yield* current
      yield* handsOn(store, "a")
      // It hears of the next primary by a subscription of the same user.
      yield* until(Effect.promise(async () =>
        (await Promise.all(looks.map((look) => look.call("client", "list")))).some((clients) =>
          /user=locks.*cmd=subscribe|cmd=subscribe.*user=locks/.test(String(clients))
        )
      ))
      yield* failover
      const after = yield* client(before === primary.port ? replica.port : primary.port)
      yield* until(Effect.promise(async () =>
        /user=locks/.test(String(await after.call("client", "list")))
      ))
      yield* until(Effect.map(Effect.option(store.tryAcquire(claim("c", "p.3"))), Option.isSome))
      yield* handsOn(store, "b")
    }))

  it.live("a lock costs what the page says", () =>
    Effect.gen(function*() {
      const { primary, url } = yield* watched
      const store = yield* RedisBackend.makeStore({ url })
      const look = yield* client(primary.port)
      assert.deepStrictEqual(yield* costs(store, [look]), { take: 2, renew: 1, giveBack: 2 })
    }))
})

describe("a failover that has lost the last writes", () => {
  it.live(
    "gives a lock to a second holder; the first is told at its renewal, and who waits keeps waiting",
    () =>
      Effect.gen(function*() {
        const [before, after] = [yield* redis(), yield* redis()]
        const between = yield* proxy(before.port)
        const [old, look] = [yield* client(before.port), yield* client(after.port)]
        const layer = Layer.fresh(RedisBackend.layer({ host: "127.0.0.1", port: between.port }))
        const [one, other, third] = [yield* Layer.build(layer), yield* Layer.build(layer), yield* Layer.build(layer)]
        const options = { expires: "6 seconds", timeout: "2 minutes" } as const
        const holder = yield* Effect.forkChild(
          Effect.exit(Effect.provide(Lock.withLock(Effect.never, "k", options), one))
        )
        yield* until(Effect.promise(async () => (await old.exists("lock:{k}")) === 1))
        const second = yield* RedisBackend.makeStore({ host: "127.0.0.1", port: after.port })
        const waiter = yield* Effect.forkChild(Effect.provide(Lock.withLock(Effect.void, "k", options), other))
        yield* until(Effect.promise(async () => (await old.zcard("lock:{k}:q")) === 1))
        // Nothing of it has come to the one that is the primary from now on.
        assert.strictEqual((yield* second.tryAcquire({ ...claim("k", "p.9"), expiresMillis: 60_000 }))._tag, "Acquired")
        between.target = after.port
        between.cut()
        const told = yield* Fiber.join(holder)
        assert.strictEqual(Option.getOrUndefined(Exit.findErrorOption(told))?.reason._tag, "LockLost")
        yield* until(Effect.promise(async () => (await look.zcard("lock:{k}:q")) === 1))
        const busy = yield* Effect.exit(Effect.provide(Lock.withLock(Effect.void, "k", { timeout: 0 }), third))
        assert.strictEqual(Option.getOrUndefined(Exit.findErrorOption(busy))?.reason._tag, "LockTimeout")
        yield* second.release("k", "p.9")
        yield* Fiber.join(waiter)
      })
  )
})
