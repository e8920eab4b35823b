import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, type Context, Effect, Exit, Fiber, Layer, Option, type Scope } from "effect"
import { Lock, type LockBackend } from "effect-lock"
import type { LockError } from "effect-lock/LockError"
import * as RedisBackend from "effect-lock/RedisBackend"
import { Redis as RedisService } from "effect/persistence"
import { Cluster, type Redis } from "ioredis"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { bundled } from "../support/bundled.ts"
import { proxy } from "../support/proxy.ts"
import { punctual } from "../support/punctual.ts"
import { client, closing, cluster, commandCounts, kill, redis, redisAt, scriptCount, until } from "../support/redis.ts"
import { service } from "../support/redisStores.ts"
import type { Section } from "./worker.ts"

/** A backend in a scope, as a process of its own would have it. */
const backend = (
  port: number,
  options?: RedisBackend.Options
): Effect.Effect<Context.Context<LockBackend.LockBackend>, LockError, Scope.Scope> =>
  Layer.build(Layer.fresh(RedisBackend.layer({ host: "127.0.0.1", port, ...options })))

const reasonOf = (exit: Exit.Exit<unknown, LockError>): string => {
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  if (error === undefined) return exit._tag
  const { reason } = error
  if (reason._tag === "BackendFailure") return `BackendFailure ${reason.kind}`
  return reason._tag === "LockLost" ? `LockLost ${reason.why}` : reason._tag
}

/** Nothing is left of anything but the connections of living layers. */
const clean = (look: Redis) =>
  until(
    Effect.promise(async () =>
      (await look.keys("*")).length === 0 && (await look.pubsub("CHANNELS") as Array<string>).length === 0
    )
  )

const connections = (look: Redis) =>
  Effect.promise(async () => (String(await look.client("LIST")).match(/name=effect-lock/g) ?? []).length)

describe("what goes over the wire", () => {
  it.live("two commands for a lock that nobody else wants", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const context = yield* backend(port)
      const cycle = Effect.provide(Lock.withLock(Effect.void, "k"), context)
      yield* cycle
      yield* commandCounts(look)
      yield* Effect.repeat(cycle, { times: 9 })
      const { evalsha, "config|resetstat": _, info: __, ...inside } = yield* commandCounts(look)
      assert.strictEqual(evalsha, 20)
      // the rest is what the scripts do
      assert.hasAllKeys(inside, ["set", "del", "get", "exists", "time"])
      yield* clean(look)
    }))

  it.live("nothing while waiting, on two connections, and nothing stays after the last release", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const [one, other] = [yield* backend(port), yield* backend(port)]
      const taken = yield* Effect.forEach(
        Array.from({ length: 32 }, (_, i) => `k${i}`),
        (key) =>
          Effect.map(Effect.provide(Lock.acquire(key, { expires: "60 seconds" }), one), (lease) => ({ key, lease })),
        { concurrency: "unbounded" }
      )
      const waiters = yield* Effect.forEach(
        taken,
        ({ key }) =>
          Effect.forEach([1, 2, 3, 4], () => Effect.forkChild(Effect.provide(Lock.withLock(Effect.void, key), other)))
      )
      yield* until(Effect.promise(async () => (await look.keys("*:q")).length === taken.length))
      yield* commandCounts(look)
      yield* Effect.sleep("300 millis")
      assert.strictEqual(scriptCount(yield* commandCounts(look)), 0)
      assert.strictEqual(yield* connections(look), 3)
      yield* Effect.forEach(taken, ({ lease }) => lease.release, { concurrency: "unbounded" })
      yield* Fiber.joinAll(waiters.flat())
      yield* clean(look)
      assert.strictEqual(yield* connections(look), 2)
    }).pipe(punctual(50)))

  it.live("a process that takes turns with another pays one command a turn", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const contexts = [yield* backend(port), yield* backend(port)]
      const turns: Array<number> = []
      const run = Effect.forEach(
        contexts,
        (context, process) =>
          Effect.forEach(Array.from({ length: 10 }), () =>
            Lock.withLock(Effect.sync(() => turns.push(process)).pipe(Effect.delay("12 millis")), "k"), {
            concurrency: "unbounded"
          }).pipe(Effect.provide(context)),
        { concurrency: "unbounded" }
      )
      yield* commandCounts(look)
      yield* run
      const commands = scriptCount(yield* commandCounts(look))
      const changes = turns.filter((process, i) =>
        i > 0 && process !== turns[i - 1]
      ).length
      assert.lengthOf(turns, 20)
      assert.isAtLeast(changes, 15, turns.join(""))
      assert.isAtMost(commands, 20 + 8)
      yield* clean(look)
    }).pipe(punctual(50)))
})

