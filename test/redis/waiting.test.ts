/** How those who wait hear of a lock, whatever happens to the connection on which they should. */
import { assert, describe, it, vi } from "@effect/vitest"
import { type Context, Duration, Effect, Exit, Fiber, Layer, Schedule, Scope } from "effect"
import { Lock, type LockBackend } from "effect-lock"
import type { LockError } from "effect-lock/LockError"
import * as RedisBackend from "effect-lock/RedisBackend"
import type { Redis } from "ioredis"
import { spawn } from "node:child_process"
import { bundled } from "../support/bundled.ts"
import { withSkew } from "../support/clock.ts"
import { type Proxy, proxy } from "../support/proxy.ts"
import { punctual } from "../support/punctual.ts"
import { client, commandCounts, kill, redis, scriptCount, until } from "../support/redis.ts"

type Backend = Context.Context<LockBackend.LockBackend>

const backend = (port: number, options?: RedisBackend.Options): Effect.Effect<Backend, LockError, Scope.Scope> =>
  Layer.build(Layer.fresh(RedisBackend.layer({ host: "127.0.0.1", port, ...options })))

const waiters = (look: Redis, key: string) => Effect.promise(() => look.zcard(`lock:{${key}}:q`))

const listeners = (look: Redis) =>
  Effect.promise(async () => (await look.pubsub("CHANNELS", "lock:ch:*") as Array<string>).length)

const somebodyHolds = (look: Redis, key: string) =>
  Effect.promise(() => look.set(`lock:{${key}}`, "1-aaaaaaaaaaaa.lq3x5k2p.bbbbbbbbbb", "PX", 600_000))

/** Milliseconds from a release in one process until a waiter in another is in. */
const handOver = (look: Redis, from: Backend, to: Backend, key: string) =>
  Effect.gen(function*() {
    const lease = yield* Effect.provide(Lock.acquire(key), from)
    const waiter = yield* Effect.forkChild(
      Effect.provide(Lock.withLock(Effect.sync(() => performance.now()), key, { timeout: "2 minutes" }), to)
    )
    yield* until(Effect.map(waiters(look, key), (count) => count === 1))
    const freed = performance.now()
    yield* lease.release
    return (yield* Fiber.join(waiter)) - freed
  }).pipe(Effect.scoped)

/** Of several, since one may be held up by the machine: without a message it takes seconds, each time. */
const quickest = (look: Redis, from: Backend, to: Backend) =>
  Effect.map(
    Effect.forEach(["a", "b", "c"], (key) => handOver(look, from, to, key)),
    (millis) => Math.min(...millis)
  )

/** A standby in the process, so that its subscription is never idle. */
const standby = (look: Redis, context: Backend) =>
  Effect.gen(function*() {
    yield* somebodyHolds(look, "other")
    yield* Effect.forkScoped(Effect.provide(Lock.withLock(Effect.void, "other", { timeout: "Infinity" }), context))
    yield* until(Effect.map(waiters(look, "other"), (count) => count === 1))
  })

