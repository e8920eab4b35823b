/** Locks through the whole library, on real servers. */
import { assert, it } from "@effect/vitest"
import { Config, ConfigProvider, Deferred, Effect, Exit, Fiber, Layer, Redacted } from "effect"
import type { Context, Scope } from "effect"
import { Client } from "memjs"
import { spawn } from "node:child_process"
import * as Lock from "../../src/Lock.ts"
import type { LockBackend } from "../../src/LockBackend.ts"
import type { LockError } from "../../src/LockError.ts"
import * as MemcacheBackend from "../../src/MemcacheBackend.ts"
import { logged } from "../engine/scenery.ts"
import { bundled } from "../support/bundled.ts"
import { memcached } from "../support/memcached.ts"
import { memcachedProxy } from "../support/memcachedProxy.ts"
import { kill } from "../support/server.ts"
import { acquire, eventually, holderOf, requestTimeout, storeAt, waitersAt } from "./support.ts"

/** A backend of its own, as another process would have. */
const backendAt = (
  port: number,
  options?: MemcacheBackend.StoreOptions
): Effect.Effect<Context.Context<LockBackend>, LockError, Scope.Scope> =>
  Layer.build(MemcacheBackend.layer({ servers: [`127.0.0.1:${port}`], ...options }))

const reasonOf = (error: LockError) => error.reason

/** A process of its own takes as long to start as the machine makes it. */
const startingProcesses = 120_000

it.live("every layer locks", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const url = `memcache://127.0.0.1:${server.port}`
    const client = Client.create(`127.0.0.1:${server.port}`)
    const config = ConfigProvider.layer(ConfigProvider.fromEnvRecord({ URL: url, PREFIX: "x:" }))
    const layers = [
      MemcacheBackend.layer({ servers: [`127.0.0.1:${server.port}`] }),
      MemcacheBackend.layer({ url }),
      MemcacheBackend.layer({ url: Redacted.make(url) }),
      MemcacheBackend.layerClient(client),
      Layer.provide(
        MemcacheBackend.layerConfig({ url: Config.Redacted("URL"), keyPrefix: Config.String("PREFIX") }),
        config
      )
    ]
    for (const layer of layers) {
      const holder = yield* Effect.provide(Lock.withLock(Lock.inspect("k"), "k"), layer)
      assert.strictEqual(holder._tag, "Some")
    }
    const missing = MemcacheBackend.layerConfig({ url: Config.Redacted("MISSING") })
    const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.provide(missing, config))))
    assert.strictEqual(error._tag, "ConfigError")
  }))

it.live("a free lock costs one round trip to take and one to give back", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const proxy = yield* memcachedProxy(() => server.port)
    const backend = yield* backendAt(proxy.port)
    for (const key of ["a", "a", "b"]) yield* Effect.provide(Lock.withLock(Effect.void, key), backend)
    assert.deepStrictEqual(proxy.requests, ["add", "delete", "add", "delete", "add", "delete"])
    assert.strictEqual(proxy.connections(), 1)
  }))

it.live("one at a time, over fibers and backends, with growing fencing tokens", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const backends = yield* Effect.all([backendAt(server.port), backendAt(server.port), backendAt(server.port)])
    let inside = 0
    const tokens: Array<number> = []
    yield* Effect.forEach(
      Array.from({ length: 60 }, (_, i) => i),
      (i) =>
        Lock.withLock((lease) =>
          Effect.gen(function*() {
            assert.strictEqual(++inside, 1)
            tokens.push(lease.fencingToken)
            yield* Effect.sleep(i % 3)
            inside--
          }), "k").pipe(Effect.provide(backends[i % 3])),
      { concurrency: "unbounded" }
    )
    assert.strictEqual(tokens.length, 60)
    assert.deepStrictEqual(tokens, [...new Set(tokens)].toSorted((a, b) => a - b))
  }))

it.live("a lock passes between the fibers of a process without the server", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const proxy = yield* memcachedProxy(() => server.port)
    const backend = yield* backendAt(proxy.port)
    const tokens: Array<number> = []
    yield* Effect.forEach(
      Array.from({ length: 8 }),
      () =>
        Lock.withLock((lease) => Effect.delay(Effect.sync(() => void tokens.push(lease.fencingToken)), 1), "k").pipe(
          Effect.provide(backend)
        ),
      { concurrency: "unbounded" }
    )
    assert.isBelow(proxy.requests.length, 16)
    assert.deepStrictEqual(tokens, [...new Set(tokens)].toSorted((a, b) => a - b))
  }))

it.live("work that takes longer than the lease keeps the lock", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const proxy = yield* memcachedProxy(() => server.port)
    const backend = yield* backendAt(proxy.port)
    const renewed = eventually(Effect.sync(() => proxy.requests.filter((name) => name === "replace").length >= 4))
    yield* Effect.provide(Lock.withLock(renewed, "k", { expires: "1 second" }), backend)
    assert.strictEqual(proxy.requests[0], "add")
    assert.strictEqual(proxy.requests.at(-1), "delete")
  }))

