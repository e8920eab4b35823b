/** Calls as effects: nothing happens before they run, and whoever runs them owns what they make. */
import { assert, describe, it } from "@effect/vitest"
import { Config, Context, Effect, Exit, Fiber, Layer, Option, Scope, Tracer } from "effect"
import { InMemoryBackend, Lock, LockBackend, LockConfig, OpenBackend } from "effect-lock"
import { TestClock } from "effect/testing"
import { request } from "./parts.ts"
import { assertClean, flush, joined, makeProcess, outcome, type Process, scene } from "./support.ts"

describe("a call", () => {
  it.effect("does nothing before it runs, and anew whenever it does", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const { backend } = all
      const full = request({ expiresMillis: 1_000 })
      const use = backend.use(full, Effect.succeed("ran"), ({ fail }) => fail)
      const dropped = [backend.acquire(full, ({ fail }) => fail), backend.inspect("key"), backend.forceRelease("key")]
      assert.deepStrictEqual([dropped.length, yield* all.test.calls], [3, []])
      assert.deepStrictEqual([yield* use, yield* use], ["ran", "ran"])
      assert.strictEqual((yield* all.test.calls).length, 4)
      yield* assertClean(all, "key")
    }))

  const decorations: Record<string, (backend: Process["backend"]) => Process["backend"]> = {
    "delayed": (backend) => ({
      ...backend,
      use: (request, work, refused) => Effect.andThen(Effect.sleep(20), backend.use(request, work, refused)),
      acquire: (request, refused) => Effect.andThen(Effect.sleep(20), backend.acquire(request, refused))
    }),
    "made and dropped": (backend) => ({
      ...backend,
      use: (request, work, refused) => {
        const [, second] = [backend.use(request, work, refused), backend.use(request, work, refused)]
        return second
      }
    }),
    "retried": (backend) => ({
      ...backend,
      use: (request, work, refused) => Effect.retry(backend.use(request, work, refused), { times: 2 })
    })
  }
  for (const [name, decorate] of Object.entries(decorations)) {
    it.effect(`of a backend whose calls are ${name} can be interrupted at any time, and leaves nothing`, () =>
      Effect.gen(function*() {
        const all = yield* scene()
        const start = <A, E>(effect: Effect.Effect<A, E, LockBackend.LockBackend>) =>
          Effect.forkDetach(
            Effect.provideService(effect, LockBackend.LockBackend, decorate(all.backend)),
            { startImmediately: true }
          )
        for (const after of [0, 5, 20, 25]) {
          for (const call of [Lock.withLock(Effect.never, "key"), Effect.scoped(Lock.acquire("key"))]) {
            const fiber = yield* start(call)
            yield* TestClock.adjust(after)
            yield* Fiber.interrupt(fiber)
            yield* assertClean(all, "key")
          }
        }
        const fiber = yield* start(Lock.withLock(Effect.succeed("ran"), "key", { timeout: 0 }))
        yield* TestClock.adjust(20)
        assert.strictEqual(yield* joined(fiber), "ran")
      }))
  }

  it.effect("keeps none of the services of its runs, and each run has its own", () =>
    Effect.gen(function*() {
      const right = yield* LockConfig.make({ keyPrefix: "right:" })
      const wrong = yield* LockConfig.make({ keyPrefix: "wrong:" })
      const { backend } = yield* makeProcess(yield* InMemoryBackend.makeStore)
      const call = Lock.withLock((lease) => Effect.succeed(lease.key), "key")
      const withBackend = Context.add(
        Context.make(LockBackend.LockBackend, backend),
        LockConfig.LockConfig,
        right
      )
      // This run dies for want of a backend.
      const without = Context.make(LockConfig.LockConfig, wrong) as Context.Context<never>
      const run = (context: Context.Context<LockBackend.LockBackend>) =>
        Effect.promise(() => Effect.runPromiseExitWith(context)(call))
      assert.deepStrictEqual(yield* run(withBackend), Exit.succeed("right:key"))
      assert.isTrue(Exit.isFailure(yield* run(without as Context.Context<LockBackend.LockBackend>)))
      assert.deepStrictEqual(yield* run(withBackend), Exit.succeed("right:key"))
    }))

  it.effect("that many contexts share at once sees in each run its own", () =>
    Effect.gen(function*() {
      const call = Lock.withLock(
        (lease) => Effect.map(LockConfig.LockConfig, ({ keyPrefix }) => [keyPrefix, lease.key] as const),
        "key"
      )
      const worlds = yield* Effect.forEach(["a:", "b:", "c:"], (keyPrefix) =>
        Effect.gen(function*() {
          const { backend } = yield* makeProcess(yield* InMemoryBackend.makeStore)
          const config = yield* LockConfig.make({ keyPrefix })
          return Context.add(Context.make(LockBackend.LockBackend, backend), LockConfig.LockConfig, config)
        }))
      const runs = yield* Effect.promise(() =>
        Promise.all(Array.from({ length: 60 }, (_, i) =>
          Effect.runPromiseWith(worlds[i % 3])(Effect.andThen(Effect.yieldNow, call))))
      )
      for (const [prefix, key] of runs) {
        assert.strictEqual(key, `${prefix}key`)
      }
    }))
})

