/** One leader among processes: engines over one store, under `TestClock`. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Context, Deferred, Effect, Exit, Fiber, Layer, Option, Schedule, Stream } from "effect"
import { InMemoryBackend, Leader, Lock, LockBackend, type LockError } from "effect-lock"
import { TestBackend } from "effect-lock/testing"
import { TestClock } from "effect/testing"
import { logged } from "./engine/scenery.ts"
import { assertClean, ending, flush, forms, makeProcess, now, outcome } from "./engine/support.ts"

/** Who leads, and what was seen of it. */
const office = () => {
  const log: Array<string> = []
  const inside = new Set<string>()
  let most = 0
  const work = (name: string) => (lease: Lock.Lease) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        inside.add(name)
        most = Math.max(most, inside.size)
        log.push(`${name} leads`)
        return lease.fencingToken
      }),
      () => Effect.never,
      () =>
        Effect.sync(() => {
          inside.delete(name)
          log.push(`${name} ends`)
        })
    )
  return { log, inside, most: () => most, work, leader: () => Array.from(inside).join() }
}

const expires = { expires: "3 seconds" } as const

for (const [form, makeStore] of Object.entries(forms)) {
  describe(`leaders on a store ${form}`, () => {
    it.effect("one leads, the next does when it stops, and nobody twice at a time", () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const { inside, leader, most, work } = office()
        const processes = [yield* makeProcess(store), yield* makeProcess(store), yield* makeProcess(store)]
        const fibers = new Map<string, Fiber.Fiber<unknown, LockError.LockError>>()
        for (const [i, process] of processes.entries()) {
          fibers.set(`p${i}`, yield* process.start(Leader.lead(work(`p${i}`), "key", expires)))
          yield* TestClock.adjust(1)
        }
        assert.strictEqual(leader(), "p0")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(leader(), "p0")
        for (let round = 0; round < 3; round++) {
          const first = fibers.get(leader())!
          yield* Effect.forkDetach(Fiber.interrupt(first), { startImmediately: true })
          yield* TestClock.adjust(300)
          assert.isDefined(first.pollUnsafe())
          assert.strictEqual(inside.size, round < 2 ? 1 : 0)
        }
        assert.strictEqual(most(), 1)
        for (const { engine } of processes) yield* assertClean({ inner: store, engine }, "key")
      }))

    it.effect("a leader that is gone is followed when its lease has ended", () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const process = yield* makeProcess(store)
        const { leader, work } = office()
        // Another process had it, and was killed.
        yield* store.tryAcquire({ key: "key", token: "gone", expiresMillis: 3_000, wait: false })
        const fiber = yield* process.start(Leader.lead(work("next"), "key", expires))
        yield* TestClock.adjust(2_990)
        assert.strictEqual(leader(), "")
        yield* TestClock.adjust(110)
        assert.strictEqual(leader(), "next")
        yield* Effect.forkDetach(Fiber.interrupt(fiber), { startImmediately: true })
        yield* flush
        yield* assertClean({ inner: store, engine: process.engine }, "key")
      }))

    it.effect("a resigned leader ends its work, and leaves the key to others for a while", () =>
      Effect.gen(function*() {
        const store = yield* makeStore
        const one = yield* makeProcess(store)
        const other = yield* makeProcess(store)
        const { leader, log, work } = office()
        const leadership = yield* Deferred.make<Leader.Leadership["Service"]>()
        const leading = (lease: Lock.Lease) =>
          Effect.andThen(
            Effect.flatMap(Leader.Leadership, (one) => Deferred.succeed(leadership, one)),
            work("one")(lease)
          )
        const first = yield* one.start(Leader.lead(leading, "key", expires))
        yield* flush
        const second = yield* other.start(Leader.lead(work("other"), "key", expires))
        yield* flush
        const { lease, resign } = yield* Deferred.await(leadership)
        assert.strictEqual(lease.key, "key")
        yield* Effect.forkDetach(resign, { startImmediately: true })
        yield* TestClock.adjust(300)
        assert.strictEqual(leader(), "other")
        assert.deepStrictEqual(log, ["one leads", "one ends", "other leads"])
        yield* Effect.forkDetach(Fiber.interrupt(second), { startImmediately: true })
        yield* TestClock.adjust(1_100)
        assert.strictEqual(leader(), "one")
        assert.strictEqual(outcome(first), "Running")
        yield* Effect.forkDetach(Fiber.interrupt(first), { startImmediately: true })
        yield* flush
        for (const { engine } of [one, other]) yield* assertClean({ inner: store, engine }, "key")
      }))
  })
}

