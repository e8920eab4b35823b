/** The store behind a network that loses, delays and breaks exactly what the test says. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import type { Scope } from "effect"
import type { BackendFailure } from "../../src/LockError.ts"
import type { LockStore } from "../../src/LockStore.ts"
import { type Memcached, memcached } from "../support/memcached.ts"
import { type Fate, memcachedProxy, type Proxy } from "../support/memcachedProxy.ts"
import { punctual } from "../support/punctual.ts"
import type { ServerError } from "../support/server.ts"
import { acquire, claim, eventually, holderOf, requestTimeout, storeAt } from "./support.ts"

interface World {
  readonly server: Memcached
  readonly proxy: Proxy
  /** Behind the proxy. */
  readonly store: LockStore
  /** Straight at the server. */
  readonly other: LockStore
}

const world = (requestTimeout: number): Effect.Effect<World, ServerError | Error, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const proxy = yield* memcachedProxy(() => server.port)
    const options = { requestTimeout }
    return { server, proxy, store: yield* storeAt(proxy.port, options), other: yield* storeAt(server.port, options) }
  })

const testWith =
  (requestTimeout: number) => (name: string, body: (world: World) => Effect.Effect<void, unknown, Scope.Scope>) =>
    // What comes too late is lost as well.
    it.live(name, () => Effect.flatMap(world(requestTimeout), body).pipe(punctual(requestTimeout / 4)))

const test = {
  /** Every request has its reply, however long that takes. */
  heard: testWith(60_000),
  /** A reply does not come, and is not waited for. */
  lost: testWith(requestTimeout)
}

const failsWith = <A>(effect: Effect.Effect<A, BackendFailure>, kind: BackendFailure["kind"]) =>
  Effect.map(Effect.result(effect), (result) => {
    assert(result._tag === "Failure", `expected ${kind}, and got a success`)
    assert.strictEqual(result.failure.kind, kind)
    assert.isTrue(result.failure.retryable)
  })

// ---------------------------------------------------------------------------
// Acquiring
// ---------------------------------------------------------------------------

test.lost("acquire, reply lost: asking again finds our own token, and makes the lease anew", ({ other, proxy, server, store }) =>
  Effect.gen(function*() {
    proxy.next("reply", "add", "lose")
    yield* failsWith(store.tryAcquire(claim("k", "a", 5_000)), "NoReply")
    assert.strictEqual(yield* holderOf(other, "k"), "a")
    yield* acquire(store, "k", "a", 60_000)
    assert.deepStrictEqual(proxy.requests, ["add", "add", "get", "replace"])
    assert.match(yield* server.command("mg lock:k t"), /^HD t6[0-3]\r\n$/)
    assert.isTrue(yield* store.release("k", "a"))
  }))

test.lost("acquire, reply lost: a release takes back what we do not know of", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    proxy.next("reply", "add", "lose")
    yield* failsWith(store.tryAcquire(claim("k", "a")), "NoReply")
    assert.isTrue(yield* store.release("k", "a"))
    yield* acquire(other, "k", "b")
  }))

test.lost("acquire, reply lost while another holds: held, and the other keeps it", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(other, "k", "b")
    proxy.next("reply", "add", "lose")
    yield* failsWith(store.tryAcquire(claim("k", "a")), "NoReply")
    assert.strictEqual((yield* store.tryAcquire(claim("k", "a")))._tag, "Held")
    assert.isFalse(yield* store.release("k", "a"))
    assert.strictEqual(yield* holderOf(other, "k"), "b")
  }))

test.lost("acquire, reply lost and the lock gone meanwhile: another's is not taken for ours", ({ other, proxy, server, store }) =>
  Effect.gen(function*() {
    proxy.next("reply", "add", "lose")
    yield* failsWith(store.tryAcquire(claim("k", "a")), "NoReply")
    yield* server.command("flush_all")
    yield* acquire(other, "k", "b")
    assert.strictEqual((yield* store.tryAcquire(claim("k", "a")))._tag, "Held")
  }))

test.lost("acquire, request lost: asking again acquires", ({ proxy, store }) =>
  Effect.gen(function*() {
    proxy.next("request", "add", "lose")
    yield* failsWith(store.tryAcquire(claim("k", "a")), "NoReply")
    assert.isTrue(Option.isNone(yield* store.inspect("k")))
    yield* acquire(store, "k", "a")
  }))

