/** What can be seen of a lock from outside: metrics, spans, and the configuration it goes by. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Formatter, Metric, Option, Tracer } from "effect"
import { Lock, LockConfig, LockError } from "effect-lock"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"
import { logged, reasonOf, the } from "./scenery.ts"
import { flush, handingOver, joined, makeProcess, outcome, scene } from "./support.ts"

/** What the metrics say, in a registry of the test's own. */
const metrics = Effect.map(Metric.snapshot, (snapshot) =>
  Object.fromEntries(
    snapshot.filter(({ id }) => id.startsWith("lock_")).map((one) => {
      const { kind, outcome } = one.attributes ?? {}
      const id = [one.id, outcome ?? kind].filter((part) => part !== undefined).join(" ")
      switch (one.type) {
        case "Counter":
          return [id, Number(one.state.count)]
        case "Gauge":
          return [id, Number(one.state.value)]
        case "Histogram":
          return [id, [one.state.count, one.state.sum]]
        default:
          return [id, undefined]
      }
    })
  ))

const quiet = {
  lock_wait_duration_seconds: [0, 0],
  lock_hold_duration_seconds: [0, 0],
  lock_attempts_total: 0,
  lock_held: 0,
  lock_waiters: 0,
  lock_backend_connected: 1,
  lock_hand_overs_total: 0,
  lock_lost_total: 0,
  lock_timeouts_total: 0,
  lock_release_failures_total: 0,
  "lock_renewals_total renewed": 0,
  "lock_renewals_total lost": 0,
  "lock_renewals_total failed": 0,
  ...Object.fromEntries(LockError.FailureKind.literals.map((kind) => [`lock_backend_failures_total ${kind}`, 0]))
}

