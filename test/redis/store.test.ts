import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Duration, Effect, type Exit, Fiber, Layer, Option, Schedule, type Scope } from "effect"
import type { LockStore } from "effect-lock"
import type { BackendFailure } from "effect-lock/LockError"
import * as RedisBackend from "effect-lock/RedisBackend"
import type { Redis } from "ioredis"
import { lockKey, queueKey } from "../../src/internal/redis/keys.ts"
import { claimMillis } from "../../src/internal/redis/scripts.ts"
import { type Settling, shortcutsOf } from "../../src/internal/shortcuts.ts"
import { punctual } from "../support/punctual.ts"
import { client, commandCounts, redis, scriptCount, until } from "../support/redis.ts"
import { flavours } from "../support/redisStores.ts"
import type { Server as ServerProcess } from "../support/server.ts"

class Server extends Context.Service<Server, ServerProcess & { readonly look: Redis }>()("test/Server") {
  static readonly layer = Layer.effect(
    Server,
    Effect.gen(function*() {
      const server = yield* redis()
      return Server.of({ ...server, look: yield* client(server.port) })
    })
  )
}

interface Notice {
  readonly grants: Array<LockStore.Grant | undefined>
}

/** The operations of a store in short. */
const on = (store: LockStore.LockStore) => ({
  take: (key: string, token: string, expiresMillis = 5000) =>
    store.tryAcquire({ key, token, expiresMillis, wait: false }),
  wait: (key: string, token: string, expiresMillis = 5000) =>
    store.tryAcquire({ key, token, expiresMillis, wait: true }),
  listen: (key: string, token: string): Effect.Effect<Notice, BackendFailure, Scope.Scope> => {
    const grants: Notice["grants"] = []
    return Effect.as(store.listen!(key, token, (grant) => grants.push(grant)), { grants })
  },
  exchange: (key: string, token: string, next: string, expiresMillis = 5000) =>
    store.exchange!(token, { key, token: next, expiresMillis, wait: true }),
  release: store.release,
  holder: (key: string) => Effect.map(store.inspect(key), (occupant) => Option.getOrUndefined(occupant)?.token)
})

const told = ({ grants }: Notice) => until(Effect.sync(() => grants.length > 0))

const fenceOf = (attempt: LockStore.Attempt): number =>
  attempt._tag === "Acquired" ? attempt.fencingToken : assert.fail("not acquired") as never

let keys = 0
const newKey = () => `key-${++keys}`

describe("key names", () => {
  it("are one to one and have a tag that is not empty", () => {
    const names = ["", "}", "}x", "\\", "\\}", "a}b", "a{b", "{", "ä", "\ud800", "\ud801", "\\\\ud800", "\\ud800", "a"]
    const made = names.map((name) => lockKey("lock:", name))
    assert.strictEqual(new Set(made.map((name) => Buffer.from(name).toString("hex"))).size, names.length)
    for (const name of made) {
      const tag = name.slice(name.indexOf("{") + 1)
      assert.isAbove(tag.indexOf("}"), 0, name)
    }
    assert.strictEqual(lockKey("lock:", "order-1"), "lock:{order-1}")
  })
})

