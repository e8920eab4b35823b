/** What holders of a shared key in one process have in common: readers that join, permits that are passed on. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Option, Scope } from "effect"
import { InMemoryBackend, Lock, type LockConfig, type LockError, type LockStore } from "effect-lock"
import { TestBackend } from "effect-lock/testing"
import { TestClock } from "effect/testing"
import { seeds } from "../simulation/seeds.ts"
import { assertClean, flush, joined, makeProcess, outcome, type Scene, scene } from "./support.ts"

type Store = LockStore.LockStore

/** Leases pass from fiber to fiber for so long. */
const windowMillis = 10

const passing = (store: Store): Store => ({ ...store, handOver: { times: 100, within: Duration.millis(windowMillis) } })

const operations = (all: Scene) => Effect.map(all.test.calls, (calls) => calls.map(({ operation }) => operation))

const countOf = (all: Scene, wanted: string) =>
  Effect.map(operations(all), (calls) => calls.filter((operation) => operation === wanted).length)

const read = (millis: number, options?: LockConfig.SectionOptions) =>
  Lock.withSharedLock(Effect.sleep(millis), "key", options)

/** Lets time pass in small steps, as alarms and replies need it. */
const pass = (millis: number) => Effect.repeat(TestClock.adjust(1), { times: millis - 1 })