it.live("a lock that the server forgets is told by the next renewal", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const backend = yield* backendAt(server.port)
    for (const forget of [server.command("flush_all"), server.command("delete lock:k"), server.restart]) {
      let finalized = false
      const work = Effect.andThen(forget, Effect.never).pipe(
        Effect.ensuring(Effect.sync(() => {
          finalized = true
        }))
      )
      const error = yield* work.pipe(
        Lock.withLock("k", { expires: "1 second" }),
        Effect.provide(backend),
        Effect.flip
      )
      assert.strictEqual(reasonOf(error as LockError)._tag, "LockLost")
      assert.isTrue(finalized)
    }
  }))

it.live("a lock that another has got meanwhile is not released by its former holder", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const store = yield* storeAt(server.port)
    const backend = yield* backendAt(server.port)
    const exit = yield* server.command("flush_all").pipe(
      Effect.andThen(acquire(store, "k", "other")),
      Lock.withLock("k"),
      Effect.provide(backend),
      Effect.exit
    )
    assert.isTrue(Exit.isSuccess(exit))
    assert.strictEqual(yield* holderOf(store, "k"), "other")
  }))

it.live("a holder that is killed blocks others for its lease and a few seconds", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const backend = yield* backendAt(server.port)
    const holder = yield* run(server.port, "crash")
    yield* eventually(Effect.sync(() => holder.output().includes("held")))
    const busy = yield* Effect.provide(Lock.once(Effect.void, "k"), backend)
    assert.strictEqual(busy._tag, "None")
    yield* kill(holder.process)
    yield* Effect.provide(Lock.withLock(Effect.void, "k", { timeout: "1 minute" }), backend)
  }), startingProcesses)

it.live("a server that is down is a BackendFailure within the timeout, and no wait beyond", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    yield* server.stop
    const backend = yield* backendAt(server.port)
    for (const timeout of [0, 300]) {
      const error = yield* Effect.void.pipe(
        Lock.withLock("k", { timeout }),
        Effect.provide(backend),
        Effect.timeout("5 seconds"),
        Effect.flip
      )
      assert.strictEqual(error._tag, "LockError")
      const reason = reasonOf(error as LockError)
      assert.strictEqual(reason._tag === "BackendFailure" && reason.kind, "Unreachable")
    }
  }))

it.live("a server that comes back within the timeout is not noticed", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    yield* server.stop
    const backend = yield* backendAt(server.port)
    const fiber = yield* Effect.forkChild(Effect.provide(Lock.withLock(Effect.succeed(1), "k"), backend))
    yield* server.restart
    assert.strictEqual(yield* Fiber.join(fiber), 1)
  }))

it.live(
  "many locks are kept through a server that stands still, and it is told once",
  () =>
    logged((lines) =>
      Effect.gen(function*() {
        const server = yield* memcached()
        const backend = yield* backendAt(server.port, { requestTimeout: "1 second" })
        const count = 500
        let entered = 0
        const all = yield* Deferred.make<void>()
        const enter = Effect.suspend(() => ++entered === count ? Deferred.succeed(all, undefined) : Effect.void)
        const holders = yield* Effect.forEach(
          Array.from({ length: count }, (_, i) => `k${i}`),
          (key) =>
            Lock.withLock(Effect.andThen(enter, Effect.never), key, { expires: "15 seconds", timeout: "Infinity" })
              .pipe(
                Effect.provide(backend),
                Effect.forkChild
              )
        )
        yield* Deferred.await(all)
        const items = Effect.map(server.command("stats"), (stats) => /cmd_set (\d+)/.exec(stats)?.[1])
        process.kill(server.process().pid!, "SIGSTOP")
        yield* eventually(Effect.sync(() => lines.length === 1))
        process.kill(server.process().pid!, "SIGCONT")
        const [before] = [yield* items]
        yield* eventually(Effect.map(items, (after) => Number(after) >= Number(before) + count))
        for (const holder of holders) assert.isUndefined(holder.pollUnsafe())
        assert.match(lines[0], /^Warn: The memcached lock backend is in trouble/)
        assert.match(lines[1], /^Info: The memcached lock backend answers again/)
        assert.strictEqual(lines.length, 2)
        yield* Fiber.interruptAll(holders)
      }).pipe(Effect.scoped)
    )
)

it.live("lost replies to anything change neither the result nor who holds", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const proxy = yield* memcachedProxy(() => server.port)
    const backend = yield* backendAt(proxy.port, { requestTimeout })
    const store = yield* storeAt(server.port)
    for (const direction of ["request", "reply"] as const) {
      for (const opcode of ["add", "replace", "delete"]) {
        const key = `${direction}-${opcode}`
        const done = yield* Deferred.make<void>()
        const lost = yield* Effect.forkChild(
          Effect.andThen(proxy.next(direction, opcode, "lose", key).arrived, Deferred.succeed(done, undefined)),
          { startImmediately: true }
        )
        const work = opcode === "replace" ? Deferred.await(done) : Effect.void
        const result = yield* Effect.provide(
          Lock.withLock(Effect.as(work, key), key, { expires: "3 seconds" }),
          backend
        )
        assert.strictEqual(result, key)
        yield* Fiber.join(lost)
        yield* eventually(Effect.map(holderOf(store, key), (holder) => holder === undefined))
      }
    }
  }))