describe("metrics", () => {
  it.effect("count what happened, and how long it took", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      yield* test.hold("key", { for: 400 })
      const fiber = yield* start(Lock.withLock(Effect.sleep(700), "key"))
      yield* TestClock.adjust(400)
      assert.strictEqual((yield* metrics).lock_held, 1)
      yield* TestClock.adjust(700)
      assert.strictEqual(outcome(fiber), "Success")
      const { lock_attempts_total, ...rest } = yield* metrics
      const attempts = (yield* test.calls).filter(({ operation }) => operation === "tryAcquire").length
      assert.strictEqual(lock_attempts_total, attempts)
      const { lock_attempts_total: _, ...expected } = quiet
      assert.deepStrictEqual(rest, {
        ...expected,
        lock_wait_duration_seconds: [1, 0.4],
        lock_hold_duration_seconds: [1, 0.7]
      })
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("count timeouts, losses and failed releases", () =>
    Effect.gen(function*() {
      const { run, start, test } = yield* scene()
      yield* test.hold("taken")
      yield* Effect.ignore(run(Lock.withLock(Effect.void, "taken", { timeout: 0 })))
      // It was told not to run where it is taken, and did as it was told.
      yield* run(Lock.once(Effect.void, "taken"))
      yield* start(Lock.withLock(Effect.never, "key", { expires: 1_000, renew: false }))
      yield* TestClock.adjust(1_000)
      yield* test.fail("release", { times: 1 })
      yield* run(Lock.withLock(Effect.void, "other"))
      yield* TestClock.adjust(1_000)
      const seen = yield* metrics
      assert.deepStrictEqual(
        [seen.lock_timeouts_total, seen.lock_lost_total, seen.lock_release_failures_total, seen.lock_held],
        [1, 1, 1, 0]
      )
      assert.deepStrictEqual(seen.lock_hold_duration_seconds, [2, 1])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("count holders that follow each other by hand-over, one attempt in all", () =>
    Effect.gen(function*() {
      const { start } = yield* scene(handingOver)
      for (let i = 0; i < 5; i++) yield* start(Lock.withLock(Effect.sleep(10), "key"))
      yield* TestClock.adjust(100)
      const seen = yield* metrics
      assert.deepStrictEqual([seen.lock_attempts_total, seen.lock_held], [1, 0])
      assert.deepStrictEqual(seen.lock_hold_duration_seconds, [5, 0.05])
      assert.deepStrictEqual(seen.lock_wait_duration_seconds, [5, 0.1])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("count hand-overs, and show who waits meanwhile", () =>
    Effect.gen(function*() {
      const { start } = yield* scene(handingOver)
      for (let i = 0; i < 5; i++) yield* start(Lock.withLock(Effect.sleep(10), "key"))
      yield* TestClock.adjust(15)
      const before = yield* metrics
      assert.deepStrictEqual([before.lock_hand_overs_total, before.lock_held, before.lock_waiters], [1, 1, 3])
      yield* TestClock.adjust(100)
      const after = yield* metrics
      assert.deepStrictEqual([after.lock_hand_overs_total, after.lock_held, after.lock_waiters], [4, 0, 0])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("show who asks the store as waiting, too, and nobody once they have given up", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      yield* test.hold("key")
      const fibers = [
        yield* start(Lock.withLock(Effect.void, "key", { timeout: 100 })),
        yield* start(Lock.withLock(Effect.void, "key"))
      ]
      yield* TestClock.adjust(50)
      assert.strictEqual((yield* metrics).lock_waiters, 2)
      yield* TestClock.adjust(100)
      assert.strictEqual((yield* metrics).lock_waiters, 1)
      yield* Fiber.interrupt(fibers[1])
      yield* TestClock.adjust(0)
      assert.strictEqual((yield* metrics).lock_waiters, 0)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("count renewals by outcome, failures by kind, and show whether the backend answers", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      const fiber = yield* start(Lock.withLock(Effect.never, "key", { expires: "9 seconds" }))
      yield* TestClock.adjust("3 seconds")
      const well = yield* metrics
      assert.deepStrictEqual([well["lock_renewals_total renewed"], well.lock_backend_connected], [1, 1])
      yield* test.down
      yield* TestClock.adjust("3 seconds")
      const ill = yield* metrics
      assert.deepStrictEqual(
        [ill["lock_renewals_total failed"], ill["lock_backend_failures_total Unreachable"], ill.lock_backend_connected],
        [1, 1, 0]
      )
      yield* test.up
      yield* test.steal("key")
      yield* TestClock.adjust("3 seconds")
      const over = yield* metrics
      assert.deepStrictEqual(
        [over["lock_renewals_total lost"], over.lock_lost_total, over.lock_backend_connected],
        [1, 1, 1]
      )
      assert.strictEqual(outcome(fiber), "LockLost")
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("have attributes of few values only, and never a key", () =>
    Effect.gen(function*() {
      const { run, start, test } = yield* scene()
      yield* test.hold("taken")
      for (let i = 0; i < 20; i++) {
        yield* run(Lock.withLock(Effect.void, `key-${i}`)).pipe(LockConfig.provide({ owner: `owner-${i}` }))
      }
      yield* start(Effect.ignore(Lock.withLock(Effect.void, "taken", { timeout: 10 })))
      yield* TestClock.adjust(20)
      const series = (yield* Metric.snapshot).filter(({ id }) => id.startsWith("lock_"))
      assert.strictEqual(series.length, Object.keys(quiet).length)
      for (const { attributes } of series) {
        for (const [name, value] of Object.entries(attributes ?? {})) {
          assert.include(["backend", "unit", "outcome", "kind"], name)
          assert.notMatch(String(value), /key-|owner-|taken/)
        }
      }
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("count a lost lease as held until it was lost, be it in a scope that goes on", () =>
    Effect.gen(function*() {
      const { run, start } = yield* scene()
      yield* start(Effect.scoped(Effect.andThen(Lock.acquire("key"), Effect.never)))
      yield* TestClock.adjust(700)
      assert.strictEqual((yield* metrics).lock_held, 1)
      yield* run(Lock.forceRelease("key"))
      yield* TestClock.adjust(5_000)
      const seen = yield* metrics
      assert.deepStrictEqual([seen.lock_held, seen.lock_lost_total, seen.lock_hold_duration_seconds], [0, 1, [1, 0.7]])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("are those of all backends of a name, and not of one that is closed", () =>
    Effect.gen(function*() {
      const one = yield* scene()
      const other = yield* makeProcess(one.inner)
      yield* one.start(Lock.withLock(Effect.never, "a"))
      yield* other.start(Lock.withLock(Effect.never, "b"))
      assert.deepStrictEqual([(yield* metrics).lock_held, (yield* metrics).lock_attempts_total], [2, 2])
      yield* other.engine.close
      assert.strictEqual((yield* metrics).lock_held, 1)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("are there from the start, at zero", () =>
    Effect.gen(function*() {
      yield* scene()
      assert.deepStrictEqual(yield* metrics, quiet)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))
})

describe("spans", () => {
  const tracing = () => {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    return { spans, tracer }
  }

  it.effect("are one for waiting and one for holding, with the work inside", () =>
    Effect.gen(function*() {
      const { spans, tracer } = tracing()
      const { start, test } = yield* scene()
      yield* test.hold("key", { for: 400 })
      const fiber = yield* start(
        Lock.withLock(Effect.withSpan(Effect.sleep(10), "work"), "key").pipe(
          Effect.withSpan("caller"),
          Effect.withTracer(tracer)
        )
      )
      yield* TestClock.adjust(500)
      yield* joined(fiber)
      assert.deepStrictEqual(spans.map(({ name }) => name), ["caller", "Lock.wait", "Lock.hold", "work"])
      const parents = spans.map(({ parent }) =>
        parent._tag === "Some" && "name" in parent.value ? parent.value.name : ""
      )
      assert.deepStrictEqual(parents, ["", "caller", "caller", "Lock.hold"])
      const [, wait, hold] = spans
      assert.deepStrictEqual(Object.fromEntries(wait.attributes), {
        "lock.backend": "memory",
        "lock.key": "key",
        "lock.owner": (yield* LockConfig.LockConfig).owner
      })
      const millis = ({ status }: Tracer.NativeSpan) =>
        status._tag === "Ended" ? Number(status.endTime - status.startTime) / 1_000_000 : undefined
      assert.deepStrictEqual([millis(wait), millis(hold)], [400, 10])
    }))

  it.effect("of a scoped lease last as long as the scope", () =>
    Effect.gen(function*() {
      const { spans, tracer } = tracing()
      const { start } = yield* scene()
      const fiber = yield* start(
        Effect.scoped(Effect.andThen(Lock.acquire("key"), Effect.sleep(300))).pipe(Effect.withTracer(tracer))
      )
      yield* TestClock.adjust(300)
      yield* joined(fiber)
      assert.deepStrictEqual(spans.map(({ name }) => name), ["Lock.wait", "Lock.hold"])
      const [, { status }] = spans
      assert.strictEqual(status._tag === "Ended" && Number(status.endTime - status.startTime) / 1_000_000, 300)
    }))

  const shape = ({ name, status }: Tracer.NativeSpan) => {
    if (status._tag === "Started") return [name, "open"]
    const { endTime, exit, startTime } = status
    const why = exit._tag === "Success" ?
      "Success" :
      exit.cause.reasons.map((reason) =>
        reason._tag === "Fail"
          ? (reason.error as { reason?: { _tag: string } }).reason?._tag ?? reason.error
          : reason._tag
      ).join()
    return [name, why, Number(endTime - startTime) / 1_000_000]
  }

  it.effect("of a wait that was in vain have failed, and those of one that was told not to mind have not", () =>
    Effect.gen(function*() {
      const { spans, tracer } = tracing()
      const { start, test } = yield* scene()
      yield* test.hold("key")
      yield* start(Effect.withTracer(Lock.withLock(Effect.void, "key", { timeout: 50 }), tracer))
      yield* TestClock.adjust(50)
      yield* flush
      yield* start(Effect.withTracer(Lock.once(Effect.void, "key"), tracer))
      yield* start(Effect.withTracer(Effect.scoped(Lock.acquire("key", { timeout: 20 })), tracer))
      yield* TestClock.adjust(20)
      yield* flush
      assert.deepStrictEqual(spans.map(shape), [
        ["Lock.wait", "LockTimeout", 50],
        ["Lock.wait", "Success", 0],
        ["Lock.wait", "LockTimeout", 20]
      ])
    }))

  it.effect("of a lease that was lost have failed, when it was lost", () =>
    Effect.gen(function*() {
      const { spans, tracer } = tracing()
      const { run, start } = yield* scene()
      yield* start(Effect.withTracer(Lock.withLock(Effect.never, "key"), tracer))
      yield* start(Effect.withTracer(Effect.scoped(Effect.andThen(Lock.acquire("scoped"), Effect.never)), tracer))
      yield* TestClock.adjust(300)
      yield* run(Lock.forceRelease("key"))
      yield* run(Lock.forceRelease("scoped"))
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(spans.map(shape), [
        ["Lock.wait", "Success", 0],
        ["Lock.hold", "LockLost", 300],
        ["Lock.wait", "Success", 0],
        ["Lock.hold", "LockLost", 300]
      ])
    }))

  it.effect("of a lease that is released early end then", () =>
    Effect.gen(function*() {
      const { spans, tracer } = tracing()
      const { start } = yield* scene()
      const call = Effect.scoped(Effect.gen(function*() {
        const lease = yield* Lock.acquire("key")
        yield* Effect.sleep(20)
        yield* lease.release
        yield* Effect.sleep(80)
      }))
      yield* start(Effect.withTracer(call, tracer))
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(spans.map(shape), [["Lock.wait", "Success", 0], ["Lock.hold", "Success", 20]])
    }))

  it.effect("of waiting begin before the first attempt, whose own are inside", () =>
    Effect.gen(function*() {
      const { spans, tracer } = tracing()
      const { start, test } = yield* scene((store) => ({
        ...store,
        tryAcquire: (claim) => Effect.withSpan(store.tryAcquire(claim), "store")
      }))
      yield* test.delay("tryAcquire", 30)
      yield* start(Effect.withTracer(Lock.withLock(Effect.void, "key"), tracer))
      yield* TestClock.adjust(30)
      assert.deepStrictEqual(spans.map(shape), [["Lock.wait", "Success", 30], ["store", "Success", 30], [
        "Lock.hold",
        "Success",
        0
      ]])
    }))

  it.effect("are not made when nobody traces", () =>
    Effect.gen(function*() {
      const { run } = yield* scene()
      const span = yield* run(Lock.withLock(Effect.option(Effect.currentSpan), "key"))
      assert.strictEqual(span._tag, "None")
    }))

  it.effect("are not made for calls that are told not to be traced", () =>
    Effect.gen(function*() {
      const { spans, tracer } = tracing()
      const { run } = yield* scene()
      yield* run(Lock.withLock(Effect.void, "key")).pipe(Effect.withTracerEnabled(false), Effect.withTracer(tracer))
      assert.deepStrictEqual(spans, [])
    }))
})

describe("log lines", () => {
  it.effect("are one for a time of trouble, however many locks there are, and one when it is over", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const { start, test } = yield* scene()
        const fibers = yield* Effect.forEach(Array.from({ length: 50 }, (_, i) => i), (i) =>
          start(Lock.withLock(Effect.never, `key-${i}`, { expires: "1 minute" })))
        yield* TestClock.adjust(5_000)
        for (let outage = 1; outage <= 2; outage++) {
          yield* test.down
          yield* TestClock.adjust(25_000)
          yield* start(Lock.withLock(Effect.void, "waiting", { timeout: 1_000 }))
          yield* TestClock.adjust(5_000)
          assert.strictEqual(lines.length, 2 * outage - 1, lines.join("\n"))
          assert.match(lines.at(-1)!, /^Warn: The memory lock backend is in trouble: leases are kept until/)
          yield* test.up
          yield* TestClock.adjust(25_000)
          assert.strictEqual(lines.length, 2 * outage, lines.join("\n"))
          assert.match(lines.at(-1)!, /^Info: The memory lock backend answers again, after [\d.]+ seconds$/)
        }
        assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Running"]))
      })
    ))

  it.effect("are one for a silence, too", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const { start, test } = yield* scene()
        yield* start(Lock.withLock(Effect.never, "key", { expires: "1 minute" }))
        yield* test.loseReply("extend")
        yield* TestClock.adjust(50_000)
        assert.strictEqual(lines.length, 1, lines.join("\n"))
        yield* test.heal()
        yield* TestClock.adjust(20_000)
        assert.strictEqual(lines.length, 2, lines.join("\n"))
      })
    ))

  it.effect("are none when all is well, when a key is held, nor when a backend closes", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const { engine, run, start, test } = yield* scene()
        yield* test.hold("held")
        yield* run(Effect.ignore(Lock.withLock(Effect.void, "held", { timeout: 0 })))
        yield* start(Lock.withLock(Effect.never, "key"))
        yield* TestClock.adjust("1 minute")
        yield* engine.close
        assert.deepStrictEqual(lines, [])
      })
    ))

  it.effect("are one for a lock that a store refuses to renew, whose loss says why", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const { start, test } = yield* scene()
        yield* test.fail("extend", { kind: "ReadOnly", retryable: false })
        const fiber = yield* start(reasonOf(Lock.withLock(Effect.never, "key", { expires: 3_000 })))
        yield* TestClock.adjust(3_000)
        yield* flush
        const { failure, message, why } = the(yield* joined(fiber), "LockLost")
        assert.deepStrictEqual([why, failure?.kind, failure?.operation], ["Expired", "ReadOnly", "extend"])
        assert.include(message, "no renewal got through (the last one failed: memory could not extend")
        assert.strictEqual(lines.length, 1, lines.join("\n"))
        assert.match(lines[0], /^Warn: A lock could not be renewed/)
      })
    ))

  it.effect("say nothing of a lease that was not to be renewed, and neither does its loss", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const { start } = yield* scene()
        const fiber = yield* start(reasonOf(Lock.withLock(Effect.never, "key", { expires: 50, renew: false })))
        yield* TestClock.adjust(50)
        yield* flush
        assert.isUndefined(the(yield* joined(fiber), "LockLost").failure)
        assert.deepStrictEqual(lines, [])
      })
    ))

  it.effect("a loss says nothing of failures that a renewal has followed", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      yield* test.fail("extend", { times: 1 })
      const fiber = yield* start(reasonOf(Lock.withLock(Effect.never, "key", { expires: 3_000 })))
      yield* TestClock.adjust(2_500)
      yield* test.loseRequest("extend")
      yield* TestClock.adjust(10_000)
      yield* flush
      const { failure } = the(yield* joined(fiber), "LockLost")
      assert.notStrictEqual(failure?.kind, "Unreachable")
    }))
})

describe("a lease in a log", () => {
  it.effect("says what it is, and nothing of what it is made of", () =>
    Effect.gen(function*() {
      const { run, test } = yield* scene()
      const shown = { _id: "Lease", key: "key", fencingToken: 1, expiresMillis: 10_000, state: "Held" }
      const [lease, token] = yield* run(Lock.withLock((lease) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(JSON.parse(JSON.stringify(lease)), shown)
          const holder = Option.getOrThrow(yield* test.store.inspect("key"))
          return [lease, holder.token] as const
        }), "key"))
      for (const text of [String(lease), Formatter.format(lease), inspect(lease, { depth: 20 })]) {
        assert.include(text, "Released")
        assert.notInclude(text, token)
        assert.isBelow(text.length, 120)
      }
    }))
})

describe("configuration", () => {
  it.effect("is the fiber's at the time of the call, and a call's own options win", () =>
    Effect.gen(function*() {
      const { run, test } = yield* scene()
      yield* test.hold("a:key")
      const once = Lock.once(Effect.succeed(1), "key")
      const values = [
        yield* run(once),
        yield* run(LockConfig.provide(once, { keyPrefix: "a:" })),
        yield* run(LockConfig.provide(once, { keyPrefix: "b:" }))
      ]
      assert.deepStrictEqual(values.map(({ _tag }) => _tag), ["Some", "None", "Some"])
      const remaining = Lock.withLock((lease) => lease.remaining, "key", { expires: "5 seconds" })
      assert.strictEqual(String(yield* run(LockConfig.provide(remaining, { expires: "1 minute" }))), "5000 millis")
    }))

  it.effect("gives once no timeout of its own", () =>
    Effect.gen(function*() {
      const { start, test } = yield* scene()
      yield* test.hold("key", { for: 500 })
      const none = yield* start(LockConfig.provide(Lock.once(Effect.void, "key"), { timeout: "1 minute" }))
      const some = yield* start(Lock.once(Effect.void, "key", { timeout: "1 minute" }))
      yield* TestClock.adjust(1_000)
      assert.strictEqual((yield* joined(none))._tag, "None")
      assert.strictEqual((yield* joined(some))._tag, "Some")
    }))
})