test.heard("acquire, the item vanishes between ADD and GET: taken", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(other, "k", "b")
    const held = proxy.next("request", "get", "hold")
    const fiber = yield* Effect.forkChild(acquire(store, "k", "a"))
    yield* held.arrived
    yield* other.release("k", "b")
    yield* proxy.letGo
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(proxy.requests, ["add", "get", "add"])
  }))

test.heard("acquire, an orphan of ours expires between GET and REPLACE: taken anew", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(other, "k", "a")
    const held = proxy.next("request", "replace", "hold")
    const fiber = yield* Effect.forkChild(acquire(store, "k", "a"))
    yield* held.arrived
    yield* other.release("k", "a")
    yield* proxy.letGo
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(proxy.requests, ["add", "get", "replace", "add"])
  }))

test.heard("acquire, an orphan of ours becomes another's between GET and REPLACE: held", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(other, "k", "a")
    const held = proxy.next("request", "replace", "hold")
    const fiber = yield* Effect.forkChild(store.tryAcquire(claim("k", "a")))
    yield* held.arrived
    yield* other.release("k", "a")
    yield* acquire(other, "k", "b")
    yield* proxy.letGo
    assert.strictEqual((yield* Fiber.join(fiber))._tag, "Held")
    assert.strictEqual(yield* holderOf(other, "k"), "b")
  }))

test.heard("acquire, another had it at each look: held, and no failure", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(other, "k", "b")
    let next = proxy.next("request", "get", "hold")
    const fiber = yield* Effect.forkChild(store.tryAcquire(claim("k", "a")))
    while (fiber.pollUnsafe() === undefined) {
      yield* next.arrived
      yield* other.release("k", "b")
      next = proxy.next("request", "add", "hold")
      yield* proxy.letGo
      yield* Effect.raceFirst(next.arrived, Fiber.await(fiber))
      if (fiber.pollUnsafe() !== undefined) break
      yield* acquire(other, "k", "b")
      next = proxy.next("request", "get", "hold")
      yield* proxy.letGo
    }
    assert.strictEqual((yield* Fiber.join(fiber))._tag, "Held")
  }))

test.lost("acquire, the request arrives after the release: swept up", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    const held = proxy.next("request", "add", "hold")
    yield* failsWith(store.tryAcquire(claim("k", "a", 3_600_000)), "NoReply")
    yield* held.arrived
    assert.isFalse(yield* store.release("k", "a"))
    assert.strictEqual(yield* proxy.letGo, 1)
    yield* eventually(Effect.map(holderOf(other, "k"), (token) => token === "a"))
    yield* eventually(Effect.map(holderOf(other, "k"), (token) => token === undefined))
  }))

test.lost("transfer, interrupted, and the request arrives after the release: swept up", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(other, "k", "a")
    const held = proxy.next("request", "replace", "hold")
    const fiber = yield* Effect.forkChild(store.transfer!("a", claim("k", "b", 3_600_000)))
    yield* held.arrived
    yield* Fiber.interrupt(fiber)
    // Until nobody waits for the reply any more.
    yield* failsWith(store.inspect("k"), "NoReply")
    assert.isFalse(yield* store.release("k", "b"))
    assert.strictEqual(yield* proxy.letGo, 2)
    yield* eventually(Effect.map(holderOf(other, "k"), (token) => token === "b"))
    yield* eventually(Effect.map(holderOf(other, "k"), (token) => token === undefined))
  }))

// ---------------------------------------------------------------------------
// Extending
// ---------------------------------------------------------------------------

test.lost("extend, reply lost: asking again extends", ({ proxy, server, store }) =>
  Effect.gen(function*() {
    yield* acquire(store, "k", "a", 5_000)
    proxy.next("reply", "replace", "lose")
    yield* failsWith(store.extend(claim("k", "a", 5_000)), "NoReply")
    assert.isTrue(yield* store.extend(claim("k", "a", 60_000)))
    assert.deepStrictEqual(proxy.requests, ["add", "replace", "get", "replace"])
    assert.match(yield* server.command("mg lock:k t"), /^HD t6[0-3]\r\n$/)
  }))