const script = bundled(new URL("worker.ts", import.meta.url))

describe("processes", () => {
  const worker = (port: number, key: string, fibers: number, millis: number, expires: string) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.map(script, (script) =>
          spawn(process.execPath, [script, String(port), key, String(fibers), String(millis), expires], {
            stdio: ["pipe", "pipe", "inherit"]
          })),
        (child) =>
          kill(child)
      ),
      (child) => {
        const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
        return {
          child,
          line: Effect.promise(async () =>
            String((await lines.next()).value)
          ),
          say: (word: string) => Effect.sync(() => void child.stdin.write(`${word}\n`)),
          exit: until(Effect.sync(() => child.exitCode !== null))
        }
      }
    )

  it.live("two with 32 fibers each share one lock fairly, never at the same time", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const each = worker(port, "k", 32, 1, "1 minute")
      const workers = [yield* each, yield* each]
      for (const { line } of workers) assert.strictEqual(yield* line, "ready")
      for (const { say } of workers) yield* say("go")
      yield* Effect.sleep("3 seconds")
      for (const { say } of workers) yield* say("stop")
      const results = yield* Effect.forEach(workers, ({ line }) =>
        Effect.map(line, (line) => JSON.parse(line) as Array<Section>), { concurrency: "unbounded" })
      for (const { exit } of workers) {
        yield* exit
      }
      const sections = results.flat().toSorted((a, b) =>
        a.from - b.from
      )
      for (let i = 1; i < sections.length; i++) {
        assert.isAtLeast(sections[i].from, sections[i - 1].to, "sections overlap")
        assert.isAbove(sections[i].fence, sections[i - 1].fence, "fencing tokens fall")
      }
      // While both were at it: on a busy machine one begins before the other.
      const begin = Math.max(...results.map(([first]) => first.from))
      const end = Math.min(...results.map((sections) => sections.at(-1)!.from))
      const together = results.map((sections) => sections.filter(({ from }) => begin <= from && from <= end))
      const shares = together.flatMap((sections) =>
        Array.from({ length: 32 }, (_, fiber) => sections.filter((section) => section.fiber === fiber).length)
      )
      const sum = shares.reduce((a, b) => a + b, 0)
      const jain = sum ** 2 / (shares.length * shares.reduce((a, b) => a + b * b, 0))
      // Where the two hardly ran beside each other there was nothing to share.
      if (sum >= 10 * shares.length) {
        assert.isAbove(Math.min(...shares), 0, "somebody starves")
        assert.isAtLeast(jain, 0.95, shares.join(" "))
      }
      yield* clean(look)
    }))

  it.live(
    "one that is killed while it holds or waits blocks nobody for longer than its lease",
    () =>
      Effect.gen(function*() {
        const { port } = yield* redis()
        const look = yield* client(port)
        const doomed = yield* worker(port, "k", 4, 60_000, "3 seconds")
        yield* doomed.line
        yield* doomed.say("go")
        yield* until(Effect.promise(async () => (await look.exists("lock:{k}")) === 1))
        const context = yield* backend(port)
        const next = yield* Effect.forkChild(Effect.provide(Lock.withLock(Effect.succeed("mine"), "k"), context))
        // Or has it already, from one that was too late to renew.
        yield* until(
          Effect.promise(async () => next.pollUnsafe() !== undefined || (await look.exists("lock:{k}:q")) === 1)
        )
        yield* kill(doomed.child)
        assert.strictEqual(yield* Fiber.join(next), "mine")
        yield* clean(look)
      })
  )
})