describe("work", () => {
  class Service extends Context.Service<Service, { readonly url: string }>()("test/Service") {}
  const Reference = Context.Reference<number>("test/Reference", { defaultValue: () => 7 })

  it.effect("that is a service key or a reference is an effect like any other", () =>
    Effect.gen(function*() {
      const { run } = yield* scene()
      const locked = <A>(effect: Effect.Effect<A, unknown, Service | LockBackend.LockBackend>) =>
        run(Effect.orDie(Effect.provideService(effect, Service, { url: "there" })))
      assert.deepStrictEqual(yield* locked(Lock.withLock(Service, "key")), { url: "there" })
      assert.deepStrictEqual(yield* locked(Service.pipe(Lock.once("key"))), Option.some({ url: "there" }))
      assert.strictEqual(yield* run(Lock.withLock(Reference, "key")), 7)
      assert.strictEqual(yield* run(Lock.withLock(Reference, "key", { reenter: true })), 7)
      const name = Config.String("NAME")
      const { backend } = yield* makeProcess(yield* InMemoryBackend.makeStore)
      const config = yield* Effect.exit(
        Effect.provideService(Lock.withLock(name, "key"), LockBackend.LockBackend, backend)
      )
      const bare = yield* Effect.exit(name)
      assert.deepStrictEqual(String(config), String(bare))
    }))

  it.effect("in an uninterruptible region that opens an interruptible one can be interrupted there", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      for (const work of [Effect.interruptible(Effect.never), () => Effect.interruptible(Effect.never)]) {
        const fiber = yield* all.start(Effect.uninterruptible(Lock.withLock(work, "key")))
        yield* flush
        assert.strictEqual(outcome(fiber), "Running")
        fiber.interruptUnsafe()
        yield* flush
        assert.strictEqual(outcome(fiber), "Interrupt")
        yield* assertClean(all, "key")
      }
    }))

  it.effect("in an uninterruptible region is told of a loss only where it is interruptible, and then is", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      let reached = false
      const work = Effect.andThen(
        Effect.sleep(100),
        Effect.andThen(Effect.sync(() => reached = true), Effect.interruptible(Effect.never))
      )
      const fiber = yield* all.start(Effect.uninterruptible(Lock.withLock(work, "key")))
      assert.isTrue(yield* all.run(Lock.forceRelease("key")))
      yield* TestClock.adjust(99)
      assert.strictEqual(outcome(fiber), "Running")
      yield* TestClock.adjust(1)
      yield* flush
      assert.isTrue(reached)
      assert.strictEqual(outcome(fiber), "LockLost")
      yield* assertClean(all, "key")
    }))

  it.effect("in an uninterruptible region is renewed, and told of a loss, though its caller was interrupted before", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      let reached = false
      const work = Effect.andThen(
        Effect.sleep("10 seconds"),
        Effect.andThen(Effect.sync(() => reached = true), Effect.interruptible(Effect.never))
      )
      yield* all.test.hold("key", { for: 100 })
      const fiber = yield* all.start(Effect.uninterruptible(Lock.withLock(work, "key", { expires: "3 seconds" })))
      fiber.interruptUnsafe()
      yield* TestClock.adjust("9 seconds")
      assert.isTrue(Option.isSome(yield* all.run(Lock.inspect("key"))))
      assert.isTrue(yield* all.run(Lock.forceRelease("key")))
      yield* TestClock.adjust("2 seconds")
      yield* flush
      assert.deepStrictEqual([reached, outcome(fiber)], [true, "LockLost"])
      yield* assertClean(all, "key")
    }))

  for (const kind of ["in memory", "over a store"] as const) {
    it.effect(`may nest a thousand locks, ${kind}`, () =>
      Effect.gen(function*() {
        const inner = yield* InMemoryBackend.makeStore
        const { engine, run } = yield* makeProcess(kind === "in memory" ? inner : { ...inner })
        const nest = (depth: number): Effect.Effect<number, unknown, LockBackend.LockBackend> =>
          depth === 0 ? Effect.succeed(0) : Effect.suspend(() => Effect.map(nest(depth - 1), (n) => n + 1)).pipe(
            Lock.withLock(`key-${depth}`)
          )
        assert.strictEqual(yield* run(Effect.orDie(nest(1_000))), 1_000)
        yield* assertClean({ engine, inner }, "key-1", "key-500", "key-1000")
      }))
  }
})

