import { assert, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer } from "effect"
import type { LockStore } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import { Cluster as Cluster6 } from "ioredis"
import { Cluster as Cluster5 } from "ioredis5"
import { punctual } from "../support/punctual.ts"
import { client, closing, cluster, until } from "../support/redis.ts"

class Ports extends Context.Service<Ports, ReadonlyArray<number>>()("test/Ports") {
  static readonly layer = Layer.effect(Ports, Effect.map(cluster, (servers) => servers.map(({ port }) => port)))
}

const clusters = [
  { name: "ioredis 6, RESP3", make: (nodes: Array<{ host: string; port: number }>) => new Cluster6(nodes) },
  {
    name: "ioredis 6, RESP2",
    make: (nodes: Array<{ host: string; port: number }>) => new Cluster6(nodes, { redisOptions: { protocol: 2 } })
  },
  { name: "ioredis 5", make: (nodes: Array<{ host: string; port: number }>) => new Cluster5(nodes) }
]

const take = (store: LockStore.LockStore, key: string, token: string) =>
  store.tryAcquire({ key, token, expiresMillis: 20_000, wait: false })

const wait = (store: LockStore.LockStore, key: string, token: string) =>
  store.tryAcquire({ key, token, expiresMillis: 20_000, wait: true })

const names = [
  "",
  "}",
  "}x",
  "a}b",
  "{a}b",
  "{",
  "\\",
  "ä ö",
  "plain",
  ...Array.from({ length: 40 }, (_, i) => `n${i}`)
]

for (const { make, name } of clusters) {
  layer(Ports.layer, { timeout: "3 minutes", excludeTestServices: true })(`a cluster of three (${name})`, (it) => {
    const makeStore = Effect.gen(function*() {
      const ports = yield* Ports
      const own = yield* closing(() => make(ports.map((port) => ({ host: "127.0.0.1", port }))))
      return yield* RedisBackend.makeStoreClient(own)
    })

    it.effect("locks of any name, many at once, on all nodes", () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const each = <A, E>(f: (name: string, i: number) => Effect.Effect<A, E>) =>
          Effect.forEach(names, f, { concurrency: "unbounded" })
        const attempts = yield* each((name, i) => take(store, name, `p.${i}`))
        assert.isTrue(attempts.every(({ _tag }) => _tag === "Acquired"))
        assert.isTrue((yield* each((name, i) => take(store, name, `q.${i}`))).every(({ _tag }) => _tag === "Held"))
        assert.isTrue(
          (yield* each((key, i) => store.extend({ key, token: `p.${i}`, expiresMillis: 30_000 }))).every((ok) => ok)
        )
        assert.isTrue((yield* each((name, i) => store.release(name, `p.${i}`))).every((ok) => ok))
        for (const port of yield* Ports) {
          const look = yield* client(port)
          assert.deepStrictEqual(yield* Effect.promise(() => look.keys("*")), [])
        }
      }))

    it.effect("a waiter is told, whichever nodes it and the lock are on", () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const other = yield* makeStore
        for (const name of names.slice(0, 20)) {
          yield* take(store, name, "p.1")
          let notices = 0
          yield* Effect.scoped(Effect.gen(function*() {
            yield* other.listen!(name, "q.1", () => notices++)
            assert.strictEqual((yield* wait(other, name, "q.1"))._tag, "Held")
            yield* store.release(name, "p.1")
            yield* until(Effect.sync(() => notices > 0))
            assert.strictEqual((yield* wait(other, name, "q.1"))._tag, "Acquired")
            const next = yield* other.exchange!("q.1", { key: name, token: "q.2", expiresMillis: 20_000, wait: true })
            assert.strictEqual(next._tag, "Acquired")
            assert.isTrue(yield* other.release(name, "q.2"))
          }))
        }
      }))

    it.effect("a slot on the move takes locks, and answers the rest when it has moved", () =>
      Effect.gen(function*() {
        const ports = yield* Ports
        const looks = yield* Effect.forEach(ports, (port) => client(port))
        const ids = yield* Effect.forEach(looks, (look) => Effect.promise(() => look.cluster("MYID")))
        const store = yield* makeStore
        yield* take(store, "plain", "p.0")
        const slot = yield* Effect.promise(() => looks[0].cluster("KEYSLOT", "lock:{plain}"))
        const nodes = yield* Effect.promise(() => looks[0].call("cluster", "nodes") as Promise<string>)
        const from = ids.findIndex((id) =>
          nodes.split("\n").some((line) =>
            line.startsWith(id) && line.split(" ").slice(8).some((range) => {
              const [low, high = low] = range.split("-").map(Number)
              return slot >= low && slot <= high
            })
          )
        )
        const to = (from + 1) % 3
        const setSlot = (i: number, ...args: Array<string>) =>
          Effect.promise(() => looks[i].call("cluster", "setslot", String(slot), ...args))
        yield* store.release("plain", "p.0")
        yield* setSlot(to, "importing", ids[from])
        yield* setSlot(from, "migrating", ids[to])
        assert.strictEqual((yield* take(store, "plain", "p.1"))._tag, "Acquired")
        const release = yield* Effect.forkChild(store.release("plain", "p.1"), { startImmediately: true })
        yield* Effect.sleep("50 millis")
        yield* Effect.forEach([to, from, 3 - to - from], (i) => setSlot(i, "node", ids[to]))
        assert.isTrue(yield* Fiber.join(release))
        assert.strictEqual((yield* take(store, "plain", "p.2"))._tag, "Acquired")
        assert.isTrue(yield* store.release("plain", "p.2"))
      }))
  })
}