describe("a server that goes away", () => {
  it.live("fails locks within their timeout, and serves again when it is back", () =>
    Effect.gen(function*() {
      const server = yield* redis()
      const context = yield* backend(server.port)
      const attempt = (timeout: number) =>
        Effect.exit(Effect.provide(Lock.withLock(Effect.succeed(1), "k", { timeout }), context))
      yield* until(Effect.map(attempt(0), (exit) => reasonOf(exit) === "Success"))
      yield* kill(server.process)
      for (const timeout of [0, 0, 300]) {
        assert.strictEqual(reasonOf(yield* attempt(timeout)), "BackendFailure Unreachable")
      }
      const waiting = yield* Effect.forkChild(attempt(120_000))
      yield* redisAt(server.port)
      assert.strictEqual(reasonOf(yield* Fiber.join(waiting)), "Success")
    }).pipe(punctual(100)))

  it.live("and silent, fails them too", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const between = yield* proxy(port)
      const context = yield* backend(between.port)
      const attempt = (timeout: number) =>
        Effect.exit(Effect.provide(Lock.withLock(Effect.void, "k", { timeout }), context))
      assert.strictEqual(reasonOf(yield* attempt(120_000)), "Success")
      between.dropReplies = true
      assert.strictEqual(reasonOf(yield* attempt(200)), "BackendFailure NoReply")
      const look = yield* client(port)
      between.cut()
      between.dropReplies = false
      yield* clean(look)
    }).pipe(punctual(100)))

  it.live("interrupts the holder at its own deadline", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const between = yield* proxy(port)
      const context = yield* backend(between.port)
      const exists = Effect.promise(() => look.exists("lock:{k}"))
      let atTheEnd: number | undefined
      const work = Effect.onInterrupt(Effect.never, () =>
        Effect.tap(exists, (exists) => Effect.sync(() => atTheEnd = exists)))
      const held = yield* Effect.forkChild(
        Effect.exit(Effect.provide(Lock.withLock(work, "k", { expires: "5 seconds" }), context))
      )
      yield* until(Effect.map(exists, (exists) =>
        exists === 1))
      between.dropRequests = true
      assert.strictEqual(reasonOf(yield* Fiber.join(held)), "LockLost Expired")
      assert.strictEqual(atTheEnd, 1, "our deadline comes before the server's")
    }).pipe(punctual(20)))

  for (
    const [how, lose] of [
      ["a flush", (look: Redis) => look.flushall()],
      ["a deletion", (look: Redis) => look.del("lock:{k}")],
      ["a theft", (look: Redis) => look.set("lock:{k}", "somebody")],
      ["something else at the key", (look: Redis) => look.multi().del("lock:{k}").lpush("lock:{k}", "x").exec()]
    ] as const
  ) {
    it.live(`${how} is told by the next renewal`, () =>
      Effect.gen(function*() {
        const { port } = yield* redis()
        const look = yield* client(port)
        const context = yield* backend(port)
        const held = yield* Effect.forkChild(
          Effect.exit(Effect.provide(Lock.withLock(Effect.never, "k", { expires: "900 millis" }), context))
        )
        yield* until(Effect.promise(async () => (await look.exists("lock:{k}")) === 1))
        yield* Effect.promise<unknown>(() => lose(look))
        assert.strictEqual(reasonOf(yield* Fiber.join(held)), "LockLost Taken")
      }).pipe(punctual(100)))
  }
})

describe("layers", () => {
  const check = (layer: Layer.Layer<LockBackend.LockBackend, unknown>) =>
    Effect.gen(function*() {
      const lease = yield* Lock.acquire("k", { expires: "20 seconds" })
      const holder = Option.getOrThrow(yield* Lock.inspect("k"))
      assert.include(holder.owner, `-${process.pid}`)
      assert.strictEqual(
        reasonOf(yield* Effect.exit(Lock.withLock(Effect.void, "k", { timeout: 0 }))),
        "LockTimeout"
      )
      const next = yield* Effect.forkChild(Lock.withLock(({ fencingToken }) => Effect.succeed(fencingToken), "k"))
      yield* Effect.sleep("20 millis")
      assert.isTrue(yield* Lock.forceRelease("k"))
      assert.isAbove(yield* Fiber.join(next), lease.fencingToken)
      assert.isFalse(yield* Lock.forceRelease("k"))
    }).pipe(Effect.scoped, Effect.provide(layer))

  it.live("from options, a URL, and Config", () =>
    Effect.gen(function*() {
      const { port } = yield* redis("--requirepass", "p@ss")
      const url = `redis://:p%40ss@127.0.0.1:${port}/3`
      yield* check(RedisBackend.layer({ url }))
      yield* check(RedisBackend.layerConfig({ url: Config.Redacted("REDIS_URL") })).pipe(
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord({ REDIS_URL: url }))
      )
    }))

  it.live("from a client, a cluster, and Effect's Redis service", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const own = yield* client(port)
      yield* check(RedisBackend.layerClient(own))
      assert.strictEqual(yield* Effect.promise(() => own.ping()), "PONG")
      const redisService = Layer.effect(RedisService.Redis, service(port))
      yield* check(Layer.provide(RedisBackend.layerRedis(), redisService))
      const nodes = yield* cluster
      const clustered = yield* closing(() => new Cluster(nodes.map(({ port }) => ({ host: "127.0.0.1", port }))))
      yield* check(RedisBackend.layerClient(clustered))
    }))

  it.live("let the process end", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const child = spawn(process.execPath, [yield* script, String(port), "k", "2", "1", "1 minute"], {
        stdio: ["pipe", "ignore", "inherit"]
      })
      child.stdin.end("go\nstop\n")
      const [code] = yield* Effect.promise(() => once(child, "exit"))
      assert.strictEqual(code, 0)
    }).pipe(punctual(500)))
})