describe("a tracer that throws", () => {
  const throwing = (when: "a span begins" | "a span ends", name: string) =>
    Tracer.make({
      span: (options) => {
        const matches = options.name === name
        if (when === "a span begins" && matches) throw new Error("sampler")
        const span = new Tracer.NativeSpan(options)
        if (when === "a span ends" && matches) {
          span.end = () => {
            throw new Error("exporter")
          }
        }
        return span
      }
    })
  for (const when of ["a span begins", "a span ends"] as const) {
    for (const name of ["Lock.wait", "Lock.hold"]) {
      it.effect(`when ${when}, of ${name}, leaves no lock behind`, () =>
        Effect.gen(function*() {
          const all = yield* scene()
          const calls = [
            Lock.withLock(Effect.void, "key"),
            Lock.withLock(Effect.sleep(0), "key"),
            Effect.asVoid(Effect.scoped(Lock.acquire("key")))
          ]
          for (const call of calls) {
            yield* all.start(Effect.withTracer(call, throwing(when, name)))
            yield* flush
            assert.strictEqual(yield* all.run(Lock.withLock(Effect.succeed(1), "key", { timeout: 0 })), 1)
            yield* assertClean(all, "key")
          }
        }))
    }
  }
})

describe("a scope", () => {
  it.effect("that closes while its lease is waited for gives it back at once", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const scope = yield* Scope.make()
      yield* all.start(Lock.withLock(Effect.sleep(50), "key"))
      const fiber = yield* all.start(Effect.flatMap(
        Scope.provide(Lock.acquire("key"), scope),
        (lease) => Effect.flip(lease.extend())
      ))
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(50)
      yield* flush
      const { reason } = yield* joined(fiber)
      assert.strictEqual(reason._tag === "LockLost" ? reason.why : reason._tag, "Released")
      yield* assertClean(all, "key")
    }))
})

describe("how long a holder waited", () => {
  const waited = (lease: Lock.Lease) => Effect.succeed(lease.waited)

  it.effect("is zero where the key was free, however long the store took to say so", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.test.delay("tryAcquire", 300)
      const fiber = yield* all.start(Lock.withLock(waited, "key"))
      yield* TestClock.adjust(300)
      assert.strictEqual(String(yield* joined(fiber)), "0 millis")
      const direct = yield* makeProcess(all.inner)
      assert.strictEqual(String(yield* direct.run(Lock.withLock(waited, "other"))), "0 millis")
      const open = Effect.provide(Lock.withLock(waited, "key"), OpenBackend.layer)
      assert.strictEqual(String(yield* open), "0 millis")
    }))

  it.effect("is what it waited for another, of this process or of another one", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      for (const changed of [store, { ...store }]) {
        const [here, there] = [yield* makeProcess(changed), yield* makeProcess(changed)]
        yield* here.start(Lock.withLock(Effect.sleep(400), "key"))
        const fibers = [
          yield* here.start(Lock.withLock(waited, "key")),
          yield* there.start(Lock.withLock(waited, "key"))
        ]
        yield* TestClock.adjust(1_000)
        for (const fiber of fibers) assert.strictEqual(String(yield* joined(fiber)), "400 millis")
      }
    }))

  it.effect("is more than zero for one who had to wait, were it for no time at all", () =>
    Effect.gen(function*() {
      const { start } = yield* scene()
      const holder = yield* start(Lock.withLock(Effect.never, "key"))
      const fiber = yield* start(Lock.withLock((lease) => Effect.succeedSome(lease.waited), "key"))
      holder.interruptUnsafe()
      yield* flush
      const duration = Option.getOrThrow(yield* joined(fiber))
      assert.notStrictEqual(String(duration), "0 millis")
    }))
})

describe("the layer in memory", () => {
  it.effect("is the same locks for two calls that provide it, and for two runs", () =>
    Effect.gen(function*() {
      const events: Array<string> = []
      const work = (name: string) =>
        Effect.gen(function*() {
          events.push(`${name} in`)
          yield* Effect.sleep(200)
          events.push(`${name} out`)
        }).pipe(Lock.withLock("key"))
      const expected = ["a in", "a out", "b in", "b out"]
      const provided = (name: string) => Effect.provide(work(name), InMemoryBackend.layer)
      const both = yield* Effect.forkDetach(
        Effect.all([provided("a"), provided("b")], { concurrency: 2 }),
        { startImmediately: true }
      )
      yield* TestClock.adjust(1_000)
      yield* joined(both)
      assert.deepStrictEqual(events.splice(0), expected)
      const context = yield* Effect.context<never>()
      const runs = ["a", "b"].map((name) => Effect.runPromiseWith(context)(provided(name)))
      yield* TestClock.adjust(1_000)
      yield* Effect.promise(() => Promise.all(runs))
      assert.deepStrictEqual(events.splice(0), expected)
    }))

  it.effect("that is fresh is locks of its own for each who provides it, also of one layer twice", () =>
    Effect.gen(function*() {
      const other = Effect.provide(Lock.once(Effect.succeed(1), "key"), InMemoryBackend.layerFresh)
      const nested = Lock.withLock(other, "key").pipe(Effect.provide(InMemoryBackend.layerFresh))
      assert.deepStrictEqual(yield* nested, Option.some(1))
      const shared = Lock.withLock(Lock.once(Effect.succeed(1), "key"), "key")
      const merged = Layer.merge(InMemoryBackend.layerFresh, Layer.empty)
      assert.deepStrictEqual(yield* Effect.provide(shared, merged), Option.none())
    }))
})