describe("Leader.lead", () => {
  const scene = Effect.gen(function*() {
    const inner = yield* InMemoryBackend.makeStore
    const test = yield* TestBackend.make(inner)
    return { test, inner, ...(yield* makeProcess(test.store)) }
  })

  it.effect("whoever steps down when the work has ended changes nothing, also while the key is given back", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene
      yield* test.delay("release", "1 second")
      const leadership = yield* Deferred.make<Leader.Leadership["Service"]>()
      let terms = 0
      const work = Effect.flatMap(
        Leader.Leadership,
        (one) => Effect.as(Deferred.succeed(leadership, one), `in term ${++terms}`)
      )
      const fiber = yield* start(Leader.lead(work, "key"))
      yield* flush
      const { resign } = yield* Deferred.await(leadership)
      assert.strictEqual(outcome(fiber), "Running")
      yield* Effect.forkDetach(resign, { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed("in term 1"))
    }))

  it.effect("on loss the work ends, its finalizers run, and there is a new campaign", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene
      const { leader, log, work } = office()
      const fiber = yield* start(Leader.lead(work("p"), "key", expires))
      yield* flush
      yield* test.steal("key", { for: "10 seconds" })
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual([leader(), log], ["", ["p leads", "p ends"]])
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(leader(), "p")
      assert.strictEqual(outcome(fiber), "Running")
    }))

  it.effect("the campaign goes on while the backend is out of reach, also for a leader that it silenced", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene
      const { leader, log, work } = office()
      const fiber = yield* start(Leader.lead(work("p"), "key", expires))
      yield* flush
      yield* test.down
      yield* TestClock.adjust(3_000)
      assert.deepStrictEqual([leader(), log], ["", ["p leads", "p ends"]])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(outcome(fiber), "Running")
      yield* test.up
      yield* TestClock.adjust("1 second")
      assert.strictEqual(leader(), "p")
    }))

  it.effect("waits with a new campaign for work that cannot be interrupted", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene
      let inside = 0
      let terms = 0
      const work = Effect.acquireUseRelease(
        Effect.sync(() => {
          terms++
          assert.strictEqual(++inside, 1)
        }),
        () => Effect.sleep("20 seconds"),
        () => Effect.sync(() => inside--)
      )
      yield* start(Leader.lead(Effect.andThen(Effect.uninterruptible(work), Effect.never), "key", expires))
      yield* flush
      yield* test.drop("key")
      yield* TestClock.adjust("19 seconds")
      assert.deepStrictEqual([inside, terms], [1, 1])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual([inside, terms], [1, 2])
    }))

  it.effect("gives the result, the failure, the defect or the interruption of the work", () =>
    Effect.gen(function*() {
      const { engine, inner, run } = yield* scene
      const lead = <A>(work: Effect.Effect<A, string>) => Effect.exit(run(Leader.lead(work, "key")))
      assert.deepStrictEqual(yield* lead(Effect.succeed(1)), Exit.succeed(1))
      assert.deepStrictEqual(yield* lead(Effect.fail("no")), Exit.fail("no"))
      assert.deepStrictEqual(yield* lead(Effect.die("dead")), Exit.die("dead"))
      assert.strictEqual(ending(yield* lead(Effect.interrupt)), "Interrupt")
      yield* assertClean({ inner, engine }, "key")
    }))

  it.effect("what the work's finalizers die of is the result, however the term ends", () =>
    Effect.gen(function*() {
      const { engine, inner, start, test } = yield* scene
      const ends = {
        "it is lost": () => test.steal("key"),
        "it resigns": (leadership: Leader.Leadership["Service"]) => Effect.forkDetach(leadership.resign),
        "the call is interrupted": (_: unknown, fiber: Fiber.Fiber<unknown, unknown>) =>
          Effect.forkDetach(Fiber.interrupt(fiber))
      }
      for (const [how, end] of Object.entries(ends)) {
        const leadership = yield* Deferred.make<Leader.Leadership["Service"]>()
        const work = Effect.flatMap(Leader.Leadership, (it) =>
          Effect.andThen(Deferred.succeed(leadership, it), Effect.never))
        const fiber = yield* start(Leader.lead(Effect.ensuring(work, Effect.die("no cleanup")), "key", expires))
        yield* flush
        yield* end(yield* Deferred.await(leadership), fiber)
        yield* TestClock.adjust(2_000)
        const exit = fiber.pollUnsafe()
        const reasons = exit?._tag === "Failure" ? exit.cause.reasons : []
        const others = reasons.filter((reason) =>
          !Cause.isInterruptReason(reason)
        )
        const found = others.map((reason) => Cause.isDieReason(reason) ? reason.defect : reason)
        assert.deepStrictEqual(found, ["no cleanup"], how)
        yield* test.drop("key")
      }
      yield* assertClean({ inner, engine }, "key")
    }))

  it.effect("its work may resign where it cannot be interrupted", () =>
    Effect.gen(function*() {
      const { engine, inner, start } = yield* scene
      const places: ReadonlyArray<Effect.Effect<unknown, never, Leader.Leadership>> = [
        Effect.uninterruptible(Leader.resign),
        Effect.ensuring(Effect.void, Leader.resign)
      ]
      for (const place of places) {
        let terms = 0
        const work = Effect.suspend(() => ++terms === 1 ? place : Effect.succeed(terms))
        const fiber = yield* start(Leader.lead(work, "key"))
        yield* TestClock.adjust(1_100)
        assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed(2))
      }
      yield* assertClean({ inner, engine }, "key")
    }))

  it.effect("fails when its work asks for its own key, as a leader or otherwise", () =>
    Effect.gen(function*() {
      const { engine, inner, start } = yield* scene
      for (const again of [Leader.lead(Effect.void, "key"), Lock.withLock(Effect.void, "key")]) {
        const fiber = yield* start(Leader.lead(again, "key"))
        yield* flush
        assert.strictEqual(outcome(fiber), "LockReentered")
      }
      yield* assertClean({ inner, engine }, "key")
    }))

  it.effect("a lost lock of the work's own is a failure of the work", () =>
    Effect.gen(function*() {
      const { run, test } = yield* scene
      const inner = Lock.withLock(Effect.andThen(test.drop("inner"), Effect.never), "inner", expires)
      const fiber = yield* Effect.forkChild(Effect.flip(run(Leader.lead(inner, "key"))))
      yield* TestClock.adjust("2 seconds")
      const { reason } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([reason._tag, "key" in reason && reason.key], ["LockLost", "inner"])
    }))

  it.effect("campaigns again after a failure as `restart` says, and lets others lead meanwhile", () =>
    Effect.gen(function*() {
      const { run, start } = yield* scene
      const terms: Array<number> = []
      const work = Effect.andThen(Effect.map(now, (at) => terms.push(at)), Effect.fail("no disk"))
      const restart = Schedule.max([Schedule.spaced("5 seconds"), Schedule.recurs(2)])
      const fiber = yield* start(Leader.lead(work, "key", { restart }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* run(Lock.once(Effect.succeed("mine"), "key")), Option.some("mine"))
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(terms, [0, 5_000, 10_000])
      assert.strictEqual(outcome(fiber), "no disk")
      // neither a defect nor an interruption is a failure
      for (const [end, expected] of [[Effect.die("dead"), "Die"], [Effect.interrupt, "Interrupt"]] as const) {
        let times = 0
        const once = Effect.suspend(() => (times++, end))
        const ended = yield* start(Leader.lead(once, "key", { restart: Schedule.spaced("1 second") }))
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual([times, outcome(ended)], [1, expected])
      }
    }))

  it.effect("a campaign that is interrupted leaves nothing", () =>
    Effect.gen(function*() {
      const { engine, inner, start, test } = yield* scene
      yield* test.hold("key")
      const fiber = yield* start(Leader.lead(Effect.never, "key"))
      yield* TestClock.adjust("10 seconds")
      yield* Effect.forkDetach(Fiber.interrupt(fiber), { startImmediately: true })
      yield* flush
      assert.strictEqual(outcome(fiber), "Interrupt")
      yield* test.free("key")
      yield* assertClean({ inner, engine }, "key")
    }))

  it.effect("fails when the backend will not answer by itself, is closed, or the options make no sense", () =>
    Effect.gen(function*() {
      const { run, test } = yield* scene
      const reason = (options: Leader.LeadOptions = {}, key = "key") =>
        Effect.map(Effect.flip(run(Leader.lead(Effect.never, key, options))), (error) => {
          const { reason } = error
          return reason._tag === "InvalidOptions" ? reason.option : reason._tag
        })
      yield* test.fail("tryAcquire", { kind: "Unauthorized", retryable: false, times: 1 })
      assert.strictEqual(yield* reason(), "BackendFailure")
      assert.strictEqual(yield* reason({}, ""), "key")
      assert.strictEqual(yield* reason({ expires: 0 }), "expires")
      assert.strictEqual(yield* reason({ rest: -1 }), "rest")
      assert.strictEqual(yield* reason({ rest: "Infinity" }), "rest")
      assert.strictEqual(yield* reason({ restart: 5 as never }), "restart")
      const closing = yield* Effect.scoped(
        Effect.gen(function*() {
          const backend = yield* LockBackend.make(test.store)
          return yield* Effect.forkDetach(
            Effect.provideService(Leader.lead(Effect.never, "key"), LockBackend.LockBackend, backend),
            { startImmediately: true }
          )
        })
      )
      yield* flush
      assert.strictEqual(outcome(closing), "BackendFailure")
    }))
})

