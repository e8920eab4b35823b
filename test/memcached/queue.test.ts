/** Those who wait for a lock, in other processes. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Option } from "effect"
import { pause } from "../../src/internal/memcached/watching.ts"
import * as Lock from "../../src/Lock.ts"
import type { LockStore } from "../../src/LockStore.ts"
import * as MemcacheBackend from "../../src/MemcacheBackend.ts"
import { memcached } from "../support/memcached.ts"
import { memcachedProxy } from "../support/memcachedProxy.ts"
import { lateness, punctual } from "../support/punctual.ts"
import { acquire, claim, eventually, holderOf, requestTimeout, storeAt, waitersAt } from "./support.ts"

/** A server and as many stores as processes. */
const processes = (count: number) =>
  Effect.gen(function*() {
    const server = yield* memcached()
    return { server, stores: yield* Effect.forEach(Array.from({ length: count }), () => storeAt(server.port)) }
  })

const wait = (store: LockStore, token: string, expires?: number) =>
  store.tryAcquire({ ...claim("k", token, expires), wait: true })

describe("a queue", () => {
  it.live("is served in order, and nobody who comes later gets in before", () =>
    Effect.gen(function*() {
      const { stores: [a, b, c, d, e] } = yield* processes(5)
      yield* acquire(a, "k", "a")
      for (const [store, token] of [[b, "b"], [c, "c"], [d, "d"]] as const) {
        assert.deepInclude(yield* wait(store, token), { _tag: "Held", token: "a" })
      }
      assert.strictEqual(yield* waitersAt(e), 3)
      assert.isTrue(yield* a.release("k", "a"))
      assert.deepInclude(yield* e.tryAcquire(claim("k", "e")), { _tag: "Held", token: "b", waiters: 3 })
      assert.strictEqual(yield* holderOf(e, "k"), undefined)
      assert.deepInclude(yield* wait(a, "a2"), { _tag: "Held", token: "b" })
      assert.deepInclude(yield* wait(c, "c"), { _tag: "Held", token: "b" })
      let last = 0
      for (const [store, token] of [[b, "b"], [c, "c"], [d, "d"], [a, "a2"]] as const) {
        const attempt = yield* wait(store, token)
        assert(attempt._tag === "Acquired", token)
        assert.isAbove(attempt.fencingToken, last + 7)
        last = attempt.fencingToken
        assert.isTrue(yield* store.release("k", token))
      }
      yield* acquire(e, "k", "e")
    }))

  it.live("leaves the holder's lease alone, and an extension leaves the queue", () =>
    Effect.gen(function*() {
      const { server, stores: [a, b, c] } = yield* processes(3)
      yield* acquire(a, "k", "a", 100_000)
      yield* wait(b, "b", 5_000)
      assert.match(yield* server.command("mg lock:k t"), /^HD t(9\d|10\d)\r\n$/)
      assert.isTrue(yield* a.extend(claim("k", "a", 200_000)))
      assert.match(yield* server.command("mg lock:k t"), /^HD t(19\d|20\d)\r\n$/)
      yield* wait(c, "c", 5_000)
      // A process that has never seen the lock can do the same by its token.
      assert.isTrue(yield* c.extend(claim("k", "a", 300_000)))
      assert.strictEqual(yield* waitersAt(b), 2)
      assert.isTrue(yield* a.release("k", "a"))
      assert.strictEqual((yield* wait(b, "b"))._tag, "Acquired")
      assert.strictEqual(yield* waitersAt(a), 1)
    }))

  it.live("forgets who withdraws, also the one that is next", () =>
    Effect.gen(function*() {
      const { stores: [a, b, c, d] } = yield* processes(4)
      yield* acquire(a, "k", "a")
      for (const [store, token] of [[b, "b"], [c, "c"], [d, "d"]] as const) yield* wait(store, token)
      assert.isFalse(yield* c.release("k", "c"))
      assert.strictEqual(yield* waitersAt(a), 2)
      yield* a.release("k", "a")
      assert.isFalse(yield* b.release("k", "b"))
      assert.strictEqual((yield* wait(d, "d"))._tag, "Acquired")
      yield* d.release("k", "d")

      // The last one to go takes the item with it.
      yield* acquire(a, "k", "a")
      yield* wait(b, "b")
      yield* a.release("k", "a")
      assert.isFalse(yield* b.release("k", "b"))
      assert.strictEqual((yield* c.tryAcquire(claim("k", "c")))._tag, "Acquired")
    }))

  it.live("passes over all who are gone in one go", () =>
    Effect.gen(function*() {
      const { server, stores: [a, b] } = yield* processes(2)
      const proxy = yield* memcachedProxy(() => server.port)
      const alive = yield* storeAt(proxy.port)
      yield* acquire(a, "k", "a")
      for (let i = 0; i < 20; i++) yield* wait(b, `gone-${i}`)
      assert.strictEqual((yield* wait(alive, "alive"))._tag, "Held")
      yield* wait(b, "behind")
      yield* a.release("k", "a")
      yield* eventually(Effect.map(wait(alive, "alive"), ({ _tag }) => _tag === "Acquired"))
      assert.lengthOf(proxy.requests.filter((request) => request === "replace"), 1)
      assert.strictEqual(yield* waitersAt(a), 1)
    }))

  it.live("is lost with its item, and then anybody may have the lock", () =>
    Effect.gen(function*() {
      const { server, stores: [a, b, c] } = yield* processes(3)
      yield* acquire(a, "k", "a")
      yield* wait(b, "b")
      yield* server.command("flush_all")
      yield* acquire(c, "k", "c")
      assert.deepInclude(yield* wait(b, "b"), { _tag: "Held", token: "c" })
      yield* c.release("k", "c")
      assert.strictEqual((yield* wait(b, "b"))._tag, "Acquired")
    }))

  it.live("a lost reply to joining, taking or leaving changes nothing", () =>
    Effect.gen(function*() {
      const { server, stores: [a, c] } = yield* processes(2)
      const proxy = yield* memcachedProxy(() => server.port)
      const b = yield* storeAt(proxy.port, { requestTimeout })
      yield* acquire(a, "k", "a")
      proxy.next("reply", "append", "lose", "k")
      assert.strictEqual((yield* Effect.flip(wait(b, "b"))).kind, "NoReply")
      assert.strictEqual((yield* wait(b, "b"))._tag, "Held")
      assert.strictEqual(yield* waitersAt(a), 1)
      yield* a.release("k", "a")
      proxy.next("reply", "replace", "lose", "k")
      assert.strictEqual((yield* Effect.flip(wait(b, "b"))).kind, "NoReply")
      assert.strictEqual((yield* wait(b, "b"))._tag, "Acquired")
      yield* wait(c, "c")
      proxy.next("reply", "replace", "lose", "k")
      assert.strictEqual((yield* Effect.flip(b.release("k", "b"))).kind, "NoReply")
      assert.isFalse(yield* b.release("k", "b"))
      assert.strictEqual((yield* wait(c, "c"))._tag, "Acquired")
    }))

  it.live("a full server has no place for waiters, and lets go of the lock all the same", () =>
    Effect.gen(function*() {
      const server = yield* memcached(["-M", "-m", "2"])
      const [a, b, c] = yield* Effect.all([storeAt(server.port), storeAt(server.port), storeAt(server.port)])
      // An item that is over would make room.
      yield* acquire(a, "k", "a", 3_600_000)
      yield* wait(b, "b")
      // Items of every size that the lock's may have.
      for (let length = 4; length <= 120; length += 4) {
        const lines = Array.from(
          { length: 8_000 },
          (_, i) => `add ${length}-${i} 0 0 ${length} noreply\r\n${"x".repeat(length)}`
        )
        yield* server.command(`${lines.join("\r\n")}\r\nget nothing`)
      }
      assert.strictEqual((yield* Effect.flip(c.tryAcquire(claim("another", "c")))).kind, "OutOfMemory")
      assert.strictEqual((yield* wait(c, "c"))._tag, "Held")
      assert.strictEqual(yield* waitersAt(a), 1)
      assert.isTrue(yield* a.release("k", "a"))
      assert.isTrue(Option.isNone(yield* b.inspect("k")))
      assert.notInclude(yield* server.command("get lock:k"), "VALUE")
    }))

  it.live("holds a limited number, and the others wait without a place", () =>
    Effect.gen(function*() {
      const { stores: [a, b] } = yield* processes(2)
      yield* acquire(a, "k", "a", 300_000)
      for (let i = 0; i < 250; i++) yield* wait(b, `waiter-${i}-${"x".repeat(40)}`, 300_000)
      const waiters = (yield* waitersAt(a)) ?? 0
      assert.isAbove(waiters, 100)
      assert.isBelow(waiters, 250)
      assert.strictEqual((yield* wait(b, "late", 300_000))._tag, "Held")
      assert.strictEqual(yield* waitersAt(a), waiters)
      assert.isTrue(yield* a.release("k", "a"))
    }))
})