test.heard("extend, the item is another's by the time it arrives: lost, and the other's lease is untouched", ({ other, proxy, server, store }) =>
  Effect.gen(function*() {
    yield* acquire(store, "k", "a", 5_000)
    const held = proxy.next("request", "replace", "hold")
    const fiber = yield* Effect.forkChild(store.extend(claim("k", "a", 500_000)))
    yield* held.arrived
    yield* other.release("k", "a")
    yield* acquire(other, "k", "b", 5_000)
    yield* proxy.letGo
    assert.isFalse(yield* Fiber.join(fiber))
    assert.strictEqual(yield* holderOf(other, "k"), "b")
    assert.match(yield* server.command("mg lock:k t"), /^HD t[0-8]\r\n$/)
  }))

test.lost("extend, delayed until we have given up and another holds: nothing happens", ({ other, proxy, server, store }) =>
  Effect.gen(function*() {
    yield* acquire(store, "k", "a", 5_000)
    proxy.next("request", "replace", "hold")
    yield* failsWith(store.extend(claim("k", "a", 500_000)), "NoReply")
    assert.isTrue(yield* other.release("k", "a"))
    yield* acquire(other, "k", "b", 5_000)
    assert.strictEqual(yield* proxy.letGo, 1)
    assert.strictEqual(yield* holderOf(other, "k"), "b")
    assert.match(yield* server.command("mg lock:k t"), /^HD t[0-8]\r\n$/)
  }))

// ---------------------------------------------------------------------------
// Releasing
// ---------------------------------------------------------------------------

test.lost("release, reply lost while another acquires: the other keeps the lock", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(store, "k", "a")
    proxy.next("reply", "delete", "lose")
    yield* failsWith(store.release("k", "a"), "NoReply")
    yield* acquire(other, "k", "b")
    assert.isFalse(yield* store.release("k", "a"))
    assert.strictEqual(yield* holderOf(other, "k"), "b")
  }))

test.lost("release, request lost: asking again releases", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(store, "k", "a")
    proxy.next("request", "delete", "lose")
    yield* failsWith(store.release("k", "a"), "NoReply")
    assert.strictEqual(yield* holderOf(other, "k"), "a")
    assert.isTrue(yield* store.release("k", "a"))
  }))

test.lost("release, delayed until another holds: nothing happens", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(store, "k", "a")
    proxy.next("request", "delete", "hold")
    yield* failsWith(store.release("k", "a"), "NoReply")
    assert.isTrue(yield* other.release("k", "a"))
    yield* acquire(other, "k", "b")
    assert.strictEqual(yield* proxy.letGo, 1)
    assert.strictEqual(yield* holderOf(other, "k"), "b")
  }))

test.heard("release, the lock changes hands between GET and DELETE: the other keeps it", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(other, "k", "a")
    const held = proxy.next("request", "delete", "hold")
    const fiber = yield* Effect.forkChild(store.release("k", "a"))
    yield* held.arrived
    yield* other.release("k", "a")
    yield* acquire(other, "k", "b")
    yield* proxy.letGo
    assert.isFalse(yield* Fiber.join(fiber))
    assert.strictEqual(yield* holderOf(other, "k"), "b")
  }))

test.lost("release, our own extension comes between GET and DELETE: released", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(other, "k", "a")
    const held = proxy.next("request", "delete", "hold")
    const fiber = yield* Effect.forkChild(store.release("k", "a"))
    yield* held.arrived
    yield* other.extend(claim("k", "a"))
    yield* proxy.letGo
    assert.isTrue(yield* Fiber.join(fiber))
    assert.deepStrictEqual(proxy.requests, ["get", "delete", "get", "delete"])
  }))

// ---------------------------------------------------------------------------
// Broken connections
// ---------------------------------------------------------------------------

const broken: Record<Exclude<Fate, "pass" | "hold">, BackendFailure["kind"]> = {
  lose: "NoReply",
  half: "Unreachable",
  garbage: "Unreachable",
  end: "Unreachable",
  reset: "Unreachable"
}

for (const [fate, kind] of Object.entries(broken) as Array<[Fate, BackendFailure["kind"]]>) {
  test[fate === "lose" ? "lost" : "heard"](
    `"${fate}" on any reply: a failure, and everything works on the next connection`,
    ({ proxy, store }) =>
      Effect.gen(function*() {
        for (const opcode of ["add", "get", "replace", "delete"]) {
          const key = `${fate}-${opcode}`
          proxy.next("reply", opcode, fate, key)
          const cycle = Effect.gen(function*() {
            assert.strictEqual((yield* store.tryAcquire(claim(key, "a")))._tag, "Acquired")
            yield* store.inspect(key)
            yield* store.extend(claim(key, "a"))
            yield* store.release(key, "a")
          })
          yield* failsWith(cycle, kind)
          yield* store.release(key, "a")
          yield* cycle
          assert.isTrue(Option.isNone(yield* store.inspect(key)))
        }
        assert.strictEqual(proxy.connections(), 5)
      })
  )
}

