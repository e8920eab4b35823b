/** What a server refuses, and to whom. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Redacted, Schedule } from "effect"
import { Lock } from "effect-lock"
import type { BackendFailure, LockError } from "effect-lock/LockError"
import * as RedisBackend from "effect-lock/RedisBackend"
import type { Redis } from "ioredis"
import { isUndone } from "../../src/internal/undone.ts"
import { logged } from "../engine/scenery.ts"
import { proxy } from "../support/proxy.ts"
import { punctual } from "../support/punctual.ts"
import { client, redis, until } from "../support/redis.ts"

const user = (look: Redis, name: string, ...rules: ReadonlyArray<string>) =>
  Effect.promise(() => look.call("acl", "setuser", name, "reset", "on", ">p", ...rules))

const as = (port: number, username: string, options?: RedisBackend.Options) =>
  RedisBackend.makeStore({ host: "127.0.0.1", port, username, password: Redacted.make("p"), ...options })

const layerAs = (port: number, username: string) =>
  RedisBackend.layer({ host: "127.0.0.1", port, username, password: Redacted.make("p") })

const kindOf = (exit: Exit.Exit<unknown, LockError>): string => {
  const reason = Option.getOrUndefined(Exit.findErrorOption(exit))?.reason
  return reason?._tag === "BackendFailure" ? reason.kind : reason?._tag ?? exit._tag
}

const claim = (key: string, token: string) => ({ key, token, expiresMillis: 20_000, wait: false })

describe("one lock that is out of reach", () => {
  it.live("spoils no attempt, no release and no renewal of the others", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* user(look, "u", "~lock:{a*", "&*", "+@all")
      const store = yield* as(port, "u")
      yield* store.inspect("a")
      const keys = Array.from({ length: 40 }, (_, i) => i === 17 ? "b" : `a${i}`)
      const each = <A, E>(f: (key: string) => Effect.Effect<A, E>) =>
        Effect.forEach(keys, (key) => Effect.exit(f(key)), { concurrency: "unbounded" })
      const failed = (exits: ReadonlyArray<Exit.Exit<unknown, unknown>>) =>
        keys.filter((_, i) => exits[i]._tag === "Failure")
      const attempts = yield* each((key) => store.tryAcquire(claim(key, `p.${key}`)))
      assert.deepStrictEqual(failed(attempts), ["b"])
      const failure = Option.getOrUndefined(Exit.findErrorOption(attempts[17]))
      assert.deepStrictEqual([failure?.kind, failure?.retryable, failure?.key], ["Unauthorized", false, "b"])
      const holdings = keys.map((key) => ({ key, token: `p.${key}`, expiresMillis: 30_000 }))
      const extended = yield* store.extendAll!(holdings)
      assert.deepStrictEqual(keys.filter((_, i) => extended[i] !== true), ["b"])
      assert.strictEqual((extended[17] as BackendFailure).kind, "Unauthorized")
      assert.deepStrictEqual(failed(yield* each((key) => store.release(key, `p.${key}`))), ["b"])
      assert.deepStrictEqual(yield* Effect.promise(() => look.keys("*")), [])
    }))

  it.live("is lost alone when the rules are narrowed", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* user(look, "u", "~lock:*", "&*", "+@all")
      yield* Effect.gen(function*() {
        const hold = (key: string) =>
          Effect.forkChild(Effect.exit(Lock.withLock(Effect.sleep("3 seconds"), key, { expires: "1 second" })))
        const fibers = yield* Effect.forEach(["a1", "a2", "a3", "b"], hold)
        yield* until(Effect.promise(async () => (await look.keys("*")).length === 4))
        yield* user(look, "u", "~lock:{a*", "&*", "+@all")
        const exits = yield* Effect.forEach(fibers, Fiber.join)
        assert.deepStrictEqual(exits.map(kindOf), ["Success", "Success", "Success", "LockLost"])
      }).pipe(Effect.provide(layerAs(port, "u")))
    }).pipe(punctual(100)))
})

describe("rights", () => {
  it.live("who may only read may inspect", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* user(look, "r", "%R~lock:*", "-@all", "+@read", "+info")
      yield* Effect.promise(() => look.set("lock:{k}", "somebody", "PX", 60_000))
      const occupant = Option.getOrThrow(yield* (yield* as(port, "r")).inspect("k"))
      assert.deepStrictEqual([occupant.token, occupant.waiters], ["somebody", 0])
      assert.isAtMost(occupant.remainingMillis!, 60_000)
    }))

  for (
    const message of [
      "ERR The user executing the script can't access at least one of the keys mentioned in the command arguments script: abc, on @user_script:7.",
      "ERR The user executing the script can't run this command or subcommand script: abc, on @user_script:7.",
      "NOPERM User u has no permissions to run the 'set' command script: abc, on @user_script:7."
    ]
  ) {
    it.effect(`missing inside a script are missing rights: ${message.slice(0, 50)}`, () =>
      Effect.gen(function*() {
        const { classify, isBarred } = yield* Effect.promise(() => import("../../src/internal/redis/failure.ts"))
        assert.deepStrictEqual(classify(new Error(message)), { kind: "Unauthorized", retryable: false })
        assert.isFalse(isBarred(new Error(message)))
      }))
  }

  it.live("that are missing from the start leave nothing to give back", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* user(look, "keyless", "~other", "&*", "+@all")
      yield* user(look, "nobody", "~*", "&*", "+@connection")
      const password = Redacted.make("another")
      for (
        const layer of [
          layerAs(port, "keyless"),
          layerAs(port, "nobody"),
          RedisBackend.layer({ host: "127.0.0.1", port, username: "nobody", password })
        ]
      ) {
        yield* logged((lines) =>
          Effect.gen(function*() {
            const { reason } = yield* Effect.flip(Effect.provide(Lock.withLock(Effect.void, "key"), layer))
            assert.strictEqual(reason._tag === "BackendFailure" && reason.kind, "Unauthorized", reason.message)
            assert.deepStrictEqual(lines.filter((line) => line.includes("released")), [], reason.message)
          })
        )
      }
    }))

  it.live("that go while a claim is out are no proof that nothing was done: it may have been sent before", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* user(look, "u", "~lock:*", "&*", "+@all")
      const between = yield* proxy(port)
      const store = yield* as(between.port, "u")
      const claimed = (key: string) => Effect.flip(store.tryAcquire(claim(key, `p.${key}`)))
      yield* store.inspect("k")
      between.dropReplies = true
      const sent = yield* Effect.forkChild(claimed("k"), { startImmediately: true })
      yield* until(Effect.promise(async () => (await look.keys("lock:{k}")).length === 1))
      yield* user(look, "u", "~other", "&*", "+@all")
      between.dropReplies = false
      between.cut()
      const failure = yield* Fiber.join(sent)
      assert.deepStrictEqual([failure.kind, isUndone(failure)], ["Unauthorized", false])
      assert.isTrue(isUndone(yield* claimed("l")))
    }).pipe(punctual(100)))

  it.live("a right that only scripts need is told as missing", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* user(look, "u", "~lock:*", "&*", "+@all", "-pexpire", "-set")
      const failure = yield* Effect.flip((yield* as(port, "u")).tryAcquire(claim("k", "p.1")))
      assert.deepStrictEqual([failure.kind, failure.retryable], ["Unauthorized", false])
    }))

  it.live("to subscribe may be given later", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* user(look, "u", "~lock:*", "resetchannels", "+@all")
      const store = yield* as(port, "u")
      yield* store.tryAcquire(claim("k", "p.1"))
      let told = false
      yield* store.listen!("k", "p.2", () => told = true)
      yield* store.tryAcquire({ ...claim("k", "p.2"), wait: true })
      const entries = Effect.promise(() => look.zrange("lock:{k}:q", "0", "-1"))
      assert.deepStrictEqual(yield* entries, ["p.2,20000,2"])
      yield* user(look, "u", "~lock:*", "&lock:ch:*", "+@all")
      yield* until(Effect.map(entries, (entries) => entries.join() === "p.2,20000,1"))
      yield* store.release("k", "p.1")
      yield* until(Effect.sync(() => told))
    }).pipe(Effect.scoped))
})

describe("a full server", () => {
  it.live("lets a lock go to who waits for it, here and elsewhere", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const make = RedisBackend.makeStore({ host: "127.0.0.1", port })
      const [one, other] = [yield* make, yield* make]
      for (const how of ["release", "exchange", "withdraw"] as const) {
        yield* one.tryAcquire(claim(how, "p.1"))
        if (how === "withdraw") {
          // it has waited itself
          yield* one.release(how, "p.1")
          yield* one.tryAcquire({ ...claim(how, "p.1"), wait: true })
        }
        let told = false
        yield* other.listen!(how, "q.1", () => told = true)
        yield* other.tryAcquire({ ...claim(how, "q.1"), wait: true })
        yield* Effect.promise(() => look.config("SET", "maxmemory", "1"))
        if (how === "exchange") {
          const next = yield* one.exchange!("p.1", { ...claim(how, "p.2"), wait: true })
          assert.strictEqual(next._tag, "Held")
        } else assert.isTrue(yield* one.release(how, "p.1"))
        yield* until(Effect.sync(() => told))
        assert.strictEqual((yield* other.tryAcquire({ ...claim(how, "q.1"), wait: true }))._tag, "Acquired")
        assert.isTrue(yield* other.release(how, "q.1"))
        yield* Effect.promise(() => look.config("SET", "maxmemory", "0"))
      }
    }).pipe(punctual(50)))
})

describe("a database that is refused", () => {
  const inAny = (look: Redis) => Effect.promise(async () => (await look.info("keyspace")).match(/^db\d+/gm) ?? [])

  it.live("is none of the others: nothing is taken there", () =>
    Effect.gen(function*() {
      const { port } = yield* redis("--databases", "4")
      const look = yield* client(port)
      yield* logged((lines) =>
        Effect.gen(function*() {
          const layer = RedisBackend.layer({ url: `redis://127.0.0.1:${port}/9` })
          const attempt = Effect.flip(Lock.withLock(Effect.die("in another"), "key"))
          const reasons = yield* Effect.provide(Effect.all([attempt, Effect.delay(attempt, 50), attempt]), layer)
          for (const { message, reason } of reasons) {
            assert.strictEqual(reason._tag === "BackendFailure" && reason.kind, "Unsupported", message)
            assert.match(message, /has no database of this number/)
          }
          assert.deepStrictEqual(lines.filter((line) => line.includes("could not be released")), [])
        })
      )
      assert.deepStrictEqual(yield* inAny(look), [])
    }))

  it.live("is had as soon as it is allowed", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* user(look, "u", "~*", "&*", "+@all", "-select")
      const store = yield* as(port, "u", { db: 3 })
      const { kind } = yield* Effect.flip(store.tryAcquire(claim("k", "p.k")))
      assert.strictEqual(kind, "Unauthorized")
      yield* user(look, "u", "~*", "&*", "+@all")
      yield* Effect.retry(store.tryAcquire(claim("k", "p.k")), { schedule: Schedule.spaced(20) })
      assert.deepStrictEqual(yield* inAny(look), ["db3"])
    }))

  it.live("by a server that is silent from then on is asked for on a new connection", () =>
    Effect.gen(function*() {
      const { port } = yield* redis("--databases", "4")
      const between = yield* proxy(port)
      const store = yield* RedisBackend.makeStore({ host: "127.0.0.1", port: between.port, db: 9 })
      const look = yield* client(port)
      yield* Effect.flip(store.tryAcquire(claim("k", "p.k")))
      // Once for the client, and once for us.
      const asked = Effect.promise(async () =>
        Number(/cmdstat_select:calls=(\d+)/.exec(await look.info("commandstats"))?.[1])
      )
      yield* until(Effect.map(asked, (times) => times >= 2))
      between.dropReplies = true
      const before = between.accepted()
      yield* until(Effect.sync(() => between.accepted() > before))
    }))

  it.live("on the next connection ends what was out on the last", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* user(look, "u", "~*", "&*", "+@all")
      const between = yield* proxy(port)
      const store = yield* as(between.port, "u", { db: 3 })
      yield* store.inspect("k")
      between.dropReplies = true
      const sent = yield* Effect.forkChild(Effect.flip(store.tryAcquire(claim("k", "p.k"))), { startImmediately: true })
      yield* until(Effect.map(inAny(look), ([db]) => db === "db3"))
      yield* user(look, "u", "~*", "&*", "+@all", "-select")
      between.dropReplies = false
      between.cut()
      assert.isFalse(isUndone(yield* Fiber.join(sent)))
      // Once for the client, and once for us, after all that the client may send again.
      const denied = Effect.promise(() => look.call("acl", "log") as Promise<ReadonlyArray<ReadonlyArray<unknown>>>)
      yield* until(Effect.map(denied, ([entry]) => entry !== undefined && Number(entry[1]) >= 2))
      assert.deepStrictEqual(yield* inAny(look), ["db3"])
    }))
})
