/** Connections of ours are known to be alive, or replaced. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, Schedule } from "effect"
import { Lock } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import type { Redis } from "ioredis"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { Pulse } from "../../src/internal/redis/pulse.ts"
import { facts } from "../../src/internal/redis/report.ts"
import { bundled } from "../support/bundled.ts"
import { proxy } from "../support/proxy.ts"
import { punctual } from "../support/punctual.ts"
import { client, kill, redis, redisAt, until } from "../support/redis.ts"

it.live("a process may end when its layer has closed, though there was no server", () =>
  Effect.gen(function*() {
    const program = yield* bundled(new URL("./lingering.ts", import.meta.url))
    const { stdout } = yield* Effect.promise(() => promisify(execFile)(process.execPath, [program]))
    assert.strictEqual(stdout.slice(stdout.indexOf("Unreachable\n")), "Unreachable\n")
  }), 120_000)

const ids = (look: Redis) =>
  Effect.promise(async () =>
    Array.from(String(await look.client("LIST")).matchAll(/^id=(\d+) .*name=effect-lock/gm), ([, id]) => id)
  )

const block = (millis: number) =>
  Effect.sync(() => {
    const end = performance.now() + millis
    while (performance.now() < end);
  })

/** Lets timers, then I/O, then immediates come. */
const pause = (millis: number) => Effect.promise(() => new Promise((resolve) => setTimeout(resolve, millis)))

describe("a pulse", () => {
  const make = () => {
    let silences = 0
    return { pulse: new Pulse(() => silences++), silences: () => silences }
  }

  it.live("is missed when something is owed for too long, once", () =>
    Effect.gen(function*() {
      const { pulse, silences } = make()
      pulse.owe(20)
      yield* until(Effect.sync(() => silences() > 0))
      yield* pause(60)
      assert.strictEqual(silences(), 1)
    }))

  it.live("is not missed while idle, or after the end", () =>
    Effect.gen(function*() {
      const { pulse, silences } = make()
      yield* pause(30)
      pulse.owe(20)
      pulse.heard(false)
      yield* pause(60)
      pulse.owe(20)
      pulse.rest()
      yield* pause(60)
      assert.strictEqual(silences(), 0)
    }))

  it.live("is not missed by a loop that was late, if something had come meanwhile", () =>
    Effect.gen(function*() {
      const { pulse, silences } = make()
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* Effect.promise(() => look.ping())
      pulse.owe(50)
      void look.ping().then(() => pulse.heard(false))
      // More than enough for the server to answer in.
      yield* block(1000)
      yield* pause(100)
      assert.strictEqual(silences(), 0)
    }))

  it.live("with a shorter time is missed by that", () =>
    Effect.gen(function*() {
      const { pulse, silences } = make()
      pulse.owe(100_000)
      pulse.heard(false)
      pulse.owe(20)
      yield* until(Effect.sync(() => silences() === 1))
    }))
})

describe("a connection", () => {
  it.live(
    "whose handshake nobody answers is replaced, whether or not anybody wants a lock",
    () =>
      Effect.gen(function*() {
        const { port } = yield* redis()
        const between = yield* proxy(port)
        between.nowhere = true
        const store = yield* RedisBackend.makeStore({ host: "127.0.0.1", port: between.port })
        yield* until(Effect.sync(() => between.connections() === 1))
        between.nowhere = false
        // Nothing ends the first connection but us.
        const look = yield* client(port)
        yield* until(Effect.map(ids(look), (ids) => ids.length === 1))
        const attempt = store.tryAcquire({ key: "k", token: "p.1", expiresMillis: 5000, wait: false })
        assert.strictEqual((yield* Effect.retry(attempt, Schedule.spaced("10 millis")))._tag, "Acquired")
      })
  )

  it.live("is not dropped by a loop that was busy", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const store = yield* RedisBackend.makeStore({ host: "127.0.0.1", port })
      const take = (token: string) => store.tryAcquire({ key: token, token, expiresMillis: 50_000, wait: false })
      yield* take("p.1")
      yield* store.listen!("p.1", "q.1", () => {})
      yield* store.tryAcquire({ key: "p.1", token: "q.1", expiresMillis: 50_000, wait: true })
      const before = yield* ids(look)
      assert.lengthOf(before, 2)
      for (let i = 2; i < 5; i++) {
        const first = yield* Effect.forkChild(take(`p.${i}`), { startImmediately: true })
        yield* block(1500)
        const second = yield* Effect.forkChild(take(`q.${i}`), { startImmediately: true })
        assert.strictEqual((yield* Fiber.join(first))._tag, "Acquired")
        assert.strictEqual((yield* Fiber.join(second))._tag, "Acquired")
        yield* pause(100)
      }
      assert.deepStrictEqual(yield* ids(look), before)
    }).pipe(punctual(200)))

  it.live("that is silent while something is out is replaced without another call", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const between = yield* proxy(port)
      const store = yield* RedisBackend.makeStore({ host: "127.0.0.1", port: between.port })
      yield* store.inspect("k")
      between.halfOpen()
      const attempt = yield* store.tryAcquire({ key: "k", token: "p.1", expiresMillis: 5000, wait: false })
      assert.strictEqual(attempt._tag, "Acquired")
    }))
})