test.heard("all that waits on a broken connection fails", ({ proxy, store }) =>
  Effect.gen(function*() {
    yield* store.inspect("k")
    let count = 0
    proxy.decide(({ direction }) => {
      if (direction === "reply") count++
      return direction === "reply" ? "hold" : "pass"
    })
    const fibers = yield* Effect.forEach(
      Array.from({ length: 10 }, (_, i) => `k${i}`),
      (key) => Effect.forkChild(Effect.flip(store.inspect(key)))
    )
    yield* eventually(Effect.sync(() => count > 0 && proxy.requests.length === 11))
    yield* proxy.cut
    for (const fiber of fibers) assert.strictEqual((yield* Fiber.join(fiber)).kind, "Unreachable")
  }))

test.heard("an idle connection that breaks is replaced, also after a restart of the server", ({ proxy, server, store }) =>
  Effect.gen(function*() {
    yield* acquire(store, "k", "a")
    yield* proxy.cut
    yield* eventually(Effect.map(Effect.option(store.extend(claim("k", "a"))), Option.isSome))
    yield* server.restart
    yield* eventually(Effect.map(Effect.option(acquire(store, "k", "b")), Option.isSome))
  }))

test.heard("garbage between replies breaks the connection, and nothing of it stays", ({ proxy, store }) =>
  Effect.gen(function*() {
    yield* acquire(store, "k", "a")
    proxy.inject(Buffer.from("ERROR\r\n"))
    yield* eventually(Effect.map(Effect.option(store.inspect("k")), () => proxy.connections() === 2))
    assert.isTrue(yield* store.release("k", "a"))
  }))

test.lost("a black hole is noticed under steady traffic", ({ proxy, store }) =>
  Effect.gen(function*() {
    yield* store.inspect("k")
    proxy.decide(() => "lose")
    const fibers: Array<Fiber.Fiber<BackendFailure, Option.Option<unknown>>> = []
    const traffic = yield* Effect.forkChild(Effect.forever(
      Effect.gen(function*() {
        fibers.push(yield* Effect.forkDetach(Effect.flip(store.inspect("k"))))
        yield* Effect.sleep(requestTimeout / 5)
      })
    ))
    yield* eventually(Effect.sync(() => fibers.length > 0 && fibers[0].pollUnsafe() !== undefined))
    assert.strictEqual((yield* Fiber.join(fibers[0])).kind, "NoReply")
    yield* Fiber.interrupt(traffic)
    for (const fiber of fibers) yield* Fiber.join(fiber)
  }))

test.lost("a server that accepts and says nothing is a failure", ({ proxy, store }) =>
  Effect.gen(function*() {
    proxy.decide(() => "lose")
    yield* failsWith(store.tryAcquire(claim("k", "a")), "NoReply")
    proxy.decide(() => "pass")
    yield* acquire(store, "k", "a")
  }))

test.lost("a reply that comes after we have given up is nobody's", ({ other, proxy, store }) =>
  Effect.gen(function*() {
    proxy.next("reply", "add", "hold")
    yield* failsWith(store.tryAcquire(claim("k", "a")), "NoReply")
    yield* other.release("k", "a")
    yield* acquire(other, "k", "b")
    const fiber = yield* Effect.forkChild(store.tryAcquire(claim("k", "c")))
    yield* proxy.letGo
    assert.strictEqual((yield* Fiber.join(fiber))._tag, "Held")
  }))

test.heard("requests of many locks share one connection, in any state of it", ({ proxy, store }) =>
  Effect.gen(function*() {
    const keys = Array.from({ length: 100 }, (_, i) => `k${i}`)
    yield* Effect.forEach(keys, (key) => acquire(store, key, `${key}-token`), { concurrency: "unbounded" })
    yield* Effect.forEach(
      keys,
      (key) => Effect.map(store.release(key, `${key}-token`), (released) => assert.isTrue(released)),
      { concurrency: "unbounded" }
    )
    assert.strictEqual(proxy.connections(), 1)
    assert.strictEqual(proxy.requests.length, 200)
  }))