describe("readers of one process", () => {
  it.effect("that come together have one lease in common, until the last has ended", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const fibers = yield* Effect.forEach([10, 20, 30, 5], (millis) => all.start(read(millis)))
      assert.deepStrictEqual((yield* all.run(Lock.holders("key"))).map(({ permits }) => permits), [1])
      yield* pass(25)
      assert.deepStrictEqual(fibers.map(outcome), ["Success", "Success", "Running", "Success"])
      assert.isTrue(Option.isSome(yield* all.inner.inspect("key")))
      yield* pass(10)
      assert.deepStrictEqual([yield* countOf(all, "tryAcquire"), yield* countOf(all, "release")], [1, 1])
      yield* assertClean(all, "key")
    }))

  it.effect("that wait for the reply to the first of them get its lease, too, those whose time is over among them", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      yield* all.test.delay("tryAcquire", 50, { times: 1 })
      const fibers = yield* Effect.forEach(
        [undefined, 0, 20, undefined],
        (timeout) => all.start(read(10, timeout === undefined ? {} : { timeout }))
      )
      yield* pass(100)
      assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Success"]))
      assert.strictEqual(yield* countOf(all, "tryAcquire"), 1)
      yield* assertClean(all, "key")
    }))

  it.effect("come too late after the window: then they ask for themselves", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const first = yield* all.start(read(100))
      yield* pass(windowMillis - 1)
      const second = yield* all.start(read(100))
      yield* pass(2)
      const third = yield* all.start(read(100))
      assert.strictEqual(yield* countOf(all, "tryAcquire"), 2)
      // and who comes after that joins the new one
      const fourth = yield* all.start(read(10))
      assert.strictEqual(yield* countOf(all, "tryAcquire"), 2)
      yield* pass(200)
      assert.deepStrictEqual([first, second, third, fourth].map(outcome), Array(4).fill("Success"))
      yield* assertClean(all, "key")
    }))

  it.effect("do not pass a writer of their process that waits", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const order: Array<string> = []
      const note = (name: string) => Effect.andThen(Effect.sync(() => order.push(name)), Effect.sleep(20))
      yield* all.start(Lock.withSharedLock(note("reader"), "key"))
      yield* all.start(Lock.withLock(note("writer"), "key"))
      yield* all.start(Lock.withSharedLock(note("behind"), "key"))
      yield* all.start(Lock.withSharedLock(note("behind"), "key"))
      yield* pass(100)
      assert.deepStrictEqual(order, ["reader", "writer", "behind", "behind"])
      // The two behind came in together.
      assert.strictEqual(yield* countOf(all, "release"), 3)
      yield* assertClean(all, "key")
    }))

  it.effect("keep a writer of another process out for no longer than the window and their work", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const other = yield* makeProcess(passing(all.inner))
      yield* all.start(read(5))
      yield* pass(2)
      const start = yield* Clock.currentTimeMillis
      const writer = yield* other.start(Lock.withLock(Clock.currentTimeMillis, "key"))
      for (let i = 0; i < 60; i++) {
        yield* all.start(read(5))
        yield* pass(1)
      }
      assert.strictEqual(outcome(writer), "Success")
      assert.isAtMost((yield* joined(writer)) - start, windowMillis + 5 + 2)
      yield* pass(100)
      for (const { engine } of [all, other]) yield* assertClean({ inner: all.inner, engine }, "key")
    }))

  it.effect("join only what is the same", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const options = [
        {},
        { expires: 5_000 },
        { renew: false },
        { share: { limit: 9 } },
        { share: { limit: Number.MAX_SAFE_INTEGER, permits: 2 } }
      ] satisfies ReadonlyArray<LockConfig.ShareOptions>
      const fibers = yield* Effect.forEach(options, (one) =>
        all.start(Effect.scoped(Effect.andThen(Lock.acquire("key", { share: true, ...one }), Effect.sleep(50)))))
      yield* pass(100)
      assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Success"]))
      assert.strictEqual(yield* countOf(all, "tryAcquire"), options.length)
      yield* assertClean(all, "key")
    }))

  it.effect("lose it together, and nobody joins what is lost", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const fibers = yield* Effect.forEach([1, 2, 3], () => all.start(read(5_000)))
      const [holder] = yield* all.run(Lock.holders("key"))
      assert.isTrue(yield* all.run(Lock.forceRelease("key", { token: holder.token })))
      yield* flush
      assert.deepStrictEqual(fibers.map(outcome), ["LockLost", "LockLost", "LockLost"])
      const after = yield* all.start(read(5))
      yield* pass(20)
      assert.strictEqual(outcome(after), "Success")
      assert.strictEqual(yield* countOf(all, "tryAcquire"), 2)
      yield* assertClean(all, "key")
    }))

  it.effect("leave it with the others when one is interrupted, or gives it back", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const [one, two] = yield* Effect.forEach([1, 2], () => all.start(read(100)))
      const scope = yield* Scope.make()
      const lease = yield* all.run(Scope.provide(Lock.acquire("key", { share: true }), scope))
      yield* Fiber.interrupt(one)
      yield* lease.release
      // What one has given back is over for it, and not for the others.
      assert.isTrue(Exit.isFailure(yield* Effect.exit(lease.extend())))
      assert.strictEqual(Duration.toMillis(yield* lease.remaining), 0)
      assert.strictEqual(yield* countOf(all, "release"), 0)
      yield* pass(120)
      assert.strictEqual(outcome(two), "Success")
      yield* Scope.close(scope, Exit.void)
      yield* assertClean(all, "key")
    }))

  it.effect("renew it together, and extend it for all", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const options = { expires: 900 }
      const fibers = yield* Effect.forEach([1, 2, 3], () => all.start(read(3_000, options)))
      const scope = yield* Scope.make()
      const [one, other] = yield* Effect.forEach([1, 2], () =>
        all.run(Scope.provide(Lock.acquire("key", { share: true, ...options }), scope)))
      yield* TestClock.adjust(950)
      assert.isAtMost(yield* countOf(all, "extend"), 4)
      yield* one.extend("1 minute")
      assert.isAbove(Duration.toMillis(yield* other.remaining), 50_000)
      yield* Effect.repeat(TestClock.adjust(100), { times: 25 })
      assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Success"]))
      yield* Scope.close(scope, Exit.void)
      yield* assertClean(all, "key")
    }))

  it.effect("are all told when its renewals stay away", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const fibers = yield* Effect.forEach([1, 2, 3], () => all.start(read(10_000, { expires: 900 })))
      yield* all.test.down
      yield* Effect.repeat(TestClock.adjust(50), { times: 40 })
      assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["LockLost"]))
      const error = yield* Effect.flip(joined(fibers[1]))
      assert.isTrue(error.reason._tag === "LockLost" && error.reason.failure !== undefined)
      yield* all.test.up
      yield* Effect.repeat(TestClock.adjust(100), { times: 40 })
      yield* assertClean(all, "key")
    }))

  it.effect("are all told when the backend closes, and the key is free when the last has ended", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const slow = Effect.onInterrupt(Effect.never, () => Effect.sleep(200))
      const fibers = yield* Effect.forEach([slow, Effect.never], (work) => all.start(Lock.withSharedLock(work, "key")))
      const closing = yield* Effect.forkChild(all.engine.close, { startImmediately: true })
      yield* pass(150)
      assert.deepStrictEqual(fibers.map(outcome), ["Running", "LockLost"])
      assert.isTrue(Option.isSome(yield* all.inner.inspect("key")))
      yield* pass(100)
      assert.strictEqual(outcome(fibers[0]), "LockLost")
      yield* TestClock.adjust(2_000)
      yield* joined(closing)
      yield* assertClean(all, "key")
    }))

  it.effect("count as many holders", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      yield* Effect.forEach([1, 2, 3], () => all.start(read(50)))
      assert.strictEqual(all.engine.sharing.surplus, 2)
      yield* pass(100)
      assert.strictEqual(all.engine.sharing.surplus, 0)
      yield* assertClean(all, "key")
    }))
})