describe("Leader.layer", () => {
  class Job extends Context.Service<Job, { readonly term: number }>()("test/Job") {}

  const jobs = () => {
    const log: Array<string> = []
    let terms = 0
    const job = Layer.effect(
      Job,
      Effect.acquireRelease(
        Effect.sync(() => {
          log.push(`built ${++terms}`)
          return { term: terms }
        }),
        ({ term }) => Effect.sync(() => log.push(`closed ${term}`))
      )
    )
    const user = Layer.effectDiscard(
      Effect.gen(function*() {
        const { term } = yield* Job
        const { lease } = yield* Leader.Leadership
        log.push(`uses ${term} in ${lease.key}`)
      })
    )
    return { log, services: Layer.provide(user, job) }
  }

  it.effect("services live while it leads, anew for each term", () =>
    Effect.gen(function*() {
      const test = yield* TestBackend.make(yield* InMemoryBackend.makeStore)
      const { log, services } = jobs()
      const app = services.pipe(
        Leader.layer("key", expires),
        Layer.provide(LockBackend.layer(Effect.succeed(test.store)))
      )
      const fiber = yield* Effect.forkChild(Effect.provide(Effect.never, app), { startImmediately: true })
      yield* flush
      assert.deepStrictEqual(log, ["built 1", "uses 1 in key"])
      yield* test.steal("key", { for: "10 seconds" })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(log.slice(2), ["closed 1"])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(log.slice(3), ["built 2", "uses 2 in key"])
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(log.slice(5), ["closed 2"])
      assert.isTrue(Option.isNone(yield* test.store.inspect("key")))
    }))

  it.effect("a failure or a defect while building is no end of the campaign", () =>
    Effect.gen(function*() {
      let builds = 0
      const services = Layer.effectDiscard(Effect.suspend(() => {
        builds++
        return builds === 1 ? Effect.fail("no disk") : builds === 2 ? Effect.die("bug") : Effect.void
      }))
      const app = services.pipe(Leader.layer("key", expires), Layer.provide(InMemoryBackend.layerFresh))
      yield* Effect.forkChild(Effect.provide(Effect.never, app), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(builds, 3)
    }))

  it.effect("campaigns at once after trouble that has nothing to do with what was long ago", () =>
    Effect.gen(function*() {
      const builds: Array<number> = []
      // It fails at once, again and again, and then after an hour.
      const services = Layer.effectDiscard(Effect.gen(function*() {
        builds.push(yield* Clock.currentTimeMillis)
        return yield* Effect.delay(Effect.fail("no disk"), builds.length === 8 ? "1 hour" : 0)
      }))
      const app = services.pipe(Leader.layer("key", expires), Layer.provide(InMemoryBackend.layerFresh))
      yield* Effect.forkChild(Effect.provide(Effect.never, app), { startImmediately: true })
      yield* TestClock.adjust("65 minutes")
      const apart = builds.slice(1, 10).map((at, i) => Math.round((at - builds[i]) / 1000))
      assert.deepStrictEqual(apart, [1, 2, 4, 8, 16, 30, 30, 3601, 2])
    }))

  it.effect("says of a campaign whether it is the last one, and nothing when it is told to end", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const failing = Layer.effectDiscard(Effect.fail("no disk"))
        // Only the usual schedule begins anew, after a while without a failure.
        const restart = Schedule.upTo(Schedule.spaced("10 minutes"), { times: 2 })
        const app = failing.pipe(
          Leader.layer("key", { ...expires, restart }),
          Layer.provide(InMemoryBackend.layerFresh)
        )
        yield* Effect.forkChild(Effect.provide(Effect.never, app), { startImmediately: true })
        yield* TestClock.adjust("1 hour")
        const again = `Error: What runs while leading "key" has ended, and there will be a new campaign`
        assert.deepStrictEqual(lines, [
          again,
          again,
          again.replace("a new campaign", "no new campaign, as `restart` has ended")
        ])

        const living = Layer.empty.pipe(Leader.layer("key", expires), Layer.provide(InMemoryBackend.layerFresh))
        const fiber = yield* Effect.forkChild(Effect.provide(Effect.never, living), { startImmediately: true })
        yield* flush
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(lines.length, 3)
      })
    ))

  it.effect("fails to build when its options make no sense", () =>
    Effect.gen(function*() {
      const app = Layer.empty.pipe(Leader.layer("key", { expires: -1 }), Layer.provide(InMemoryBackend.layerFresh))
      assert.strictEqual(ending(yield* Effect.exit(Effect.provide(Effect.void, app))), "InvalidOptions")
    }))
})

describe("who leads", () => {
  it.effect("is seen by observers, each change once", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      const one = yield* makeProcess(store)
      const other = yield* makeProcess(store)
      const observer = yield* makeProcess(store)
      const seen: Array<boolean> = []
      yield* observer.start(
        Leader.changes("key").pipe(
          Stream.runForEach((leader) => Effect.sync(() => seen.push(Option.isSome(leader))))
        )
      )
      yield* flush
      const first = yield* one.start(Leader.lead(Effect.never, "key"))
      yield* flush
      const current = Option.getOrThrow(yield* observer.run(Leader.current("key")))
      yield* TestClock.adjust("1 minute")
      yield* other.start(Leader.lead(Effect.never, "key"))
      yield* Effect.forkDetach(Fiber.interrupt(first), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.notStrictEqual(Option.getOrThrow(yield* observer.run(Leader.current("key"))).token, current.token)
      assert.isAtMost(seen.length, 4)
      assert.deepStrictEqual(seen.filter((is, i) => is || i === 0), [false, true, true])
    }))
})
