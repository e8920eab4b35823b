/** What a backend's engine does by itself: it puts the parts together, answers operators, and ends. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, type LogLevel, Metric, Option, References } from "effect"
import { InMemoryBackend, Lock, type LockError, type LockStore } from "effect-lock"
import { TestClock } from "effect/testing"
import { Engine } from "../../src/internal/engine/engine.ts"
import { failure, request } from "./parts.ts"
import { logged } from "./scenery.ts"
import { assertClean, ending, flush, immediately, joined, outcome, scene } from "./support.ts"

/** One over a store that answers as it is told. */
const make = (answers: Partial<LockStore.LockStore>) =>
  Effect.map(Effect.context<never>(), (context) => {
    const released: Array<string> = []
    const store: LockStore.LockStore = {
      name: "fake",
      tryAcquire: () => Effect.succeed({ _tag: "Held" }),
      extend: () => Effect.succeed(false),
      release: (key, token) => Effect.sync(() => released.push(`${key} ${token}`) > 0),
      inspect: () => Effect.succeedNone,
      ...answers
    }
    return { engine: new Engine(store, context), released }
  })

const kindOf = (exit: Exit.Exit<unknown, LockError.LockError>): string => {
  const reason = exit._tag === "Failure" ? exit.cause.reasons[0] : undefined
  if (reason?._tag !== "Fail") return exit._tag
  const error = reason.error.reason
  return error._tag === "BackendFailure" ? `${error.operation} ${error.kind}` : error._tag
}