/** Permits that note who is in, and how many at the most. */
const room = (all: Scene, limit: number) => {
  const seen: Array<string> = []
  const inside = { now: 0, most: 0 }
  const use = (name: string, millis: number, permits = 1, options?: LockConfig.SectionOptions) =>
    all.start(Lock.withPermits(
      Effect.acquireUseRelease(
        Effect.sync(() => {
          seen.push(name)
          inside.most = Math.max(inside.most, inside.now += permits)
        }),
        () => Effect.sleep(millis),
        () => Effect.sync(() => void (inside.now -= permits))
      ),
      "key",
      { limit, permits, ...options }
    ))
  return { seen, inside, use }
}

const names = (count: number) => Array.from({ length: count }, (_, i) => String(i))

describe("permits of one process", () => {
  it.effect("pass to those who wait here, in order, without asking", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const { inside, seen, use } = room(all, 2)
      const fibers = yield* Effect.forEach(names(12), (name) => use(name, 1))
      yield* pass(40)
      assert.deepStrictEqual([seen, inside.most], [names(12), 2])
      assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Success"]))
      assert.isAtMost(yield* countOf(all, "tryAcquire"), 6)
      yield* assertClean(all, "key")
    }))

  it.effect("do not pass to one who wants more or less of them, or of another limit, and nobody passes that one", () =>
    Effect.gen(function*() {
      for (const [permits, limit] of [[2, 2], [1, 3]] as const) {
        const all = yield* scene(passing)
        const { seen, use } = room(all, 2)
        yield* use("first", 3)
        yield* use("second", 3)
        yield* use("other", 3, permits, { share: { limit, permits } } as LockConfig.SectionOptions)
        yield* use("last", 3)
        yield* pass(60)
        assert.deepStrictEqual(seen, ["first", "second", "other", "last"])
        yield* assertClean(all, "key")
      }
    }))

  it.effect("go to others after the window, however many wait here", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const other = yield* makeProcess(passing(all.inner))
      const { seen, use } = room(all, 1)
      yield* Effect.forEach(names(60), (name) => use(name, 1))
      const there = yield* other.start(
        Lock.withPermits(Effect.sync(() => seen.push("there")), "key", { limit: 1 })
      )
      yield* pass(100)
      assert.strictEqual(outcome(there), "Success")
      assert.isAtMost(seen.indexOf("there"), 2 * windowMillis + 2)
      assert.strictEqual(seen.length, 61)
      for (const { engine } of [all, other]) yield* assertClean({ inner: all.inner, engine }, "key")
    }))

  it.effect("are not lost with who is interrupted when they come, wherever it waits", () =>
    Effect.gen(function*() {
      for (let interrupted = 1; interrupted < 5; interrupted++) {
        for (const late of [0, 1, 2]) {
          const all = yield* scene(passing)
          const { seen, use } = room(all, 1)
          const holder = yield* use("holder", 1_000)
          const fibers = yield* Effect.forEach(names(5), (name) => use(name, 1))
          yield* pass(3)
          // In one turn the permit comes back, and the one goes.
          holder.interruptUnsafe()
          if (late > 0) yield* Effect.yieldNow
          if (late > 1) yield* flush
          fibers[interrupted].interruptUnsafe()
          if (interrupted === 1) fibers[0].interruptUnsafe()
          yield* pass(60)
          assert.isFalse(fibers.map(outcome).includes("Running"))
          assert.deepStrictEqual(seen, ["holder", ...seen.slice(1).toSorted()])
          yield* assertClean(all, "key")
        }
      }
    }))

  it.effect("of a lease that is lost are lost, and who waits asks anew", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const { use } = room(all, 1)
      const first = yield* use("first", 2)
      const rest = yield* Effect.forEach(names(4), (name) => use(name, 5))
      yield* pass(3)
      const [holder] = yield* all.run(Lock.holders("key"))
      yield* all.run(Lock.forceRelease("key", { token: holder.token }))
      yield* pass(60)
      assert.deepStrictEqual(
        [first, ...rest].map(outcome),
        ["Success", "LockLost", "Success", "Success", "Success"]
      )
      yield* assertClean(all, "key")
    }))

  it.effect("pass also while a claim for the next is on its way, whose reply serves another then", () =>
    Effect.gen(function*() {
      const all = yield* scene(passing)
      const { inside, seen, use } = room(all, 2)
      yield* use("first", 3)
      yield* all.test.delay("tryAcquire", 6, { times: 1 })
      const fibers = yield* Effect.forEach(names(3), (name) => use(name, 20))
      // "0" is served by what the first gives back, and "1" by the reply to the claim for "0".
      yield* pass(5)
      assert.deepStrictEqual(seen, ["first", "0"])
      yield* pass(3)
      assert.deepStrictEqual(seen, ["first", "0", "1"])
      yield* pass(60)
      assert.deepStrictEqual([inside.most, new Set(fibers.map(outcome))], [2, new Set(["Success"])])
      yield* assertClean(all, "key")
    }))

  it.effect("leave nothing behind when claims fail, are late, or lost", () =>
    Effect.gen(function*() {
      for (const trouble of ["delay", "delayRequest", "loseReply", "loseRequest"] as const) {
        const all = yield* scene(passing)
        const { inside, use } = room(all, 2)
        if (trouble === "delay" || trouble === "delayRequest") yield* all.test[trouble]("any", 7)
        else yield* all.test[trouble]("tryAcquire", { times: 2 })
        const fibers = yield* Effect.forEach(names(20), (name) => use(name, 2))
        yield* pass(300)
        fibers[19].interruptUnsafe()
        yield* TestClock.adjust(10_000)
        assert.isFalse(fibers.map(outcome).includes("Running"), trouble)
        assert.isAtMost(inside.most, 2, trouble)
        yield* TestClock.adjust(60_000)
        yield* assertClean(all, "key")
      }
    }))
})