layer(Ports.layer, { timeout: "3 minutes", excludeTestServices: true })("a cluster by its URL", (it) => {
  const makeStore = Effect.gen(function*() {
    const ports = yield* Ports
    return yield* RedisBackend.makeStore({
      url: `redis+cluster://${ports.map((port) => `127.0.0.1:${port}`).join(",")}`
    })
  })

  it.effect("serves locks on all nodes, and tells waiters", () =>
    Effect.gen(function*() {
      const [store, other] = [yield* makeStore, yield* makeStore]
      const all = Array.from({ length: 30 }, (_, i) => `url-${i}`)
      const attempts = yield* Effect.forEach(all, (key) => take(store, key, "p.1"), { concurrency: "unbounded" })
      assert.isTrue(attempts.every(({ _tag }) => _tag === "Acquired"))
      for (const key of all.slice(0, 5)) {
        let notices = 0
        yield* Effect.scoped(Effect.gen(function*() {
          yield* other.listen!(key, "q.1", () => notices++)
          yield* wait(other, key, "q.1")
          yield* store.release(key, "p.1")
          yield* until(Effect.sync(() => notices > 0))
          assert.strictEqual((yield* wait(other, key, "q.1"))._tag, "Acquired")
          yield* other.release(key, "q.1")
        }))
      }
      yield* Effect.forEach(all, (key) => store.release(key, "p.1"))
    }).pipe(Effect.scoped))

  it.effect("waiters that are gone cost the next one a second together", () =>
    Effect.gen(function*() {
      const [store, other] = [yield* makeStore, yield* makeStore]
      yield* take(store, "gone", "p.1")
      for (let i = 0; i < 5; i++) yield* wait(store, "gone", `gone${i}.1`)
      yield* Effect.scoped(Effect.gen(function*() {
        let notices = 0
        yield* other.listen!("gone", "q.1", () => notices++)
        yield* wait(other, "gone", "q.1")
        const freed = performance.now()
        yield* store.release("gone", "p.1")
        const acquired = Effect.gen(function*() {
          yield* until(Effect.sync(() => notices > 0))
          notices = 0
          return (yield* wait(other, "gone", "q.1"))._tag === "Acquired"
        })
        yield* until(acquired)
        // one after the other they would have cost 3.5; the rest is for a busy machine
        assert.isBelow(performance.now() - freed, 3_000)
      })).pipe(Effect.ensuring(Effect.ignore(other.release("gone", "q.1"))))
    }).pipe(punctual(100)))

  it.effect("a release while its slot moves gives the lock to the waiter, or fails as a whole", () =>
    Effect.gen(function*() {
      const ports = yield* Ports
      const [store, other] = [yield* makeStore, yield* makeStore]
      const looks = yield* Effect.forEach(ports, (port) => client(port))
      const ids = yield* Effect.forEach(looks, (look) => Effect.promise(() => look.cluster("MYID")))
      yield* take(store, "moving", "p.1")
      let notices = 0
      yield* other.listen!("moving", "q.1", () => notices++)
      yield* wait(other, "moving", "q.1")
      const name = "lock:{moving}"
      const slot = yield* Effect.promise(() => looks[0].cluster("KEYSLOT", name))
      const held = yield* Effect.forEach(
        looks,
        (look) => Effect.promise(() => look.cluster("COUNTKEYSINSLOT", slot) as Promise<number>)
      )
      const from = held.indexOf(2)
      const to = (from + 1) % 3
      // One that polls would hear nothing while the slot moves.
      yield* until(Effect.gen(function*() {
        yield* wait(other, "moving", "q.1")
        const [entry] = yield* Effect.promise(() => looks[from].zrange(`${name}:q`, 0, "-1"))
        return entry.endsWith(",1")
      }))
      const setSlot = (i: number, ...args: Array<string>) =>
        Effect.promise(() => looks[i].call("cluster", "setslot", String(slot), ...args))
      yield* setSlot(to, "importing", ids[from])
      yield* setSlot(from, "migrating", ids[to])
      assert.isTrue(yield* store.release("moving", "p.1"))
      yield* until(Effect.sync(() => notices > 0))
      assert.strictEqual(yield* Effect.promise(() => looks[from].get(name)), "q.1")
      yield* Effect.promise(() => looks[from].migrate("127.0.0.1", ports[to], name, 0, 1000))
      yield* Effect.forEach([to, from, 3 - to - from], (i) => setSlot(i, "node", ids[to]))
      assert.strictEqual((yield* wait(other, "moving", "q.1"))._tag, "Acquired")
      assert.isTrue(yield* other.release("moving", "q.1"))
    }).pipe(Effect.scoped))
})