describe("an engine", () => {
  it.effect("is of a store in this process only if that is as it was made", () =>
    Effect.gen(function*() {
      const store = yield* InMemoryBackend.makeStore
      const context = yield* Effect.context<never>()
      const engines = [new Engine(store, context), new Engine({ ...store }, context)]
      assert.deepStrictEqual(engines.map(({ isInProcess, name }) => [isInProcess, name]), [
        [true, "memory"],
        [false, "memory"]
      ])
      for (const engine of engines) yield* engine.close
    }))

  it.effect("has nothing before it is asked for anything", () =>
    Effect.gen(function*() {
      const { engine } = yield* make({})
      assert.deepStrictEqual(engine.residue, { lines: 0, kept: 0, alarms: 0, calls: 0 })
    }))

  it.effect("knows who has a key of a store in this process without asking, and of others nothing", () =>
    Effect.gen(function*() {
      const inPlace = yield* scene((_, inner) => inner)
      yield* inPlace.start(Lock.withLock(Effect.never, "key", { expires: 1_000 }))
      assert.strictEqual(inPlace.engine.holderOf("key")?.remainingMillis, 1_000)
      assert.isUndefined(inPlace.engine.holderOf("other"))
      const asked = yield* scene()
      yield* asked.start(Lock.withLock(Effect.never, "key"))
      assert.isUndefined(asked.engine.holderOf("key"))
    }))

  describe("for operators", () => {
    const two = [{ token: "a" }, { token: "b", permits: 2 }]

    it.effect("removes those that it has seen, or the one that is meant", () =>
      Effect.gen(function*() {
        const { engine, released } = yield* make({ shares: true, holders: () => Effect.succeed(two) })
        assert.isTrue(yield* engine.forceRelease("key"))
        assert.deepStrictEqual(released.splice(0), ["key a", "key b"])
        assert.isTrue(yield* engine.forceRelease("key", "b"))
        assert.deepStrictEqual(released.splice(0), ["key b"])
        assert.isFalse(yield* engine.forceRelease("key", "c"))
        assert.deepStrictEqual(released, [])
      }))

    it.effect("says that nobody was removed who was gone by then", () =>
      Effect.gen(function*() {
        const { engine } = yield* make({
          inspect: () => Effect.succeedSome({ token: "a" }),
          release: () => Effect.succeed(false)
        })
        assert.isFalse(yield* engine.forceRelease("key"))
      }))

    it.effect("fails with what the store fails with, on each way", () =>
      Effect.gen(function*() {
        const { engine } = yield* make({
          inspect: (key) =>
            key === "held" ? Effect.succeedSome({ token: "a" }) : Effect.fail(failure({ operation: "inspect" })),
          release: () => Effect.fail(failure())
        })
        const exits = yield* Effect.forEach([
          engine.inspect("key"),
          engine.holders("key"),
          engine.forceRelease("key"),
          engine.forceRelease("held"),
          engine.list("", undefined)
        ], (effect) => Effect.exit<unknown, LockError.LockError, never>(effect))
        assert.deepStrictEqual(exits.map(kindOf), [
          "inspect Unreachable",
          "inspect Unreachable",
          "inspect Unreachable",
          "release Unreachable",
          "list Unsupported"
        ])
      }))

    it.effect("says of holders what their tokens say", () =>
      Effect.gen(function*() {
        const token = "12-abcdefghijkl.0.0123456789.ada"
        const holder = { token, remainingMillis: 10.4, permits: 2 }
        const { engine } = yield* make({
          inspect: () => Effect.succeedSome(holder),
          list: (_prefix, from) => Effect.succeed({ locks: [{ key: "k", ...holder }], next: from })
        })
        const found = Option.getOrThrow(yield* engine.inspect("k"))
        assert.deepStrictEqual([found.owner, found.permits], ["ada", 2])
        assert.deepStrictEqual(yield* engine.holders("k"), [found])
        assert.deepStrictEqual(yield* engine.list("", "more"), { locks: [{ key: "k", holder: found }], next: "more" })
      }))
  })

  it.effect("passes on what a store tells of itself, until it is closed", () =>
    logged((lines) =>
      Effect.gen(function*() {
        let observer: LockStore.Observer | undefined
        const { engine } = yield* make({
          tryAcquire: () => Effect.succeed({ _tag: "Acquired", fencingToken: 1 }),
          observe: (heard) => {
            observer = heard
            return () => observer = undefined
          }
        })
        const told: Array<string> = []
        engine.listen(({ _tag }) => told.push(_tag), () => told.push("end"))
        const { down, ended, polling, told: toldAgain, up } = observer ?? assert.fail("nobody observes")
        down(failure())
        up()
        polling("no channel")
        toldAgain()
        ended!()
        assert.deepStrictEqual(told, ["BackendDown", "BackendUp", "PollingBegan", "PollingEnded"])
        yield* engine.close
        assert.isUndefined(observer)
        assert.strictEqual(told.at(-1), "end")
        assert.isTrue(lines.some((line) => line.includes("no channel")))
      })
    ))

  it.effect("loses all that it holds when a store says that others may have it", () =>
    Effect.gen(function*() {
      let ended = () => {}
      const all = yield* scene((store) => ({
        ...store,
        observe: (observer) => {
          ended = observer.ended!
          return () => {}
        }
      }))
      const fibers = yield* Effect.forEach(["a", "b"], (key) => all.start(Lock.withLock(Effect.never, key)))
      ended()
      yield* flush
      assert.deepStrictEqual(fibers.map(outcome), ["LockLost", "LockLost"])
      yield* assertClean(all, "a", "b")
    }))

  it.effect("logs the life of a lock where somebody wants to read that", () =>
    logged((lines) =>
      Effect.gen(function*() {
        for (const level of ["Info", "Debug"] satisfies Array<LogLevel.LogLevel>) {
          const all = yield* Effect.provideService(scene(), References.MinimumLogLevel, level)
          yield* all.run(Lock.withLock(Effect.void, "key"))
        }
        yield* flush
        const said = lines.filter((line) => line.includes("Lock "))
        assert.deepStrictEqual(said, ["Debug: Lock Acquired", "Debug: Lock Released"])
      })
    ))

  it.effect("shows what there is of it as long as it is open", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const waiters = Effect.map(Metric.snapshot, (metrics) =>
        metrics.filter(({ id }) =>
          id === "lock_waiters" || id === "lock_held"
        ).map(({ id, state }) => [id, (state as { readonly value: number }).value] as const))
      yield* all.start(Lock.withLock(Effect.never, "key"))
      yield* all.start(Lock.withLock(Effect.void, "key"))
      yield* flush
      assert.deepStrictEqual(Object.fromEntries(yield* waiters), { lock_held: 1, lock_waiters: 1 })
      yield* all.engine.close
      assert.deepStrictEqual(Object.fromEntries(yield* waiters), { lock_held: 0, lock_waiters: 0 })
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map())))

  it.effect("ends what it owes before it ends, asks once more, and gives up then", () =>
    Effect.gen(function*() {
      let asked = 0
      const { engine } = yield* make({
        tryAcquire: () => Effect.succeed({ _tag: "Acquired", fencingToken: 1 }),
        release: () =>
          Effect.suspend(() => {
            asked++
            return Effect.fail(failure())
          })
      })
      const fiber = yield* Effect.forkDetach(
        Effect.uninterruptibleMask((restore) =>
          Effect.suspend(() => {
            const taken = engine.take(request({ expiresMillis: 60_000 }), Fiber.getCurrent()!, restore)
            return Effect.isEffect(taken) ? taken : Effect.succeed(taken)
          })
        ),
        immediately
      )
      yield* flush
      const lease = yield* joined(fiber)
      if (!("giveBack" in lease)) return assert.fail("it has no lease")
      lease.giveBack()
      yield* flush
      const before = asked
      assert.isAbove(before, 0)
      const closing = yield* Effect.forkDetach(engine.close, immediately)
      yield* TestClock.adjust(2_500)
      assert.strictEqual(ending(closing.pollUnsafe() ?? Exit.void), "Success")
      assert.isDefined(closing.pollUnsafe())
      assert.isAbove(asked, before)
      assert.deepStrictEqual(engine.residue, { lines: 0, kept: 0, alarms: 0, calls: 0 })
    }))
})