/** Draws numbers that a seed decides. */
const drawing = (seed: number) => {
  let state = seed
  return (size: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * size)
  }
}

const play = (seed: number, withTrouble: boolean) =>
  Effect.gen(function*() {
    const draw = drawing(seed)
    const inner = yield* InMemoryBackend.makeStore
    const tests = yield* Effect.forEach([1, 2], () => TestBackend.make(inner))
    const processes = yield* Effect.forEach(tests, ({ store }) => makeProcess(passing(withTrouble ? store : inner)))
    // Where each names a limit of its own, the greatest holds: who is let in first may begin its work after others.
    const usual = seed % 2 === 0 ? undefined : 1 + draw(4)
    const inside = new Map<number, { readonly permits: number; readonly limit: number }>()
    const faults: Array<string> = []
    const look = () => {
      const all = Array.from(inside.values())
      const used = all.reduce((sum, { permits }) => sum + permits, 0)
      const isAlone = all.some(({ limit }) => limit === 0)
      if (isAlone ? all.length > 1 : used > Math.max(...all.map(({ limit }) => limit))) {
        faults.push(JSON.stringify(Array.from(inside)))
      }
    }
    const trouble = ({ delay, delayRequest, loseReply, loseRequest }: typeof tests[number]) => {
      const once = { times: 1 }
      switch (draw(4)) {
        case 0:
          return delay("any", 1 + draw(20), once)
        case 1:
          return delayRequest("any", 1 + draw(20), once)
        case 2:
          return loseReply("any", once)
        default:
          return loseRequest("any", once)
      }
    }
    const fibers: Array<Fiber.Fiber<unknown, LockError.LockError>> = []
    for (let id = 0; id < 40; id++) {
      const profile = draw(10)
      const limit = usual ?? 1 + draw(4)
      const permits = 1 + draw(limit)
      const one = profile < 2
        ? { permits: 1, limit: 0 }
        : profile < 6
        ? { permits: 0, limit: Infinity }
        : { permits, limit }
      const work = Effect.acquireUseRelease(
        Effect.sync(() => {
          inside.set(id, one)
          look()
        }),
        () => draw(10) === 0 ? Effect.andThen(Effect.sleep(2), Effect.fail("own")) : Effect.sleep(draw(8)),
        () => Effect.sync(() => inside.delete(id))
      ).pipe(Effect.ignore)
      const options = draw(5) === 0 ? { timeout: draw(20) } : { timeout: "Infinity" as const }
      const { start } = processes[draw(2)]
      const fiber = yield* start<unknown, LockError.LockError>(
        profile < 2
          ? Lock.withLock(work, "key", options)
          : profile < 6
          ? Lock.withSharedLock(work, "key", options)
          : Lock.withPermits(work, "key", { limit, permits, ...options })
      )
      fibers.push(fiber)
      if (withTrouble && draw(3) === 0) yield* trouble(tests[draw(2)])
      if (draw(4) === 0) fibers[draw(fibers.length)].interruptUnsafe()
      if (draw(3) === 0) yield* TestClock.adjust(draw(6))
    }
    yield* pass(600)
    // What is lost is missed after a second, and may keep a key for a lease.
    if (withTrouble) yield* Effect.repeat(TestClock.adjust(100), { times: 900 })
    assert.deepStrictEqual(faults, [], `seed ${seed}`)
    const ends = fibers.map(outcome)
    const expected = new Set(["Success", "LockTimeout", "Interrupt", ...(withTrouble ? ["BackendFailure"] : [])])
    assert.isTrue(ends.every((end) => expected.has(end)), `seed ${seed}: ${ends}`)
    for (const { engine } of processes) yield* assertClean({ inner, engine }, "key")
  })

