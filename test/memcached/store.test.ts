/** The store on a real memcached that does nothing unusual. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Scope } from "effect"
import { Client } from "memjs"
import * as MemcacheBackend from "../../src/MemcacheBackend.ts"
import { memcached } from "../support/memcached.ts"
import { memcachedProxy } from "../support/memcachedProxy.ts"
import { freePort } from "../support/server.ts"
import { acquire, claim, eventually, holderOf, storeAt } from "./support.ts"

it.live("a lock of the first release is held, and left as it is, until it is given back", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const store = yield* storeAt(server.port)
    const client = Client.create(`127.0.0.1:${server.port}`)
    const item = `1 ${Date.now() + 60_000} old.1`
    yield* Effect.promise(() => client.set("lock:k", item, { expires: 60 }))
    const attempt = yield* store.tryAcquire({ ...claim("k", "new"), wait: true })
    assert.deepInclude(attempt, { _tag: "Held", token: "old.1" })
    assert.strictEqual(yield* holderOf(store, "k"), "old.1")
    const { value } = yield* Effect.promise(() => client.get("lock:k"))
    assert.strictEqual(String(value), item)
    yield* Effect.promise(() => client.delete("lock:k"))
    yield* acquire(store, "k", "new")
    client.close()
  }))

it.live("one of fifty gets the lock, the others hear who has it", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const stores = yield* Effect.all([storeAt(server.port), storeAt(server.port), storeAt(server.port)])
    const attempts = yield* Effect.forEach(
      Array.from({ length: 50 }, (_, i) => `token-${i}`),
      (token, i) => Effect.map(stores[i % 3].tryAcquire(claim("k", token)), (attempt) => ({ token, attempt })),
      { concurrency: "unbounded" }
    )
    const winners = attempts.filter(({ attempt }) => attempt._tag === "Acquired")
    assert.strictEqual(winners.length, 1)
    for (const { attempt } of attempts) {
      if (attempt._tag === "Acquired") continue
      assert.strictEqual(attempt.token, winners[0].token)
      assert.isAbove(attempt.remainingMillis ?? 0, 5_000)
      assert.isAtMost(attempt.remainingMillis ?? Infinity, 10_000)
    }
  }))

it.live("taking, extending and releasing are one round trip each", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const proxy = yield* memcachedProxy(() => server.port)
    const store = yield* storeAt(proxy.port)
    yield* acquire(store, "k", "a")
    assert.isTrue(yield* store.extend(claim("k", "a")))
    assert.isTrue(yield* store.extend(claim("k", "a")))
    assert.isTrue(yield* store.release("k", "a"))
    assert.deepStrictEqual(proxy.requests, ["add", "replace", "replace", "delete"])
    assert.strictEqual(proxy.connections(), 1)
  }))

it.live("another process extends and releases by token, and nobody by another token", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const [one, two] = yield* Effect.all([storeAt(server.port), storeAt(server.port)])
    yield* acquire(one, "k", "a")
    assert.isFalse(yield* two.release("k", "b"))
    assert.isFalse(yield* two.extend(claim("k", "b")))
    assert.isFalse(yield* one.release("k", "b"))
    assert.strictEqual(yield* holderOf(two, "k"), "a")
    assert.isTrue(yield* two.extend(claim("k", "a")))
    // What the first store remembers of the item is out of date by now.
    assert.isTrue(yield* one.extend(claim("k", "a")))
    assert.isTrue(yield* two.release("k", "a"))
    assert.isFalse(yield* one.extend(claim("k", "a")))
    assert.isFalse(yield* one.release("k", "a"))
    assert.isTrue(Option.isNone(yield* one.inspect("k")))
  }))

it.live("a token acquires again what it has, with a new lease and a greater fencing token", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const store = yield* storeAt(server.port)
    const first = yield* acquire(store, "k", "a", 2_000)
    const second = yield* acquire(store, "k", "a", 60_000)
    assert.isAtLeast(second.fencingToken, first.fencingToken + 8)
    const occupant = Option.getOrThrow(yield* store.inspect("k"))
    assert.isAbove(occupant.remainingMillis ?? 0, 50_000)
    assert.match(yield* server.command("mg lock:k t"), /^HD t6[0-3]\r\n$/)
  }))

it.live("a lease of less than a second is kept, and ends by itself", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const store = yield* storeAt(server.port)
    const start = performance.now()
    yield* acquire(store, "k", "a", 200)
    while (performance.now() - start < 200) {
      const { _tag } = yield* store.tryAcquire(claim("k", "b"))
      // An answer that came later says nothing.
      if (performance.now() - start < 200) assert.strictEqual(_tag, "Held")
      yield* Effect.sleep(20)
    }
    yield* eventually(Effect.map(store.tryAcquire(claim("k", "b")), (attempt) => attempt._tag === "Acquired"))
  }))

it.live("an extension makes the lease longer for the server too", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const store = yield* storeAt(server.port)
    yield* acquire(store, "k", "a", 500)
    assert.isTrue(yield* store.extend(claim("k", "a", 120_000)))
    assert.match(yield* server.command("mg lock:k t"), /^HD t12[0-3]\r\n$/)
  }))

it.live("a lease that memcached would take for a date is refused", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const store = yield* storeAt(server.port)
    const days = 24 * 3600 * 1000
    assert.strictEqual((yield* Effect.flip(store.tryAcquire(claim("k", "a", 30 * days)))).kind, "Unsupported")
    assert.isTrue(Option.isNone(yield* store.inspect("k")))
    yield* acquire(store, "k", "a", 29 * days)
    assert.strictEqual((yield* Effect.flip(store.extend(claim("k", "a", 30 * days)))).kind, "Unsupported")
    assert.match(yield* server.command("mg lock:k t"), /^HD t25\d{5}\r\n$/)
  }))

it.live("odd keys are different locks", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const store = yield* storeAt(server.port)
    const keys = [
      " ",
      "a b",
      "a\nb",
      "a\0b",
      "a\r\nset x",
      "ü",
      "u\u0308",
      "\ud800",
      "\ud801",
      "#",
      "k".repeat(300),
      "👩‍👩‍👧"
    ]
    for (const [i, key] of keys.entries()) yield* acquire(store, key, `t${i}`)
    for (const [i, key] of keys.entries()) {
      assert.strictEqual(yield* holderOf(store, key), `t${i}`)
      assert.isTrue(yield* store.release(key, `t${i}`))
    }
  }))

it.live("data at the key of a lock is left alone", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const store = yield* storeAt(server.port)
    yield* server.command("set lock:k 0 0 5\r\nhello")
    const failure = yield* Effect.flip(store.tryAcquire(claim("k", "a")))
    assert.strictEqual(failure.kind, "WrongType")
    assert.isFalse(failure.retryable)
    assert.strictEqual((yield* Effect.flip(store.inspect("k"))).kind, "WrongType")
    assert.isFalse(yield* store.extend(claim("k", "a")))
    assert.isFalse(yield* store.release("k", "a"))
    assert.include(yield* server.command("get lock:k"), "hello")
  }))

it.live("several servers share the locks, and a lock does not move when its server is down", () =>
  Effect.gen(function*() {
    const servers = yield* Effect.all([memcached(), memcached()])
    const options = { servers: servers.map(({ port }) => `127.0.0.1:${port}`) }
    const store = yield* MemcacheBackend.makeStore(options)
    const other = yield* MemcacheBackend.makeStore({ servers: options.servers.toReversed() })
    const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`)
    for (const key of keys) yield* acquire(store, key, "a")
    for (const key of keys) assert.strictEqual((yield* other.tryAcquire(claim(key, "b")))._tag, "Held")
    yield* servers[0].stop
    const kinds = yield* Effect.forEach(keys, (key) =>
      Effect.match(other.tryAcquire(claim(key, "b")), {
        onFailure: (failure) => `${failure.kind} ${failure.retryable}`,
        onSuccess: (attempt) => attempt._tag
      }))
    assert.deepStrictEqual([...new Set(kinds)].toSorted(), ["Held", "Unreachable true"])
  }))

it.live("a store is made although the server is down, fails at once when used, and works when the server comes", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    yield* server.stop
    const store = yield* storeAt(server.port)
    const failures = yield* Effect.all([
      Effect.flip(store.tryAcquire(claim("k", "a"))),
      Effect.flip(store.extend(claim("k", "a"))),
      Effect.flip(store.release("k", "a")),
      Effect.flip(store.inspect("k"))
    ], { concurrency: "unbounded" })
    for (const failure of failures) {
      assert.strictEqual(failure.kind, "Unreachable")
      assert.isTrue(failure.retryable)
      assert.strictEqual(failure.key, "k")
    }
    yield* server.restart
    yield* acquire(store, "k", "a")
  }))

it.live("a host that cannot be found is a failure like any other", () =>
  Effect.gen(function*() {
    const store = yield* MemcacheBackend.makeStore({ servers: ["no-such-host.invalid"] })
    assert.strictEqual((yield* Effect.flip(store.inspect("k"))).kind, "Unreachable")
  }))

it.live("a closed store refuses, and what is under way fails", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const proxy = yield* memcachedProxy(() => server.port)
    const lost = proxy.next("reply", "get", "lose")
    const store = yield* Effect.scoped(
      Effect.gen(function*() {
        const store = yield* storeAt(proxy.port)
        yield* acquire(store, "k", "a")
        const fiber = yield* Effect.forkDetach(Effect.flip(store.inspect("k")))
        yield* lost.arrived
        return { store, fiber }
      })
    )
    assert.strictEqual((yield* Fiber.join(store.fiber)).kind, "Closed")
    const failure = yield* Effect.flip(store.store.tryAcquire(claim("k", "b")))
    assert.strictEqual(failure.kind, "Closed")
    assert.isFalse(failure.retryable)
  }))

it.live("a closed store connects no more, also when somebody still waits", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const proxy = yield* memcachedProxy(() => server.port)
    const other = yield* storeAt(server.port)
    yield* acquire(other, "k", "a")
    const scope = yield* Scope.make()
    const store = yield* Scope.provide(storeAt(proxy.port), scope)
    yield* store.listen!("k", "b", () => {})
    yield* store.tryAcquire({ ...claim("k", "b"), wait: true })
    assert.strictEqual(proxy.connections(), 1)
    yield* Scope.close(scope, Exit.void)
    // Longer than it looks away.
    yield* Effect.sleep("600 millis")
    assert.strictEqual(proxy.connections(), 1)
  }))

it.live("a memjs client lends its servers and nothing else", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const proxy = yield* memcachedProxy(() => server.port)
    const client = Client.create(`127.0.0.1:${proxy.port}`, { timeout: 0.001, retries: 5 })
    const before = { ...client.options }
    const store = yield* MemcacheBackend.makeStoreClient(client, { keyPrefix: "x:" })
    yield* acquire(store, "k", "a")
    assert.strictEqual(client.seq, 0)
    assert.isFalse(client.servers[0].connected)
    assert.deepStrictEqual({ ...client.options }, before)
    assert.include(yield* server.command("get x:k"), " a\r\n")
    assert.deepStrictEqual(proxy.requests, ["add"])
  }))

it.live("a memjs client with failover is refused, or one whose servers have no port", () =>
  Effect.gen(function*() {
    const option = (client: MemcacheBackend.MemjsClient) =>
      Effect.map(Effect.flip(MemcacheBackend.makeStoreClient(client)), ({ reason }) => reason._tag)
    assert.strictEqual(yield* option(Client.create("a,b", { failover: true })), "InvalidOptions")
    assert.strictEqual(yield* option(Client.create("a:x")), "InvalidOptions")
    assert.strictEqual(yield* option({ servers: [], options: {} }), "InvalidOptions")
  }))

it.live("variables that memjs reads from the environment have no effect", () =>
  Effect.gen(function*() {
    const names = ["MEMCACHIER_SERVERS", "MEMCACHE_SERVERS", "MEMCACHIER_USERNAME", "MEMCACHIER_PASSWORD"]
    const before = names.map((name) => process.env[name])
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const [i, name] of names.entries()) {
          if (before[i] === undefined) delete process.env[name]
          else process.env[name] = before[i]
        }
      })
    )
    const nowhere = yield* freePort
    for (const name of names) process.env[name] = `127.0.0.1:${nowhere}`
    const server = yield* memcached()
    const logins: Array<string> = []
    const proxy = yield* memcachedProxy(() => server.port)
    proxy.decide(({ opcode }) => {
      logins.push(opcode)
      return "pass"
    })
    const store = yield* storeAt(proxy.port)
    yield* acquire(store, "k", "a")
    assert.notInclude(logins, "saslList")
  }))

it.live("options that make no sense are refused", () =>
  Effect.gen(function*() {
    const cases: Array<[MemcacheBackend.Options, string]> = [
      [{ keyPrefix: "a b" }, "keyPrefix"],
      [{ keyPrefix: "p".repeat(101) }, "keyPrefix"],
      [{ connectTimeout: 0 }, "connectTimeout"],
      [{ requestTimeout: "Infinity" }, "requestTimeout"],
      [{ requestTimeout: Number.NaN }, "requestTimeout"],
      [{ servers: [] }, "servers"],
      [{ servers: ["a:b"] }, "servers"],
      [{ url: "http://a" }, "url"],
      [{ url: "memcache://a", servers: ["a"] }, "servers"]
    ]
    for (const [options, option] of cases) {
      const { reason } = yield* Effect.flip(MemcacheBackend.makeStore(options))
      assert.strictEqual(reason._tag === "InvalidOptions" && reason.option, option)
    }
  }))