describe("waiting", () => {
  it.live("for others is fair, although each comes back at once", () =>
    Effect.gen(function*() {
      const server = yield* memcached()
      const order: Array<number> = []
      const limit = 200
      yield* Effect.forEach(
        [0, 1, 2, 3],
        (process) =>
          Effect.gen(function*() {
            const backend = yield* Layer.build(MemcacheBackend.layer({ servers: [`127.0.0.1:${server.port}`] }))
            const section = Lock.withLock(Effect.delay(Effect.sync(() => order.push(process)), 1), "k")
            yield* Effect.provide(
              Effect.whileLoop({ while: () => order.length < limit, body: () => section, step: () => {} }),
              backend
            )
          }),
        { concurrency: "unbounded" }
      )
      const counts = [0, 1, 2, 3].map((process) => order.slice(0, limit).filter((one) => one === process).length)
      const jain = limit ** 2 / (4 * counts.reduce((sum, count) => sum + count ** 2, 0))
      assert.isAbove(jain, 0.98, `sections: ${counts}`)
      // Between two sections of a process no other one has many.
      for (const process of [0, 1, 2, 3]) {
        const own = order.flatMap((one, i) => one === process ? [i] : [])
        const gaps = own.slice(1).map((at, i) => at - own[i])
        // On a machine that does not run it for a while it is passed over, and that once or twice.
        assert.isAtMost(gaps.filter((gap) => gap > 12).length, 2, `process ${process}: ${gaps}`)
      }
    }).pipe(punctual(50)))

  it.live("ends when the server is back, whatever it had to say before", () =>
    Effect.gen(function*() {
      const { server, stores: [holder] } = yield* processes(1)
      const locks = yield* Layer.build(MemcacheBackend.layer({ servers: [`127.0.0.1:${server.port}`] }))
      yield* acquire(holder, "k", "a", 3_600_000)
      const waiter = yield* Effect.forkChild(
        Effect.provide(Lock.withLock(Effect.succeed("in"), "k", { timeout: "1 minute" }), locks)
      )
      yield* eventually(Effect.map(waitersAt(holder), (waiters) => waiters === 1))
      yield* server.restart
      assert.strictEqual(yield* Fiber.join(waiter), "in")
    }))

  it.live("goes on within 150 ms once the server is back, behind another and where it was down before", () =>
    Effect.gen(function*() {
      const waitedFor = Effect.fnUntraced(function*(isDownBefore: boolean) {
        const { server, stores: [holder] } = yield* processes(1)
        const locks = yield* Layer.build(MemcacheBackend.layer({ servers: [`127.0.0.1:${server.port}`] }))
        if (isDownBefore) yield* server.stop
        else yield* acquire(holder, "k", "a", 3_600_000)
        const waiter = yield* Effect.forkChild(
          Effect.provide(Lock.withLock(Clock.currentTimeMillis, "k", { timeout: "1 minute" }), locks),
          { startImmediately: true }
        )
        if (!isDownBefore) {
          yield* eventually(Effect.map(waitersAt(holder), (waiters) => waiters === 1))
          yield* server.stop
        }
        // Long enough for the pauses to be as long as they get.
        yield* Effect.sleep("2 seconds")
        yield* server.restart
        const [back, late] = [yield* Clock.currentTimeMillis, yield* lateness]
        const waited = (yield* Fiber.join(waiter)) - back
        // Some requests, each a turn of the server and one of ours, and each as late as the machine is meanwhile.
        return waited - 5 * late()
      })
      for (const isDownBefore of [true, false]) {
        const tries = Array.from({ length: 5 }, () => waitedFor(isDownBefore))
        const times = yield* Effect.all(tries, { concurrency: "unbounded" })
        assert.isBelow(times.toSorted((a, b) => a - b)[2], 150, `${times}`)
      }
    }).pipe(punctual(50)))

  it.live("that is interrupted leaves no trace in the queue", () =>
    Effect.gen(function*() {
      const { server, stores: [holder] } = yield* processes(1)
      const locks = yield* Layer.build(MemcacheBackend.layer({ servers: [`127.0.0.1:${server.port}`] }))
      yield* acquire(holder, "k", "a")
      const waiter = yield* Effect.forkChild(Effect.provide(Lock.withLock(Effect.void, "k"), locks))
      yield* eventually(Effect.map(waitersAt(holder), (waiters) => waiters === 1))
      yield* Fiber.interrupt(waiter)
      yield* eventually(Effect.map(waitersAt(holder), (waiters) => waiters === 0))
    }))

  it("looks often at first, and ever less often", () => {
    assert.strictEqual(pause(0, 0), 2)
    assert.strictEqual(pause(0, 3), 8)
    assert.strictEqual(pause(60, 0), 10)
    assert.strictEqual(pause(60, 1), 20)
    assert.strictEqual(pause(1e9, 0), 100)
    assert.strictEqual(pause(1e9, 50), 250)
  })
})