describe("programs of chance", () => {
  for (const withTrouble of [false, true]) {
    it.effect(
      `${
        withTrouble ? "whose messages are late or lost " : ""
      }never have a key together but within their limits, all get on, and nothing is left`,
      () =>
        Effect.forEach(
          Array.from({ length: 30 * seeds }, (_, i) => i + 1),
          (seed) => play(seed, withTrouble),
          { discard: true }
        ),
      600_000
    )
  }
})

describe("those who want a key alone and do not wait", () => {
  for (const [kind, change] of [["hands nothing on", (store: Store) => store], ["hands leases on", passing]] as const) {
    it.effect(`hear of the first who shares it, not of all of them, over a store that ${kind}`, () =>
      Effect.gen(function*() {
        const all = yield* scene(change)
        yield* all.test.delay("tryAcquire", 100)
        const sharers = yield* Effect.forEach(
          [1, 2, 3],
          () => all.start(Lock.withPermits(Effect.sleep(1_000), "key", { limit: 3 }))
        )
        const alone = yield* all.start(Lock.once(Effect.void, "key", { failIfLocked: true }))
        const shared = yield* all.start(Lock.once(Effect.sleep(1_000), "key", { share: { limit: 4 } }))
        yield* pass(101)
        assert.deepStrictEqual([alone, shared].map(outcome), ["LockTimeout", "Running"])
        const [holder] = yield* all.run(Lock.holders("key"))
        assert.include(String(alone.pollUnsafe()), `it is held by ${holder.owner}`)
        // It did not wait for the others to ask, so one of them may have to wait for it.
        yield* pass(3_000)
        assert.deepStrictEqual([...sharers, shared].map(outcome), Array(4).fill("Success"))
        yield* assertClean(all, "key")
      }))
  }
})
