/** What can be seen of a lock from outside: metrics, spans, and the configuration it goes by. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric, Tracer } from "effect"
import { Lock, LockConfig } from "effect-lock"
import { TestClock } from "effect/testing"
import { handingOver, outcome, scene } from "./support.ts"

/** What the metrics say, in a registry of the test's own. */
const metrics = Effect.map(Metric.snapshot, (snapshot) =>
  Object.fromEntries(
    snapshot.filter(({ id }) => id.startsWith("lock_")).map((one) => {
      switch (one.type) {
        case "Counter":
          return [one.id, Number(one.state.count)]
        case "Gauge":
          return [one.id, Number(one.state.value)]
        case "Histogram":
          return [one.id, [one.state.count, one.state.sum]]
        default:
          return [one.id, undefined]
      }
    })
  ))

const quiet = {
  lock_wait: [0, 0],
  lock_hold: [0, 0],
  lock_attempts_total: 0,
  lock_held: 0,
  lock_lost_total: 0,
  lock_timeouts_total: 0,
  lock_release_failures_total: 0
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
      assert.deepStrictEqual(rest, { ...expected, lock_wait: [1, 400], lock_hold: [1, 700] })
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
      assert.deepStrictEqual(seen.lock_hold, [2, 1_000])
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("count holders that follow each other by hand-over, one attempt in all", () =>
    Effect.gen(function*() {
      const { start } = yield* scene(handingOver)
      for (let i = 0; i < 5; i++) yield* start(Lock.withLock(Effect.sleep(10), "key"))
      yield* TestClock.adjust(100)
      const seen = yield* metrics
      assert.deepStrictEqual([seen.lock_attempts_total, seen.lock_held], [1, 0])
      assert.deepStrictEqual(seen.lock_hold, [5, 50])
      assert.deepStrictEqual(seen.lock_wait, [5, 0 + 10 + 20 + 30 + 40])
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
      yield* Fiber.join(fiber)
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
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(spans.map(({ name }) => name), ["Lock.wait", "Lock.hold"])
      const [, { status }] = spans
      assert.strictEqual(status._tag === "Ended" && Number(status.endTime - status.startTime) / 1_000_000, 300)
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
      assert.strictEqual((yield* Fiber.join(none))._tag, "None")
      assert.strictEqual((yield* Fiber.join(some))._tag, "Some")
    }))
})
