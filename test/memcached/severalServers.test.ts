/**
 * Locks on several servers, of which the connection to one is cut in the middle of what is sent for many
 * keys at once: what the one has executed and the other has not is all taken, kept or given back in the end.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Option } from "effect"
import { pin } from "../../src/internal/memcached/pin.ts"
import * as Lock from "../../src/Lock.ts"
import * as MemcacheBackend from "../../src/MemcacheBackend.ts"
import { backendNews } from "../support/backendNews.ts"
import { memcached } from "../support/memcached.ts"
import { type Fate, memcachedProxy, type Message, type Proxy } from "../support/memcachedProxy.ts"
import { eventually } from "./support.ts"

/** Two servers, a proxy in front of each, and three keys on each. */
const world = Effect.gen(function*() {
  const servers = yield* Effect.all([memcached(), memcached()])
  const proxies = yield* Effect.forEach(servers, ({ port }) => memcachedProxy(() => port))
  const names = proxies.map(({ port }) => `127.0.0.1:${port}`)
  const keysOn = (name: string) =>
    Array.from({ length: 1_000 }, (_, i) => `key-${i}`)
      .filter((key) => pin(names.map((name) => ({ name })), `lock:${key}`).name === name)
      .slice(0, 3)
  const steady = keysOn(names[0])
  const cut = keysOn(names[1])
  const aProcess = Layer.build(Layer.fresh(
    MemcacheBackend.layer({ servers: names, requestTimeout: "10 seconds", connectTimeout: "10 seconds" })
  ))
  /** What the servers say who has them. */
  const items = Effect.map(
    Effect.forEach([...steady, ...cut], (key, i) => servers[i < 3 ? 0 : 1].command(`get lock:${key}`)),
    (texts) => texts.map((text) => /\r\n2 \d+ ([\w.-]+)/.exec(text)?.[1])
  )
  return {
    locks: yield* aProcess,
    other: yield* aProcess,
    keys: [...steady, ...cut],
    items,
    proxy: proxies[1],
    servers
  }
})

/** The second message of the kind suffers that, and says so; the others pass. */
const second = (proxy: Proxy, direction: Message["direction"], opcode: string, fate: Fate) => {
  const suffered = Deferred.makeUnsafe<void>()
  let count = 0
  proxy.decide((message) => {
    if (message.direction !== direction || message.opcode !== opcode || ++count !== 2) return "pass"
    Deferred.doneUnsafe(suffered, Effect.void)
    return fate
  })
  return Deferred.await(suffered)
}

const cuts: ReadonlyArray<readonly [Message["direction"], Fate]> = [
  ["request", "half"],
  ["request", "reset"],
  ["reply", "half"],
  ["reply", "reset"],
  ["reply", "end"],
  ["reply", "garbage"]
]

const isFree = (tokens: ReadonlyArray<string | undefined>) => tokens.every((token) => token === undefined)