for (const flavour of flavours) {
  layer(Server.layer, { timeout: "3 minutes", excludeTestServices: true })(
    `RedisBackend store (${flavour.name})`,
    (it) => {
      const make = Effect.gen(function*() {
        const { port } = yield* Server
        return on(yield* flavour.make(port))
      })

      it.effect("takes, says who holds, gives back and leaves nothing", () =>
        Effect.gen(function*() {
          const { look } = yield* Server
          const { holder, release, take } = yield* make
          const key = newKey()
          const first = yield* take(key, "p.1")
          const again = yield* take(key, "p.1")
          assert.isTrue(Number.isSafeInteger(fenceOf(first)))
          assert.isAbove(fenceOf(again), fenceOf(first))
          const other = yield* take(key, "q.1")
          if (other._tag !== "Held") return assert.fail("taken twice")
          assert.strictEqual(other.token, "p.1")
          assert.isTrue(other.remainingMillis! > 4000 && other.remainingMillis! <= 5012)
          assert.isFalse(yield* release(key, "q.1"))
          assert.strictEqual(yield* holder(key), "p.1")
          assert.isTrue(yield* release(key, "p.1"))
          assert.isFalse(yield* release(key, "p.1"))
          assert.isUndefined(yield* holder(key))
          assert.isAbove(fenceOf(yield* take(key, "q.2")), fenceOf(again))
          assert.isTrue(yield* release(key, "q.2"))
          assert.deepStrictEqual(yield* Effect.promise(() => look.keys(`*${key}*`)), [])
        }))

      it.effect("hands a released lock to the first in the queue", () =>
        Effect.gen(function*() {
          const { exchange, holder, listen, release, take, wait } = yield* make
          const key = newKey()
          const first = fenceOf(yield* take(key, "p.1"))
          const two = yield* listen(key, "p.2")
          const three = yield* listen(key, "p.3")
          const queued = yield* wait(key, "p.2")
          assert.strictEqual(queued._tag === "Held" ? queued.waiters : undefined, 1)
          yield* wait(key, "p.3")
          // asking again keeps the place
          yield* wait(key, "p.2")
          assert.isTrue(yield* release(key, "p.1"))
          yield* told(two)
          assert.strictEqual(yield* holder(key), "p.2")
          assert.strictEqual((yield* take(key, "p.9"))._tag, "Held")
          assert.strictEqual(three.grants.length, 0)
          const second = fenceOf(yield* wait(key, "p.2"))
          assert.isAbove(second, first)
          const queuedAgain = yield* exchange(key, "p.2", "p.4")
          assert.strictEqual(queuedAgain._tag, "Held")
          yield* told(three)
          assert.strictEqual(yield* holder(key), "p.3")
          assert.isTrue(yield* release(key, "p.3"))
          assert.strictEqual(yield* holder(key), "p.4")
          // nobody else waits
          assert.strictEqual((yield* exchange(key, "p.4", "p.5"))._tag, "Acquired")
          assert.isTrue(yield* release(key, "p.5"))
          assert.isUndefined(yield* holder(key))
        }).pipe(punctual(50)))

      it.effect("leaves alone what it never asked for, and the next waits for that no longer than a claim", () =>
        Effect.gen(function*() {
          const { look } = yield* Server
          const { holder, listen, release, take, wait } = yield* make
          const key = newKey()
          yield* take(key, "other.1")
          const notice = yield* listen(key, "us.2")
          yield* wait(key, "us.2")
          // As a server has it that lost its last writes, or another process of the same owner.
          const [queue] = yield* Effect.promise(() => look.keys(`*{${key}}:q`))
          yield* Effect.promise(() => look.zadd(queue, 1, "us.1,5000,1"))
          yield* release(key, "other.1")
          assert.strictEqual(yield* holder(key), "us.1")
          yield* told(notice)
          yield* until(Effect.map(wait(key, "us.2"), ({ _tag }) => _tag === "Acquired"))
          yield* release(key, "us.2")
        }).pipe(punctual(50)))

      it.effect("a batch of many takes, extends and gives back each by itself", () =>
        Effect.gen(function*() {
          const { port } = yield* Server
          const store = yield* flavour.make(port)
          const { release, take } = on(store)
          const many = Array.from({ length: 300 }, newKey)
          yield* take(many[7], "q.7")
          const attempts = yield* Effect.forEach(many, (key, i) => take(key, `p.${i}`), { concurrency: "unbounded" })
          assert.deepStrictEqual(attempts.flatMap((attempt, i) => attempt._tag === "Held" ? [i] : []), [7])
          if (store.extendAll !== undefined) {
            const extended = yield* store.extendAll(
              many.map((key, i) => ({ key, token: `p.${i}`, expiresMillis: 9000 }))
            )
            assert.deepStrictEqual(extended.flatMap((extended, i) => extended ? [] : [i]), [7])
          }
          const released = yield* Effect.forEach(many, (key, i) => release(key, `p.${i}`), { concurrency: "unbounded" })
          assert.deepStrictEqual(released.flatMap((released, i) => released ? [] : [i]), [7])
        }))

      it.effect("a batch gives each lock the lease it asks for, be they alike or not", () =>
        Effect.gen(function*() {
          const { port } = yield* Server
          const store = yield* flavour.make(port)
          for (const length of [() => 20_000, (i: number) => 20_000 + 10_000 * (i % 3)]) {
            const wanted = Array.from({ length: 30 }, (_, i) => ({
              key: newKey(),
              token: `p.${i}`,
              expiresMillis: length(i),
              wait: false
            }))
            const check = (longer: number) =>
              Effect.forEach(wanted, ({ expiresMillis, key }) =>
                Effect.map(store.inspect(key), (occupant) => {
                  const left = Option.getOrUndefined(occupant)?.remainingMillis ?? 0
                  assert.isTrue(left > expiresMillis + longer - 10_000 && left <= expiresMillis + longer, `${left} ms`)
                }))
            yield* Effect.forEach(wanted, (claim) => store.tryAcquire(claim), { concurrency: "unbounded" })
            yield* check(0)
            const longer = wanted.map((claim) => ({ ...claim, expiresMillis: claim.expiresMillis + 10_000 }))
            if (store.extendAll !== undefined) {
              yield* store.extendAll(longer)
              yield* check(10_000)
            }
            yield* Effect.forEach(wanted, ({ key, token }) => store.release(key, token), { concurrency: "unbounded" })
          }
        }))
    }
  )
}