describe("an operator", () => {
  const listening = () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      lines.push(`${logLevel}: ${String(message)}`)
    })
    return { lines, layer: Logger.layer([logger]) }
  }

  it.live("is told once of a server that is gone, and once that it is back", () =>
    Effect.gen(function*() {
      const server = yield* redis()
      const { layer, lines } = listening()
      yield* Effect.gen(function*() {
        yield* Lock.withLock(Effect.void, "k")
        yield* kill(server.process)
        for (let i = 0; i < 3; i++) yield* Effect.exit(Lock.withLock(Effect.void, "k", { timeout: 0 }))
        yield* redisAt(server.port)
        yield* Lock.withLock(Effect.void, "k", { timeout: "2 minutes" })
        yield* until(Effect.sync(() => lines.some((line) => line.includes("again"))))
      }).pipe(Effect.provide(RedisBackend.layer({ host: "127.0.0.1", port: server.port })), Effect.provide(layer))
      const trouble = lines.filter((line) => !line.startsWith("Debug"))
      assert.lengthOf(trouble, 2, lines.join("\n"))
      assert.match(trouble[0], /^Warn: The redis lock backend is in trouble: .*(ECONN|closed)/)
      assert.match(trouble[1], /^Info: The redis lock backend answers again, after [\d.]+ seconds$/)
    }).pipe(punctual(200)))

  it.live("is told once that waiters poll, and why, and that they do not any more", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* Effect.promise(() => look.set("lock:{k}", "somebody", "PX", 600_000))
      const between = yield* proxy(port)
      between.delaySubscriptions = 2000
      const { layer, lines } = listening()
      yield* Effect.gen(function*() {
        yield* Effect.forkChild(Lock.withLock(Effect.void, "k", { timeout: "Infinity" }))
        yield* until(Effect.sync(() => lines.some((line) => line.includes("told again"))))
      }).pipe(Effect.provide(RedisBackend.layer({ host: "127.0.0.1", port: between.port })), Effect.provide(layer))
      const told = lines.filter((line) => line.includes("Those who wait"))
      assert.lengthOf(told, 2, lines.join("\n"))
      assert.match(told[0], /^Warn: .* poll, because .*: the subscription is not answered$/)
    }).pipe(punctual(200)))

  it.live("is told once of a server that is a replica, and once that it is one no more", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const { layer, lines } = listening()
      const connections = Effect.map(
        Effect.promise(() => look.info("stats")),
        (stats) => Number(/total_connections_received:(\d+)/.exec(stats)?.[1])
      )
      yield* Effect.gen(function*() {
        yield* Lock.withLock(Effect.void, "k")
        yield* Effect.promise(() => look.replicaof("127.0.0.1", 1))
        const waiter = yield* Effect.forkChild(Lock.withLock(Effect.void, "k"))
        // It is connected to anew whenever it refuses.
        yield* until(Effect.map(connections, (count) => count > 6))
        yield* Effect.promise(() => look.replicaof("NO", "ONE"))
        yield* Fiber.join(waiter)
      }).pipe(Effect.provide(RedisBackend.layer({ host: "127.0.0.1", port })), Effect.provide(layer))
      const told = lines.filter((line) => /in trouble|answers again/.test(line))
      assert.lengthOf(told, 2, lines.join("\n"))
    }))

  it("is told which server it is", () => {
    assert.strictEqual(
      facts(
        "redis_version:7.0.15\r\nrole:master\r\nconnected_slaves:2\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n"
      )
        .description,
      "Redis 7.0.15, a primary with 2 replicas, maxmemory-policy allkeys-lru"
    )
    assert.isUndefined(facts("maxmemory:0\nmaxmemory_policy:allkeys-lru").evicts)
    assert.strictEqual(facts("maxmemory:1\nmaxmemory_policy:allkeys-lru").evicts, "allkeys-lru")
    assert.include(
      facts("redis_version:7.2.4\nvalkey_version:8.1.0\nrole:slave").description,
      "Valkey 8.1.0, a replica"
    )
    assert.include(facts("").description, "unknown version")
  })

  it.live("is warned of eviction where CONFIG is not allowed", () =>
    Effect.gen(function*() {
      const args = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--rename-command", "CONFIG", ""]
      const { port } = yield* redis(...args)
      const { layer, lines } = listening()
      yield* Effect.gen(function*() {
        yield* Lock.withLock(Effect.void, "k")
        yield* until(Effect.sync(() => lines.some((line) => line.includes("allkeys-lru"))))
      }).pipe(Effect.provide(RedisBackend.layer({ host: "127.0.0.1", port })), Effect.provide(layer))
      assert.lengthOf(lines.filter((line) => line.startsWith("Warn")), 1)
    }))
})
