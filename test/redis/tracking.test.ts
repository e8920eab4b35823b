/** What those hear who only look at a lock, through breaks and refusals of the connections that tell them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { LockStore } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import { punctual } from "../support/punctual.ts"
import { client, redis } from "../support/redis.ts"

const within = <A, E>(what: string, check: Effect.Effect<A, E>, is: (value: A) => boolean) =>
  Effect.gen(function*() {
    for (let i = 0; i < 3_000; i++) {
      if (is(yield* check)) return
      yield* Effect.sleep("10 millis")
    }
    return assert.fail(`not seen: ${what}`)
  })

/** A server that nobody else uses, and a store that is connected to it. */
const watching = Effect.gen(function*() {
  const { port } = yield* redis()
  const look = yield* client(port)
  const store: LockStore.LockStore = yield* RedisBackend.makeStore({ host: "127.0.0.1", port })
  yield* store.inspect("key")
  const told: Array<number> = []
  const watch = (key: string) => store.watch!(key, () => told.push(performance.now()))
  const clients = Effect.map(
    Effect.promise(() => look.client("LIST")),
    (list) => String(list).trim().split("\n")
  )
  return { look, told, watch, clients, store }
})

const claim = (token: string) => ({ key: "key", token, expiresMillis: 60_000, wait: false })

/** The ids of the connections that read for those who watch, or are told. */
const idsOf = (lines: ReadonlyArray<string>, what: RegExp) =>
  lines.filter((line) => what.test(line)).map((line) => /\bid=(\d+)/.exec(line)![1])

const reading = /\bflags=\S*t/
const hearing = /\bsub=1\b.*\bredir=-1|\bflags=P\b/

describe("those who watch a lock", () => {
  const each: ReadonlyArray<readonly [string, RegExp]> = [["that reads", reading], ["that is told", hearing]]
  for (const [which, pattern] of each) {
    it.live(`are told again after the connection ${which} was cut`, () =>
      Effect.gen(function*() {
        const { clients, look, store, told, watch } = yield* watching
        yield* watch("key")
        yield* within("the first news", Effect.sync(() => told.length), (n) => n > 0)
        const ids = idsOf(yield* clients, pattern)
        assert.isAbove(ids.length, 0)
        told.length = 0
        for (const id of ids) yield* Effect.promise(() => look.client("KILL", "ID", id))
        // What was missed meanwhile may be anything.
        yield* within("that it is to look", Effect.sync(() => told.length), (n) => n > 0)
        yield* within("a new pair", clients, (lines) => idsOf(lines, reading).length > 0)
        yield* Effect.sleep("100 millis")
        told.length = 0
        yield* store.tryAcquire(claim("a.1"))
        yield* within("news", Effect.sync(() => told.length), (n) => n > 0)
      }).pipe(Effect.scoped))
  }

  it.live("share a pair of connections, which end with the last of them", () =>
    Effect.gen(function*() {
      const { clients, store, told, watch } = yield* watching
      const before = (yield* clients).length
      yield* Effect.scoped(Effect.gen(function*() {
        for (let i = 0; i < 20; i++) yield* watch(`key-${i % 5}`)
        yield* watch("key")
        yield* within("a pair", Effect.map(clients, (lines) => lines.length - before), (n) => n >= 2)
        yield* within("that all are to look", Effect.sync(() => told.length), (n) => n >= 21)
        assert.isAtMost((yield* clients).length - before, 2)
      }))
      yield* within("an end to the pair", Effect.map(clients, (lines) => lines.length), (n) => n <= before)
      told.length = 0
      yield* store.tryAcquire(claim("a.1"))
      yield* Effect.sleep("100 millis")
      assert.strictEqual(told.length, 0)
    }).pipe(Effect.scoped))

  it.live("are told of a lease that ends, and when the server forgets everything", () =>
    Effect.gen(function*() {
      const { look, store, told, watch } = yield* watching
      yield* watch("key")
      yield* within("the first news", Effect.sync(() => told.length), (n) => n > 0)
      yield* store.tryAcquire({ ...claim("a.1"), expiresMillis: 4_000 })
      yield* Effect.sleep("100 millis")
      told.length = 0
      yield* within("the end of the lease", Effect.sync(() => told.length), (n) => n > 0)
      yield* store.tryAcquire(claim("a.2"))
      yield* Effect.sleep("100 millis")
      told.length = 0
      yield* Effect.promise(() => look.flushall())
      yield* within("the flush", Effect.sync(() => told.length), (n) => n > 0)
    }).pipe(punctual(500)))

  it.live("do without where the server's rules forbid it", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const rules = ["on", ">p", "~*", "&*", "+@all", "-client|tracking"]
      yield* Effect.promise(() => look.call("acl", "setuser", "blind", ...rules))
      const store = yield* RedisBackend.makeStore({
        host: "127.0.0.1",
        port,
        username: "blind",
        password: Redacted.make("p")
      })
      let told = 0
      yield* store.watch!("key", () => told++)
      yield* Effect.sleep("300 millis")
      assert.strictEqual(told, 0)
      assert.strictEqual((yield* store.tryAcquire(claim("a.1")))._tag, "Acquired")
      assert.isTrue(yield* store.release("key", "a.1"))
    }).pipe(Effect.scoped))
})