layer(Server.layer, { timeout: "3 minutes", excludeTestServices: true })("RedisBackend store", (it) => {
  const make = Effect.flatMap(Server, ({ port }) => RedisBackend.makeStore({ host: "127.0.0.1", port }))
  const pttl = (key: string) =>
    Effect.flatMap(Server, ({ look }) => Effect.promise(() => look.pttl(lockKey("lock:", key))))
  const waiting = (key: string) =>
    Effect.flatMap(Server, ({ look }) => Effect.promise(() => look.zrange(`${lockKey("lock:", key)}:q`, "0", "-1")))

  it.effect("the grant says when the lease began, on our clock", () =>
    Effect.gen(function*() {
      const { listen, release, take, wait } = on(yield* make)
      const key = newKey()
      yield* take(key, "p.1")
      const notice = yield* listen(key, "p.2")
      yield* wait(key, "p.2", 60_000)
      const before = performance.now()
      const monotonic = yield* Effect.clockWith((clock) => clock.monotonicTimeNanos)
      yield* release(key, "p.1")
      yield* told(notice)
      const elapsed = performance.now() - before
      const [grant] = notice.grants
      assert.isDefined(grant)
      const since = grant!.sinceMillis - Number(monotonic) / 1e6
      // a lower bound, and not a bad one
      assert.isTrue(since > -1000 && since <= elapsed, `${since} of ${elapsed}`)
      assert.strictEqual(grant!.leaseMillis, claimMillis)
      assert.isAtMost(yield* pttl(key), claimMillis)
      // claimed, it is a full lease
      yield* wait(key, "p.2", 60_000)
      assert.isAbove(yield* pttl(key), 50_000)
      yield* release(key, "p.2")
    }).pipe(punctual(50)))

  it.effect("a waiter that leaves is out of the queue", () =>
    Effect.gen(function*() {
      const { holder, listen, release, take, wait } = on(yield* make)
      const key = newKey()
      yield* take(key, "p.1")
      yield* listen(key, "p.2")
      yield* wait(key, "p.2")
      assert.lengthOf(yield* waiting(key), 1)
      assert.isFalse(yield* release(key, "p.2"))
      assert.lengthOf(yield* waiting(key), 0)
      yield* release(key, "p.1")
      assert.isUndefined(yield* holder(key))
      // and one that leaves after it was given the lock gives it back
      yield* take(key, "p.3")
      yield* wait(key, "p.4")
      yield* release(key, "p.3")
      assert.strictEqual(yield* holder(key), "p.4")
      assert.isTrue(yield* release(key, "p.4"))
      assert.isUndefined(yield* holder(key))
    }).pipe(punctual(50)))

  it.effect("a dead waiter is skipped", () =>
    Effect.gen(function*() {
      const { holder, listen, release, take, wait } = on(yield* make)
      const key = newKey()
      yield* take(key, "p.1")
      const other = yield* Effect.scoped(Effect.gen(function*() {
        const dead = on(yield* make)
        yield* dead.listen(key, "dead.1")
        return yield* dead.wait(key, "dead.1")
      }))
      assert.strictEqual(other._tag, "Held")
      yield* listen(key, "p.2")
      yield* wait(key, "p.2")
      assert.lengthOf(yield* waiting(key), 2)
      const { look } = yield* Server
      yield* until(Effect.promise(async () => (await look.pubsub("NUMSUB", "lock:ch:dead") as Array<unknown>)[1] === 0))
      yield* release(key, "p.1")
      assert.strictEqual(yield* holder(key), "p.2")
      yield* release(key, "p.2")
    }).pipe(punctual(50)))

  /** As if the holder's lease ended now. */
  const expire = (key: string) =>
    Effect.flatMap(Server, ({ look }) =>
      Effect.andThen(
        Effect.promise(() => look.pexpire(lockKey("lock:", key), 1)),
        until(Effect.promise(async () => (await look.exists(lockKey("lock:", key))) === 0))
      ))

  const acquires = (attempt: Effect.Effect<LockStore.Attempt, BackendFailure>) =>
    until(Effect.map(attempt, ({ _tag }) => _tag === "Acquired"))

  it.effect("an expired lock goes to who has waited longest of those who are there", () =>
    Effect.gen(function*() {
      const { holder, listen, release, take, wait } = on(yield* make)
      const key = newKey()
      yield* take(key, "p.1")
      const two = yield* listen(key, "p.2")
      yield* listen(key, "p.3")
      yield* wait(key, "p.2")
      yield* wait(key, "p.3")
      yield* expire(key)
      // not to the one that happens to look first, nor to a newcomer
      assert.strictEqual((yield* wait(key, "p.3"))._tag, "Held")
      assert.strictEqual((yield* take(key, "p.4"))._tag, "Held")
      assert.isUndefined(yield* holder(key))
      yield* told(two)
      // its place if it comes in time, and the lock if it comes later
      yield* wait(key, "p.2")
      yield* until(
        Effect.map(wait(key, "p.3"), (attempt) => attempt._tag === "Held" && attempt.token === "p.2")
      )
      yield* release(key, "p.2")
      assert.strictEqual(yield* holder(key), "p.3")
      yield* release(key, "p.3")
      assert.isUndefined(yield* holder(key))
    }).pipe(punctual(20)))

  it.effect("a newcomer gets an expired lock after those who wait, and if none of them is there any more", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const { holder, take, wait, release } = on(yield* make)
      const key = newKey()
      yield* take(key, "p.1")
      yield* wait(key, "q.1")
      yield* expire(key)
      assert.strictEqual((yield* take(key, "p.2"))._tag, "Held")
      assert.strictEqual((yield* take(key, "p.2"))._tag, "Held", "the refusal left no trace")
      assert.strictEqual((yield* wait(key, "q.1"))._tag, "Acquired", "the first asks and need not be called")
      yield* release(key, "q.1")
      yield* take(key, "p.1")
      for (let i = 0; i < 5; i++) yield* wait(key, `gone${i}.1`)
      yield* expire(key)
      assert.strictEqual((yield* wait(key, "p.3"))._tag, "Held")
      yield* acquires(wait(key, "p.3"))
      yield* release(key, "p.3")
      assert.isUndefined(yield* holder(key))
      // nobody at all comes back from a roll call
      yield* take(key, "p.1")
      yield* wait(key, "gone.1")
      yield* expire(key)
      yield* wait(key, "p.3")
      yield* release(key, "p.3")
      yield* acquires(take(key, "p.4"))
      yield* release(key, "p.4")
      assert.deepStrictEqual(yield* Effect.promise(() => look.keys(`*{${key}}*`)), [])
    }).pipe(punctual(50)))

  it.effect("a first attempt leaves a lock to those who are called, and who wait for it after that", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const { take } = on(yield* make)
      const found = (make: (lock: string) => Promise<unknown>) =>
        Effect.gen(function*() {
          const key = newKey()
          yield* Effect.promise(() => make(lockKey("lock:", key)))
          return yield* take(key, "p.1")
        })
      const called = yield* found((lock) => look.set(lock, "", "PX", 60_000))
      if (called._tag === "Acquired") return assert.fail("taken from those who are called")
      assert.isUndefined(called.token)
      // What the roll call comes to is to stand for a second of that.
      assert.isTrue(called.remainingMillis! > 0 && called.remainingMillis! <= 59_012)
      const wanted = yield* found(async (lock) => {
        await look.zadd(queueKey(lock), 1, "q.1,5000,2")
        await look.set(lock, "", "PX", 1000)
      })
      assert.strictEqual(wanted._tag, "Held", "after the roll call")
      const shared = yield* found(async (lock) => {
        await look.zadd(queueKey(lock), 1, "q.1,5000,2")
        await look.zadd(lock, 1, "q.0")
      })
      assert.strictEqual(shared._tag, "Held", "after the last share")
      const over = newKey()
      yield* Effect.promise(() => look.zadd(lockKey("lock:", over), 1, "q.0"))
      assert.strictEqual((yield* take(over, "p.1"))._tag, "Acquired")
      assert.isAbove(yield* pttl(over), 0)
    }))

  it.effect("whoever asks again for what it has gets the lease that it asks for", () =>
    Effect.gen(function*() {
      const { take, wait } = on(yield* make)
      for (const ask of [take, wait]) {
        const key = newKey()
        yield* ask(key, "p.1", 60_000)
        yield* ask(key, "p.1", 120_000)
        assert.isAbove(yield* pttl(key), 60_000)
      }
    }))

  it.effect("a waiter that was thrown out of the queue comes back to its place", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const { holder, release, take, wait } = on(yield* make)
      const key = newKey()
      yield* take(key, "p.1")
      yield* wait(key, "p.2")
      yield* wait(key, "p.3")
      yield* Effect.promise(() => look.del(`${lockKey("lock:", key)}:q`))
      yield* wait(key, "p.3")
      yield* wait(key, "p.4")
      yield* wait(key, "p.2")
      for (const next of ["p.2", "p.3", "p.4"]) {
        const current = yield* holder(key)
        yield* release(key, current!)
        assert.strictEqual(yield* holder(key), next)
      }
      yield* release(key, "p.4")
    }).pipe(punctual(50)))

  it.effect("a token that changes between being told and polling is in the queue once", () =>
    Effect.gen(function*() {
      const { holder, listen, release, take, wait } = on(yield* make)
      const key = newKey()
      yield* take(key, "p.1")
      yield* wait(key, "p.2")
      assert.deepStrictEqual(yield* waiting(key), ["p.2,5000,2"])
      yield* wait(key, "p.3")
      yield* listen(key, "p.2")
      yield* wait(key, "p.2")
      assert.deepStrictEqual(yield* waiting(key), ["p.2,5000,1", "p.3,5000,2"], "told from now on, at its place")
      yield* release(key, "p.2")
      assert.deepStrictEqual(yield* waiting(key), ["p.3,5000,2"])
      yield* release(key, "p.3")
      yield* release(key, "p.1")
      assert.isUndefined(yield* holder(key))
    }).pipe(punctual(50)))

  it.effect("a token that is left to somebody else is out of the queue, and has the lock", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const store = yield* make
      const { holder, release, take, wait } = on(store)
      const key = newKey()
      yield* take(key, "p.1")
      yield* wait(key, "p.2")
      yield* release(key, "p.1")
      assert.strictEqual((yield* wait(key, "p.2"))._tag, "Acquired")
      // As a look or a claim does that a connection sends once more.
      yield* Effect.promise(() => look.zadd(queueKey(lockKey("lock:", key)), 1, "p.2,5000,2"))
      yield* wait(key, "p.3")
      store.forget!(key, "p.2")
      assert.deepStrictEqual(yield* waiting(key), ["p.3,5000,2"])
      assert.strictEqual(yield* holder(key), "p.2")
      // Nothing is known of it: it is released as anybody else's.
      assert.isTrue(yield* release(key, "p.2"))
      assert.strictEqual(yield* holder(key), "p.3")
      yield* release(key, "p.3")
    }).pipe(punctual(50)))

  it.effect("what is no waiter of this format is passed over", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const { holder, release, take, wait } = on(yield* make)
      const key = newKey()
      yield* take(key, "p.1")
      yield* wait(key, "p.2")
      const entries = ["", "x", "p.7,5000", "p.7,5000,3", "p.7,5000,1,2s", "p.7,60000,1,2,5", ",5000,1", "p.7,1e3,1"]
      for (const entry of entries) {
        yield* Effect.promise(() => look.zadd(`${lockKey("lock:", key)}:q`, 1, entry))
      }
      yield* release(key, "p.1")
      assert.strictEqual(yield* holder(key), "p.2")
      assert.lengthOf(yield* waiting(key), 0)
      yield* release(key, "p.2")
    }).pipe(punctual(50)))

  it.effect("an exchange that is executed twice changes nothing", () =>
    Effect.gen(function*() {
      const { exchange, holder, release, take } = on(yield* make)
      const key = newKey()
      yield* take(key, "p.1")
      const first = fenceOf(yield* exchange(key, "p.1", "p.2"))
      assert.isAbove(fenceOf(yield* exchange(key, "p.1", "p.2")), first)
      assert.lengthOf(yield* waiting(key), 0)
      yield* release(key, "p.2")
      assert.isUndefined(yield* holder(key))
    }))

  it.effect("a release that takes over a queue gives to others and to ourselves", () =>
    Effect.gen(function*() {
      const { exchange, holder, listen, release, take, wait } = on(yield* make)
      const key = newKey()
      yield* take(key, "p.1")
      yield* listen(key, "q.1")
      yield* wait(key, "q.1")
      yield* listen(key, "p.2")
      assert.strictEqual((yield* exchange(key, "p.1", "p.2"))._tag, "Held")
      assert.strictEqual(yield* holder(key), "q.1")
      yield* release(key, "q.1")
      assert.strictEqual(yield* holder(key), "p.2")
      yield* release(key, "p.2")
    }).pipe(punctual(50)))

  it.effect("many attempts and releases of one tick are a few commands", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const store = yield* make
      const { release, take } = on(store)
      yield* take("warm", "p.0")
      yield* release("warm", "p.0")
      const many = Array.from({ length: 512 }, (_, i) => ({ key: `many-${i}`, token: `p.${i}` }))

      /** How many commands it takes to ask for all in one tick, nothing else being out. */
      const commands = <A>(ask: (one: typeof many[number], call: Settling<A>) => void) =>
        Effect.gen(function*() {
          yield* commandCounts(look)
          const answers = yield* Effect.callback<ReadonlyArray<A>, BackendFailure>((resume) => {
            const exits: Array<Exit.Exit<A, BackendFailure>> = []
            const settle = (exit: Exit.Exit<A, BackendFailure>) => {
              if (exits.push(exit) === many.length) resume(Effect.all(exits))
            }
            for (const one of many) ask(one, { settle })
          })
          return { answers, sent: scriptCount(yield* commandCounts(look)) }
        })

      const { release: giveBack, tryAcquire } = shortcutsOf(store).callbacks!
      const taken = yield* commands<LockStore.Attempt>(({ key, token }, call) =>
        tryAcquire({ key, token, expiresMillis: 5000, wait: false }, call)
      )
      assert.isTrue(taken.answers.every(({ _tag }) => _tag === "Acquired"))
      // the first is sent at once, the others when the turn ends, in pieces of at most 128
      assert.strictEqual(taken.sent, 1 + 4)
      const returned = yield* commands<boolean>(({ key, token }, call) => giveBack(key, token, call))
      assert.isTrue(returned.answers.every((ours) => ours))
      assert.strictEqual(returned.sent, 4)
    }))

  it.effect("who comes to listen where others do does so at once, and the channel is left when nobody has for a while", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const store = yield* make
      const listenAtOnce = shortcutsOf(store).callbacks!.listen!
      const subscribers = Effect.promise(async () => (await look.pubsub("NUMSUB", "lock:ch:ear") as Array<unknown>)[1])
      const [key, silent] = [newKey(), newKey()]
      const heard: Array<string> = []
      assert.isUndefined(listenAtOnce(key, "ear.0", () => {}))
      yield* Effect.scoped(Effect.gen(function*() {
        yield* store.listen!(silent, "ear.0", () => {})
        let end: (() => void) | undefined
        // `listen` does not wait long for the subscription
        yield* until(
          Effect.sync(() => (end = listenAtOnce(key, "ear.1", () => void heard.push("ear.1"))) !== undefined)
        )
        const { release, take, wait } = on(store)
        yield* take(key, "q.0")
        yield* wait(key, "ear.1")
        yield* release(key, "q.0")
        yield* until(Effect.sync(() => heard.length === 1))
        yield* release(key, "ear.1")
        end!()
        assert.strictEqual(yield* subscribers, 1)
      }))
      yield* until(Effect.map(subscribers, (count) => count === 0))
      assert.isUndefined(listenAtOnce(key, "ear.2", () => {}))
    }))

  it.effect("what is given back and what is taken in one tick is one command, in this order", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const store = yield* make
      const { holder, listen, release, take, wait } = on(store)
      const [first, own, wanted, free, foreign] = Array.from({ length: 5 }, newKey)
      for (const key of [first, own, wanted]) yield* take(key, "p.1")
      yield* take(foreign, "q.1")
      yield* listen(wanted, "q.1")
      yield* wait(wanted, "q.1")
      const { release: giveBack, tryAcquire } = shortcutsOf(store).callbacks!
      const once = Effect.callback<ReadonlyArray<unknown>, BackendFailure>((resume) => {
        const answers: Array<unknown> = []
        let left = 7
        const settled = (i: number) => ({
          settle: (exit: Exit.Exit<unknown, BackendFailure>) => {
            answers[i] = exit._tag === "Success" ? exit.value : exit
            if (--left === 0) resume(Effect.succeed(answers))
          }
        })
        const attempt = (key: string, token: string, i: number) =>
          tryAcquire({ key, token, expiresMillis: 5000, wait: false }, settled(i))
        giveBack(first, "p.1", settled(0))
        attempt(free, "p.3", 3)
        attempt(own, "p.2", 1)
        giveBack(own, "p.1", settled(2))
        giveBack(wanted, "p.1", settled(4))
        attempt(foreign, "p.4", 5)
        giveBack(first, "p.1", settled(6))
      })
      yield* release(newKey(), "p.9")
      yield* commandCounts(look)
      const answers = yield* once
      assert.strictEqual(scriptCount(yield* commandCounts(look)), 2)
      const tags = answers.map((one) => typeof one === "object" && one !== null && "_tag" in one ? one._tag : one)
      assert.deepStrictEqual(tags, [true, "Acquired", true, "Acquired", true, "Held", false])
      assert.strictEqual(yield* holder(own), "p.2")
      assert.strictEqual(yield* holder(wanted), "q.1")
      yield* Effect.all([release(own, "p.2"), release(free, "p.3"), release(wanted, "q.1"), release(foreign, "q.1")])
    }).pipe(punctual(50)))

  it.effect("an attempt and its release in one tick leave nothing", () =>
    Effect.gen(function*() {
      const { holder, release, take } = on(yield* make)
      const key = newKey()
      const fibers = yield* Effect.all([
        Effect.forkChild(take(key, "p.1"), { startImmediately: true }),
        Effect.forkChild(release(key, "p.1"), { startImmediately: true })
      ])
      const [, released] = yield* Effect.all([Fiber.join(fibers[0]), Fiber.join(fibers[1])])
      assert.isTrue(released)
      assert.isUndefined(yield* holder(key))
    }))

  it.effect("something else at the key is told, and spoils no batch", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const store = yield* make
      const { exchange, holder, listen, release, take, wait } = on(store)
      const [key, other] = [newKey(), newKey()]
      yield* Effect.promise(() => look.lpush(lockKey("lock:", key), "x"))
      const [wrong, right] = yield* Effect.all([Effect.flip(take(key, "p.1")), take(other, "p.2")], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual([wrong.kind, wrong.retryable, wrong.key], ["WrongType", false, key])
      assert.strictEqual(right._tag, "Acquired")
      yield* listen(key, "p.1")
      for (const failure of [wait(key, "p.1"), holder(key), exchange(key, "p.0", "p.1")]) {
        assert.strictEqual((yield* Effect.flip(failure as Effect.Effect<unknown, BackendFailure>)).kind, "WrongType")
      }
      const extended = yield* store.extendAll!([
        { key, token: "p.1", expiresMillis: 1000 },
        { key: other, token: "p.2", expiresMillis: 1000 }
      ])
      assert.deepStrictEqual(extended, [false, true])
      assert.deepStrictEqual(
        yield* Effect.all([release(key, "p.3"), release(other, "p.2")], { concurrency: "unbounded" }),
        [false, true]
      )
      yield* Effect.promise(() => look.del(lockKey("lock:", key)))
    }).pipe(Effect.scoped))

  it.effect("a flush is told by the next extension, and the next fencing token is higher", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const store = yield* make
      const { release, take } = on(store)
      const key = newKey()
      const fence = fenceOf(yield* take(key, "p.1"))
      assert.isTrue(yield* store.extend({ key, token: "p.1", expiresMillis: 5000 }))
      yield* Effect.promise(() => look.flushall())
      assert.isFalse(yield* store.extend({ key, token: "p.1", expiresMillis: 5000 }))
      assert.isAbove(fenceOf(yield* take(key, "p.2")), fence)
      yield* release(key, "p.2")
    }))

  it.effect("scripts that the server forgot are sent again", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const { holder, release, take } = on(yield* make)
      const many = Array.from({ length: 100 }, newKey)
      yield* take("warm", "p.0")
      yield* release("warm", "p.0")
      yield* Effect.promise(() => look.script("FLUSH"))
      const attempts = yield* Effect.forEach(many, (key) => take(key, `p.${key}`), { concurrency: "unbounded" })
      assert.isTrue(attempts.every(({ _tag }) => _tag === "Acquired"))
      yield* Effect.promise(() => look.script("FLUSH"))
      assert.strictEqual(yield* holder(many[0]), `p.${many[0]}`)
      yield* Effect.forEach(many, (key) => release(key, `p.${key}`), { concurrency: "unbounded" })
    }))

  it.effect("the subscription goes with the last waiter", () =>
    Effect.gen(function*() {
      const { look } = yield* Server
      const { listen, release, take, wait } = on(yield* make)
      const key = newKey()
      yield* take(key, "sub.1")
      const channels = Effect.promise(() => look.pubsub("CHANNELS", "lock:ch:sub*") as Promise<Array<string>>)
      yield* Effect.scoped(Effect.gen(function*() {
        yield* listen(key, "sub.2")
        yield* listen(key, "sub.3")
        yield* wait(key, "sub.2")
        assert.deepStrictEqual(yield* channels, ["lock:ch:sub"])
        yield* release(key, "sub.2")
      }))
      yield* until(Effect.map(channels, (channels) => channels.length === 0))
      yield* release(key, "sub.1")
    }))

  it.effect("those that the store looks after need not ask for minutes, and the others soon", () =>
    Effect.gen(function*() {
      const { retry } = yield* RedisBackend.makeStore({ host: "127.0.0.1", port: 1 })
      const step = yield* Schedule.toStep(retry!)
      const delayAfter = (input: unknown) => Effect.map(step(0, input), ([, delay]) => Duration.toSeconds(delay))
      assert.isAbove(yield* delayAfter({ _tag: "Held", watched: true }), 200)
      assert.isBelow(yield* delayAfter({ _tag: "Held" }), 60)
    }).pipe(Effect.scoped))

  it.effect("prefixes share the server's scripts", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      for (let i = 0; i < 10; i++) {
        const { release, take } = on(yield* RedisBackend.makeStore({ host: "127.0.0.1", port, keyPrefix: `p${i}:` }))
        yield* take("k", "p.1")
        yield* release("k", "p.1")
      }
      const memory = yield* Effect.promise(() => look.info("memory"))
      assert.strictEqual(/number_of_cached_scripts:(\d+)/.exec(memory)?.[1], "2")
    }).pipe(Effect.scoped))

  it.effect("any prefix will do, except one that empties the tag", () =>
    Effect.gen(function*() {
      const { look, port } = yield* Server
      const prefix = "it's \\ \"odd\"\n:{x}:"
      const { listen, release, take, wait } = on(
        yield* RedisBackend.makeStore({ host: "127.0.0.1", port, keyPrefix: prefix })
      )
      yield* take("k", "p.1")
      assert.strictEqual(yield* Effect.promise(() => look.get(`${prefix}{k}`)), "p.1")
      const notice = yield* listen("k", "p.2")
      yield* wait("k", "p.2")
      yield* release("k", "p.1")
      yield* told(notice)
      yield* release("k", "p.2")
      const error = yield* Effect.flip(RedisBackend.makeStore({ keyPrefix: "a{}" }))
      assert.strictEqual(error.reason._tag, "InvalidOptions")
    }).pipe(Effect.scoped))
})
