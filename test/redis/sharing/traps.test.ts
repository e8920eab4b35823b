/** Situations of shared locks that steps of chance seldom reach, or that need a server as it is. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { LockStore } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import { Redis as RedisService } from "effect/persistence"
import { punctual } from "../../support/punctual.ts"
import { client, redis, until } from "../../support/redis.ts"
import { service } from "../../support/redisStores.ts"

const reader = { permits: 1, limit: Number.MAX_SAFE_INTEGER }

const claim = (token: string, share: LockStore.Share | undefined = reader, wait = false, expiresMillis = 60_000) => ({
  key: "k",
  token,
  expiresMillis,
  wait,
  share
})

const alone = (token: string, wait = false) => ({ key: "k", token, expiresMillis: 60_000, wait })

const scene = Effect.gen(function*() {
  const { port } = yield* redis()
  const look = yield* client(port)
  const store = yield* RedisBackend.makeStore({ host: "127.0.0.1", port })
  const tag = (one: ReturnType<typeof claim> | ReturnType<typeof alone>) =>
    Effect.map(store.tryAcquire(one), ({ _tag }) => _tag)
  const listen = Effect.fnUntraced(function*(token: string) {
    const grants: Array<LockStore.Grant | undefined> = []
    yield* store.listen!("k", token, (grant) => grants.push(grant))
    return grants
  })
  const holders = Effect.map(store.holders!("k"), (all) => all.map(({ token }) => token).toSorted().join())
  const left = Effect.promise(() => look.keys("*"))
  return { port, look, store, tag, listen, holders, left }
})

describe("shared locks", () => {
  it.live("releases of one turn let in one writer, not two", () =>
    Effect.gen(function*() {
      const { holders, left, listen, store, tag } = yield* scene
      for (const token of ["p.1", "p.2"]) assert.strictEqual(yield* tag(claim(token)), "Acquired")
      for (const token of ["q.w1", "q.w2"]) {
        yield* listen(token)
        assert.strictEqual(yield* tag(alone(token, true)), "Held")
      }
      const released = yield* Effect.all([store.release("k", "p.1"), store.release("k", "p.2")], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(released, [true, true])
      assert.strictEqual(yield* holders, "q.w1")
      assert.isTrue(yield* store.release("k", "q.w1"))
      assert.strictEqual(yield* holders, "q.w2")
      assert.isTrue(yield* store.release("k", "q.w2"))
      assert.deepStrictEqual(yield* left, [])
    }).pipe(Effect.scoped))

  it.live("a writer that leaves the queue lets in the readers behind it", () =>
    Effect.gen(function*() {
      const { holders, listen, store, tag } = yield* scene
      yield* tag(claim("p.1"))
      yield* tag(alone("p.w", true))
      const grants = yield* listen("p.2")
      assert.strictEqual(yield* tag(claim("p.2")), "Held")
      assert.strictEqual(yield* tag(claim("p.2", reader, true)), "Held")
      assert.isFalse(yield* store.release("k", "p.w"))
      yield* until(Effect.sync(() => grants.length > 0))
      assert.strictEqual(yield* holders, "p.1,p.2")
      assert.strictEqual(yield* tag(claim("p.2", reader, true)), "Acquired")
    }).pipe(Effect.scoped))

  it.live("an answer that overtakes the message is the same lease", () =>
    Effect.gen(function*() {
      const { holders, listen, store, tag } = yield* scene
      const one = { permits: 1, limit: 1 }
      yield* tag(claim("p.1", one))
      yield* listen("p.2")
      yield* tag(claim("p.2", one, true))
      const [, asked] = yield* Effect.all([store.release("k", "p.1"), tag(claim("p.2", one, true))], {
        concurrency: "unbounded"
      })
      assert.strictEqual(asked, "Acquired")
      yield* Effect.sleep("50 millis")
      assert.strictEqual(yield* holders, "p.2")
      assert.strictEqual(yield* tag(claim("p.3", one)), "Held")
    }).pipe(Effect.scoped))

  it.live("the key lives as long as the longest lease, and those who wait hear of the first end", () =>
    Effect.gen(function*() {
      const { look, store, tag } = yield* scene
      yield* tag(claim("p.1", reader, false, 90_000))
      yield* tag(claim("p.2", reader, false, 30_000))
      const ttl = Effect.promise(() => look.pttl("lock:{k}"))
      assert.isAbove(yield* ttl, 80_000)
      const attempt = yield* store.tryAcquire(alone("p.w"))
      if (attempt._tag === "Acquired") return assert.fail("a shared lock was given to one alone")
      assert.isTrue(attempt.remainingMillis! <= 30_020 && attempt.remainingMillis! > 10_000)
      assert.isTrue(yield* store.extend({ key: "k", token: "p.2", expiresMillis: 300_000 }))
      assert.isAbove(yield* ttl, 250_000)
    }).pipe(Effect.scoped))

  it.live("notes of permits keep no key", () =>
    Effect.gen(function*() {
      const { left, store, tag } = yield* scene
      for (const token of ["p.1", "p.2"]) yield* tag(claim(token, { permits: 2, limit: 4 }))
      for (const token of ["p.1", "p.2"]) assert.isTrue(yield* store.release("k", token))
      assert.deepStrictEqual(yield* left, [])
    }).pipe(Effect.scoped))

  it.live("cost the server no errors", () =>
    Effect.gen(function*() {
      const { listen, look, store, tag } = yield* scene
      yield* Effect.promise(() => look.config("RESETSTAT"))
      yield* tag(claim("p.1"))
      yield* tag(claim("p.2", { permits: 2, limit: 9 }))
      yield* listen("p.w")
      yield* tag(alone("p.0"))
      yield* tag(alone("p.w", true))
      yield* store.inspect("k")
      yield* store.extendAll!([{ key: "k", token: "p.1", expiresMillis: 60_000 }])
      for (const token of ["p.1", "p.2", "p.w"]) yield* store.release("k", token)
      assert.notInclude(yield* Effect.promise(() => look.info("errorstats")), "WRONGTYPE")
    }).pipe(Effect.scoped))

  it.live("where nobody may publish what was given is taken back, with its permits", () =>
    Effect.gen(function*() {
      const { look, port, store, tag } = yield* scene
      yield* Effect.promise(() =>
        look.call("acl", "setuser", "mute", "on", ">p", "~*", "resetchannels", "+@all", "&lock:ch:none")
      )
      const mute = yield* RedisBackend.makeStore({
        host: "127.0.0.1",
        port,
        username: "mute",
        password: Redacted.make("p")
      })
      const two = { permits: 2, limit: 4 }
      for (const token of ["p.1", "p.2"]) yield* tag(claim(token, two))
      yield* store.listen!("k", "q.3", () => {})
      assert.strictEqual(yield* tag(claim("q.3", two, true)), "Held")
      // The one that gives it cannot say so.
      yield* mute.release("k", "p.1")
      assert.strictEqual(yield* Effect.promise(() => look.zscore("lock:{k}", "+")), "-1")
      assert.strictEqual(yield* tag(claim("q.3", two, true)), "Acquired")
      assert.strictEqual(yield* Effect.promise(() => look.zscore("lock:{k}", "+")), "-2")
    }).pipe(Effect.scoped))

  it.live("an entry of one that shares is none to a program of before", () =>
    Effect.gen(function*() {
      const { look, tag } = yield* scene
      yield* tag(alone("p.1"))
      yield* tag(claim("p.2", { permits: 2, limit: 5 }, true))
      const [entry] = yield* Effect.promise(() => look.zrange("lock:{k}:q", "0", "-1"))
      assert.isNull(/^([^,]+),(\d+),([12])$/.exec(entry))
      assert.isNull(/^(.*),(\d+),(\d)$/.exec(entry))
    }).pipe(Effect.scoped))

  it.live("something else at the key is no shared lock", () =>
    Effect.gen(function*() {
      const { look, store } = yield* scene
      yield* Effect.promise(() => look.rpush("lock:{k}", "x"))
      const failed = yield* Effect.flip(store.tryAcquire(claim("p.1")))
      assert.deepStrictEqual([failed.kind, failed.retryable], ["WrongType", false])
      assert.isFalse(yield* store.release("k", "p.1"))
      assert.strictEqual(yield* Effect.promise(() => look.llen("lock:{k}")), 1)
    }).pipe(Effect.scoped))

  it.live("a first waiter that does not fit and is gone does not block those behind it (one server)", () =>
    Effect.gen(function*() {
      const { look, listen, tag } = yield* scene
      yield* tag(claim("p.1"))
      yield* Effect.promise(() => look.zadd("lock:{k}:q", 1, "gone.1,60000,1"))
      yield* listen("p.2")
      assert.strictEqual(yield* tag(claim("p.2", reader, true)), "Acquired")
    }).pipe(Effect.scoped))

  it.live("a first waiter that does not fit and is gone blocks nobody for long (as in a cluster)", () =>
    Effect.gen(function*() {
      const { look, port } = yield* scene
      const store = yield* Effect.flatMap(
        service(port),
        (redis) => Effect.provideService(RedisBackend.makeStoreRedis({ cluster: true }), RedisService.Redis, redis)
      )
      yield* store.tryAcquire(claim("p.1"))
      yield* Effect.promise(() => look.zadd("lock:{k}:q", 1, "gone.1,60000,1"))
      yield* store.listen!("k", "p.2", () => {})
      const tag = Effect.map(store.tryAcquire(claim("p.2", reader, true)), ({ _tag }) => _tag)
      assert.strictEqual(yield* tag, "Held")
      // As if that had been long ago.
      yield* Effect.promise(() => look.zincrby("lock:{k}", 60, "?gone.1"))
      assert.strictEqual(yield* tag, "Acquired")
    }).pipe(Effect.scoped))

  it.live("a thousand readers behind a writer are let in by one release", () =>
    Effect.gen(function*() {
      const { holders, listen, store, tag } = yield* scene
      yield* tag(alone("p.w"))
      const tokens = Array.from({ length: 1000 }, (_, i) => `p.${i}`)
      yield* Effect.forEach(tokens, (token) => Effect.andThen(listen(token), tag(claim(token, reader, true))), {
        concurrency: "unbounded"
      })
      assert.isTrue(yield* store.release("k", "p.w"))
      // before those who were let in and have not been heard of are passed over
      assert.strictEqual((yield* holders).split(",").length, 1000)
    }).pipe(punctual(100)))
})