it.live("an attempt that is interrupted in flight leaves nothing behind", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const proxy = yield* memcachedProxy(() => server.port)
    const backend = yield* backendAt(proxy.port)
    const store = yield* storeAt(server.port)
    const held = proxy.next("reply", "add", "hold")
    const fiber = yield* Effect.forkChild(Effect.provide(Lock.withLock(Effect.never, "k"), backend))
    yield* held.arrived
    assert.isDefined(yield* holderOf(store, "k"))
    const interrupted = yield* Effect.forkChild(Fiber.interrupt(fiber))
    yield* proxy.letGo
    yield* Fiber.join(interrupted)
    yield* eventually(Effect.map(holderOf(store, "k"), (holder) => holder === undefined))
  }))

it.live("whoever is interrupted waits for no server that is silent", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const store = yield* storeAt(server.port)
    yield* acquire(store, "taken", "t", 3_600_000)
    const proxy = yield* memcachedProxy(() => server.port)
    // Whatever waits for a reply waits for as long as the test may take.
    const backend = yield* backendAt(proxy.port, { connectTimeout: "1 hour", requestTimeout: "1 hour" })
    const work = Lock.withLock(Effect.never, "k")
    const interrupted = Effect.fnUntraced(function*(
      until: Effect.Effect<unknown>,
      program: Effect.Effect<unknown, unknown, LockBackend>
    ) {
      const fiber = yield* Effect.forkChild(Effect.provide(program, backend), { startImmediately: true })
      yield* until
      yield* Fiber.interrupt(fiber)
      yield* proxy.letGo
    })
    const free = (key: string) => eventually(Effect.map(holderOf(store, key), (holder) => holder === undefined))

    // While it connects.
    yield* interrupted(proxy.next("reply", "stat", "hold").arrived, work)
    yield* free("k")
    // While it claims.
    yield* interrupted(proxy.next("reply", "add", "hold").arrived, work)
    yield* free("k")
    // While it waits for another: to join those who wait, and to look.
    for (const opcode of ["append", "get"]) {
      const arrived = proxy.next("reply", opcode, "hold", "taken").arrived
      yield* interrupted(arrived, Lock.withLock(Effect.never, "taken", { timeout: "Infinity" }))
      yield* eventually(Effect.map(waitersAt(store, "taken"), (waiters) => waiters === 0))
    }
    // While it gives back, by itself and as it is interrupted.
    yield* interrupted(proxy.next("reply", "delete", "hold").arrived, Lock.withLock(Effect.void, "k"))
    yield* free("k")
    const entered = yield* Deferred.make<void>()
    const held = proxy.next("request", "delete", "hold")
    yield* interrupted(
      Deferred.await(entered),
      Lock.withLock(Effect.andThen(Deferred.succeed(entered, undefined), Effect.never), "k")
    )
    yield* held.arrived
    yield* proxy.letGo
    yield* free("k")
  }))

it.live("a lease of 30 days is refused before anything is sent", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    const proxy = yield* memcachedProxy(() => server.port)
    const backend = yield* backendAt(proxy.port)
    const error = yield* Effect.void.pipe(
      Lock.withLock("k", { expires: "30 days" }),
      Effect.provide(backend),
      Effect.flip
    )
    assert.strictEqual(reasonOf(error)._tag, "InvalidOptions")
    assert.strictEqual(proxy.connections(), 0)
  }))

const fixture = bundled(new URL("./fixture.ts", import.meta.url))

/** Runs the fixture as a process, and collects what it says. */
const run = (port: number, way: string) =>
  Effect.acquireRelease(
    Effect.map(fixture, (fixture) => {
      const child = spawn(process.execPath, [fixture, `memcache://127.0.0.1:${port}`, way], {
        stdio: ["ignore", "pipe", "pipe"]
      })
      let output = ""
      child.stdout.on("data", (chunk) => (output += chunk))
      child.stderr.on("data", (chunk) => (output += chunk))
      const exited = new Promise<number | null>((resolve) => child.once("close", resolve))
      return { process: child, output: () => output, exited: Effect.promise(() => exited) }
    }),
    ({ process }) => kill(process)
  )

it.live("a process may exit when its layer has closed, and while its connection is idle", () =>
  Effect.gen(function*() {
    const server = yield* memcached()
    for (const way of ["close", "idle"]) {
      const child = yield* run(server.port, way)
      assert.strictEqual(yield* child.exited, 0)
      assert.strictEqual(child.output(), "done\n")
    }
  }), startingProcesses)