describe("many that wait", () => {
  it.live("set no timer to a time that is over, however the clock goes on meanwhile", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* somebodyHolds(look, "key")
      const set = yield* Effect.acquireRelease(
        Effect.sync(() => vi.spyOn(globalThis, "setTimeout")),
        (set) => Effect.sync(() => set.mockRestore())
      )
      let passed = 0
      const context = yield* withSkew({ monotonic: () => passed += 5000 })(backend(port))
      const fiber = yield* Effect.forkScoped(
        Effect.provide(Lock.withLock(Effect.void, "key", { timeout: "Infinity" }), context)
      )
      yield* until(Effect.map(waiters(look, "key"), (count) => count === 1))
      yield* until(Effect.map(listeners(look), (count) => count === 1))
      // It looks again and again, since each look is late by that clock.
      const before = set.mock.calls.length
      yield* until(Effect.sync(() => set.mock.calls.length > before + 20))
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(set.mock.calls.flatMap(([, millis = 0]) => millis < 0 ? [millis] : []), [])
    }).pipe(Effect.scoped))

  it.live(
    "are told although they were there before the subscription, and cost next to nothing",
    () =>
      Effect.gen(function*() {
        const { port } = yield* redis()
        const look = yield* client(port)
        const count = 600
        const keys = Array.from({ length: count }, (_, i) => `k${i}`)
        yield* Effect.forEach(keys, (key) => somebodyHolds(look, key), { concurrency: "unbounded" })
        // the subscription takes far longer than anybody waits for it
        const between = yield* proxy(port)
        between.delaySubscriptions = 600
        const context = yield* backend(between.port)
        const fibers = yield* Effect.forEach(
          keys,
          (key) => Effect.forkChild(Effect.provide(Lock.withLock(Effect.void, key, { timeout: "Infinity" }), context))
        )
        const modes = Effect.promise(async () => {
          const pipeline = look.pipeline()
          for (const key of keys) pipeline.zrange(`lock:{${key}}:q`, "0", "-1")
          const entries = (await pipeline.exec())!.flatMap(([, entries]) => entries as Array<string>)
          return { told: entries.filter((entry) => entry.endsWith(",1")).length, all: entries.length }
        })
        yield* until(Effect.map(modes, ({ told }) => told === count))
        assert.strictEqual((yield* modes).all, count, "each is in its queue once")
        yield* commandCounts(look)
        const began = performance.now()
        yield* Effect.sleep("4 seconds")
        const scripts = scriptCount(yield* commandCounts(look))
        // three for one look at all of them, every three seconds, of which the first may have begun before
        const looks = 2 + Math.floor((performance.now() - began) / 3000)
        assert.isAtMost(scripts, 3 * looks)
        yield* Effect.forEach(keys, (key) => Effect.promise(() => look.del(`lock:{${key}}`)))
        yield* Fiber.joinAll(fibers)
      }).pipe(punctual(200))
  )

  it.live("are not told by a look that is answered when they have left", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const between = yield* proxy(port)
      const store = yield* RedisBackend.makeStore({ host: "127.0.0.1", port: between.port })
      yield* Effect.promise(() => look.set("lock:{k}", "p.1", "PX", 500))
      const listening = yield* Scope.make()
      let told = 0
      yield* Scope.provide(store.listen!("k", "p.2", () => told++), listening)
      yield* store.tryAcquire({ key: "k", token: "p.2", expiresMillis: 20_000, wait: true })
      yield* commandCounts(look)
      between.latency = [200, 200]
      yield* until(Effect.map(commandCounts(look), (counts) => scriptCount(counts) > 0))
      yield* Scope.close(listening, Exit.void)
      told = 0
      // Whose answer comes behind that of the look.
      yield* store.inspect("k")
      assert.strictEqual(told, 0)
    }).pipe(Effect.scoped, punctual(100)))

  it.live("stay in the queue for as long as they wait, however seldom they ask", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const context = yield* backend(port)
      yield* somebodyHolds(look, "k")
      const waiter = yield* Effect.forkChild(
        Effect.provide(
          Lock.withLock(Effect.succeed("in"), "k", { timeout: "Infinity", retry: Schedule.spaced("10 minutes") }),
          context
        )
      )
      yield* until(Effect.map(waiters(look, "k"), (count) => count === 1))
      const [arrived] = yield* Effect.promise(() => look.zrange("lock:{k}:q", "0", "-1", "WITHSCORES"))
      yield* Effect.promise(() => look.del("lock:{k}:q"))
      yield* until(Effect.map(waiters(look, "k"), (count) => count === 1))
      assert.deepStrictEqual(
        (yield* Effect.promise(() => look.zrange("lock:{k}:q", "0", "-1", "WITHSCORES")))[0],
        arrived
      )
      assert.isAbove(yield* Effect.promise(() => look.pttl("lock:{k}:q")), 5000)
      yield* Effect.promise(() => look.del("lock:{k}"))
      assert.strictEqual(yield* Fiber.join(waiter), "in")
    }))
})

describe("a subscription that does not hear what it should", () => {
  const broken = (name: string, breakIt: (between: Proxy) => void) =>
    it.live(`is replaced when ${name}`, () =>
      Effect.gen(function*() {
        const { port } = yield* redis()
        const look = yield* client(port)
        const between = yield* proxy(port)
        const [holder, waiter] = [yield* backend(port), yield* backend(between.port)]
        yield* standby(look, waiter)
        const before = between.subscriptions()
        breakIt(between)
        yield* until(Effect.sync(() => between.subscriptions() > before))
        yield* until(Effect.map(listeners(look), (count) => count >= 1))
        assert.isBelow(yield* quickest(look, holder, waiter), 1000)
      }).pipe(punctual(100)))

  broken("the server's side is gone and nobody says so", (between) => between.forgetSubscriptions())
  broken("its packets vanish, while the server believes in it", (between) => between.muteSubscriptions())
  broken("it is cut", (between) => between.cutSubscriptions())

  it.live(
    "is moved to the server that the commands have moved to, with everybody's place",
    () =>
      Effect.gen(function*() {
        const one = yield* redis("--repl-diskless-sync-delay", "0")
        const other = yield* redis("--replicaof", "127.0.0.1", String(one.port), "--repl-diskless-sync-delay", "0")
        const [look, lookOther] = [yield* client(one.port), yield* client(other.port)]
        const linked = (from: Redis) =>
          until(Effect.promise(async () => (await from.info("replication")).includes("master_link_status:up")))
        yield* linked(lookOther)
        const between = yield* proxy(one.port)
        const [holder, waiter] = [yield* backend(between.port), yield* backend(between.port)]
        yield* standby(look, waiter)
        yield* until(Effect.promise(async () => (await lookOther.zcard("lock:{other}:q")) === 1))
        // the endpoint moves, and no connection is closed
        yield* Effect.promise(() => lookOther.replicaof("NO", "ONE"))
        between.target = other.port
        yield* Effect.promise(() => look.replicaof("127.0.0.1", other.port))
        yield* until(Effect.map(listeners(lookOther), (count) => count >= 1))
        assert.isBelow(yield* quickest(lookOther, holder, waiter), 1000)
        assert.strictEqual(yield* waiters(lookOther, "other"), 1)
      }).pipe(punctual(100))
  )

  it.live("is tried again until it is at the server that gives the locks", () =>
    Effect.gen(function*() {
      const one = yield* redis("--repl-diskless-sync-delay", "0")
      const replica = yield* redis("--replicaof", "127.0.0.1", String(one.port), "--repl-diskless-sync-delay", "0")
      const look = yield* client(one.port)
      const between = yield* proxy(one.port)
      // a name that leads to several servers: the second connection to the replica, later ones to either
      between.route = (nth) => nth === 1 ? replica.port : one.port
      const [holder, waiter] = [yield* backend(one.port), yield* backend(between.port)]
      yield* standby(look, waiter)
      yield* until(Effect.map(listeners(look), (count) => count === 1))
      assert.isBelow(yield* quickest(look, holder, waiter), 1000)
    }).pipe(punctual(100)))
})