describe("a connection to one of several servers that is cut", () => {
  for (const [direction, fate] of cuts) {
    const how = `${direction}, ${fate}`

    it.live(`while keys are taken together: all of them are held, and go back (${how})`, () =>
      Effect.gen(function*() {
        const { items, keys, locks, proxy } = yield* world
        const suffered = second(proxy, direction, "add", fate)
        const work = Effect.andThen(suffered, items)
        const [leases, tokens] = yield* Lock.withLocks(
          (leases) => Effect.map(work, (tokens) => [leases, tokens] as const),
          keys,
          { timeout: "2 minutes", expires: "2 minutes" }
        ).pipe(Effect.provide(locks))
        // Each by the token that is there, and nothing is left of what was sent before the cut.
        assert.notInclude(tokens, undefined)
        assert.strictEqual(new Set(tokens).size, keys.length)
        assert.deepStrictEqual(leases.map(({ key }) => key), keys)
        yield* eventually(Effect.map(items, isFree))
      }))

    it.live(`while leases are extended together: none is lost, and nobody else gets one (${how})`, () =>
      Effect.gen(function*() {
        const { items, keys, locks, other, proxy } = yield* world
        const renewed = yield* Lock.withLocks(
          (leases) =>
            Effect.gen(function*() {
              const before = yield* items
              const suffered = second(proxy, direction, "replace", fate)
              const all = Effect.forEach(leases, (lease) => Effect.exit(lease.extend("4 minutes")), {
                concurrency: "unbounded"
              })
              const first = yield* all
              yield* suffered
              // Those of the other server have not noticed.
              assert.isTrue(first.slice(0, 3).every(Exit.isSuccess))
              assert.isTrue(first.slice(3).some(Exit.isFailure))
              assert.deepStrictEqual(yield* items, before)
              const had = yield* Effect.provide(Effect.forEach(keys, (key) => Lock.once(Effect.void, key)), other)
              assert.isTrue(had.every(Option.isNone))
              assert.isTrue((yield* all).every(Exit.isSuccess))
              assert.deepStrictEqual(yield* items, before)
              return leases.length
            }),
          keys,
          { timeout: "2 minutes", expires: "2 minutes" }
        ).pipe(Effect.provide(locks))
        assert.strictEqual(renewed, keys.length)
        yield* eventually(Effect.map(items, isFree))
      }))

    it.live(`while keys are given back together: all are free, also for the next (${how})`, () =>
      Effect.gen(function*() {
        const { items, keys, locks, proxy } = yield* world
        const options = { timeout: "2 minutes", expires: "2 minutes" } as const
        let suffered: Effect.Effect<void> = Effect.void
        const begin = Effect.sync(() => void (suffered = second(proxy, direction, "delete", fate)))
        yield* Effect.provide(Lock.withLocks(begin, keys, options), locks)
        yield* suffered
        // What is still to be released is not what the next one has.
        const tokens = yield* Effect.provide(Lock.withLocks(items, keys, options), locks)
        assert.notInclude(tokens, undefined)
        yield* eventually(Effect.map(items, isFree))
      }))
  }
})

it.live("several servers, of which one forgets: the loss of its leases ends the work, and frees the keys of the other", () =>
  Effect.gen(function*() {
    const { items, keys, locks, servers } = yield* world
    const inside = yield* Deferred.make<void>()
    const work = yield* Effect.forkChild(
      Lock.withLocks(Effect.andThen(Deferred.succeed(inside, undefined), Effect.never), keys, {
        timeout: "2 minutes",
        expires: "12 seconds"
      }).pipe(Effect.provide(locks), Effect.flip)
    )
    yield* Deferred.await(inside)
    yield* servers[1].restart
    const { reason } = yield* Fiber.join(work)
    assert.strictEqual(reason._tag, "LockLost")
    yield* eventually(Effect.map(items, isFree))
    const tokens = yield* Effect.provide(Lock.withLocks(items, keys, { timeout: "2 minutes" }), locks)
    assert.notInclude(tokens, undefined)
  }))

it.live("several servers, of which one is down: that is told once, although the other answers, until it is back", () =>
  Effect.gen(function*() {
    const { keys: [steady, , , cut], locks, servers } = yield* world
    const told = yield* backendNews(locks)
    const attempt = (key: string) => Effect.exit(Effect.provide(Lock.once(Effect.void, key), locks))
    yield* servers[1].stop
    for (let i = 0; i < 3; i++) {
      assert.isTrue(Exit.isFailure(yield* attempt(cut)))
      assert.isTrue(Exit.isSuccess(yield* attempt(steady)))
    }
    assert.deepStrictEqual(told, ["BackendDown"])
    yield* servers[1].restart
    yield* eventually(Effect.map(attempt(cut), Exit.isSuccess))
    yield* eventually(Effect.sync(() => told.length === 2))
    assert.deepStrictEqual(told, ["BackendDown", "BackendUp"])
  }))