describe("waiters that are gone", () => {
  const worker = (port: number, key: string) =>
    Effect.acquireRelease(
      Effect.map(bundled(new URL("worker.ts", import.meta.url)), (script) =>
        spawn(process.execPath, [script, String(port), key, "1", "60000", "3 seconds"], {
          stdio: ["pipe", "pipe", "inherit"]
        })),
      (child) =>
        kill(child)
    )

  for (const [how, signal] of [["stopped", "SIGSTOP"], ["killed", "SIGKILL"]] as const) {
    it.live(`cost the next one a second together, when they are ${how}`, () =>
      Effect.gen(function*() {
        const { port } = yield* redis()
        const look = yield* client(port)
        const [holder, living] = [yield* backend(port), yield* backend(port)]
        const lease = yield* Effect.provide(Lock.acquire("k"), holder)
        const dead = yield* Effect.forEach([1, 2, 3, 4], () => worker(port, "k"), { concurrency: "unbounded" })
        for (const child of dead) child.stdin.write("go\n")
        yield* until(Effect.map(waiters(look, "k"), (count) => count === 4))
        for (const child of dead) child.kill(signal)
        const waiter = yield* Effect.forkChild(
          Effect.provide(Lock.withLock(Effect.sync(() => performance.now()), "k", { timeout: "30 seconds" }), living)
        )
        yield* until(Effect.map(waiters(look, "k"), (count) => count === 5))
        const freed = performance.now()
        yield* lease.release
        // one after the other they would have cost three seconds each, or 0.7; the rest is for a busy machine
        assert.isBelow((yield* Fiber.join(waiter)) - freed, 2000)
        assert.strictEqual(yield* waiters(look, "k"), 0)
      }).pipe(punctual(100)))
  }

  it.live("hold up nobody by their number", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const store = yield* RedisBackend.makeStore({ host: "127.0.0.1", port })
      const claim = { key: "k", token: "p.1", expiresMillis: 20_000, wait: false }
      yield* store.tryAcquire(claim)
      yield* Effect.promise(() =>
        look.eval(
          "for i = 1, 50000 do redis.call('ZADD', KEYS[1], i, 'gone' .. i .. '.1,20000,1') end",
          1,
          "lock:{k}:q"
        )
      )
      yield* store.tryAcquire({ ...claim, token: "p.2", wait: true })
      yield* commandCounts(look)
      yield* store.release("k", "p.1")
      const { publish = 0, "pubsub|numsub": asked = 0 } = yield* commandCounts(look)
      assert.isAtMost(publish + asked, 1100, "what one script does is bounded")
      yield* until(
        Effect.map(store.tryAcquire({ ...claim, token: "p.2", wait: true }), ({ _tag }) => _tag === "Acquired")
      )
    }).pipe(punctual(100)))
})

describe("those who give up", () => {
  it.live("are told who has the lock, and how long the lease lasts", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* somebodyHolds(look, "k")
      const context = yield* backend(port)
      // A server that did not run meanwhile has told nothing.
      const holder = yield* Effect.flip(Lock.withLock(Effect.void, "k", { timeout: "300 millis" })).pipe(
        Effect.map(({ reason }) => reason._tag === "LockTimeout" ? reason.holder : undefined),
        Effect.repeat({ until: (holder) => holder?.waiters !== undefined }),
        Effect.provide(context)
      )
      assert.strictEqual(holder?.waiters, 1)
      const rest = Duration.toMillis(holder?.remaining ?? Duration.zero)
      assert.isAbove(rest, 500_000)
      assert.isAtMost(rest, 600_000)
    }).pipe(Effect.scoped))
})
