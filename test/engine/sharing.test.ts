/** Keys that are shared: readers beside each other, permits up to a limit, writers alone. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Option } from "effect"
import { InMemoryBackend, Lock, LockError, type LockStore, OpenBackend } from "effect-lock"
import { TestClock } from "effect/testing"
import { Lease } from "../../src/internal/engine/lease.ts"
import { Sharing } from "../../src/internal/engine/sharing.ts"
import { handKeys, request, terms } from "./parts.ts"
import { assertClean, deaf, flush, joined, makeProcess, outcome, type Process, scene } from "./support.ts"

type Store = LockStore.LockStore

/** Two processes over one store, called in place or by its operations. */
const two = (change: (store: Store) => Store) =>
  Effect.gen(function*() {
    const inner = yield* InMemoryBackend.makeStore
    return { inner, one: yield* makeProcess(change(inner)), other: yield* makeProcess(change(inner)) }
  })

const forms: Record<string, (store: Store) => Store> = {
  "in place": (store) => store,
  "by its operations": (store) => ({ ...store }),
  "that does not tell of releases": deaf
}

/** Counts who is inside, and what it sees. */
const room = () => {
  const inside = { readers: 0, writers: 0, permits: 0, most: 0 }
  const faults: Array<string> = []
  const enter = (kind: "readers" | "writers" | "permits", by: number, millis: number) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        inside[kind] += by
        inside.most = Math.max(inside.most, inside.permits)
        if (inside.writers > 1 || (inside.writers > 0 && inside.readers + inside.permits > 0)) {
          faults.push(JSON.stringify(inside))
        }
      }),
      () => Effect.sleep(millis),
      () => Effect.sync(() => void (inside[kind] -= by))
    )
  return { inside, faults, enter }
}

const settle = (millis: number) => Effect.repeat(TestClock.adjust(millis / 100), { times: 99 })

for (const [form, change] of Object.entries(forms)) {
  describe(`a store in memory ${form}`, () => {
    it.effect("lets readers in together, and a writer alone", () =>
      Effect.gen(function*() {
        const { inner, one, other } = yield* two(change)
        const { enter, faults, inside } = room()
        const processes: ReadonlyArray<Process> = [one, other]
        const fibers = yield* Effect.forEach(
          Array.from({ length: 60 }, (_, i) => i),
          (i) =>
            processes[i % 2].start(
              i % 10 === 7
                ? Lock.withLock(enter("writers", 1, 5), "key", { timeout: "Infinity" })
                : Lock.withSharedLock(enter("readers", 1, 5), "key", { timeout: "Infinity" })
            )
        )
        yield* flush
        assert.isAbove(inside.readers, 5)
        yield* settle(20_000)
        assert.deepStrictEqual([faults, new Set(fibers.map(outcome))], [[], new Set(["Success"])])
        for (const { engine } of processes) yield* assertClean({ inner, engine }, "key")
      }))

    it.effect("never gives out more permits than the least limit that is kept", () =>
      Effect.gen(function*() {
        const { inner, one, other } = yield* two(change)
        const { enter, faults, inside } = room()
        const processes: ReadonlyArray<Process> = [one, other]
        const fibers = yield* Effect.forEach(Array.from({ length: 50 }, (_, i) => i), (i) => {
          const permits = 1 + i % 3
          return processes[i % 2].start(
            Lock.withPermits(enter("permits", permits, 7), "key", { limit: 4, permits, timeout: "Infinity" })
          )
        })
        yield* settle(30_000)
        assert.deepStrictEqual([faults, inside.most <= 4, inside.permits], [[], true, 0])
        assert.isAbove(inside.most, 2)
        assert.deepStrictEqual(new Set(fibers.map(outcome)), new Set(["Success"]))
        for (const { engine } of processes) yield* assertClean({ inner, engine }, "key")
      }))

    // Who is not told of releases has no place in a store's queue.
    const queues = change !== deaf

    it.effect.runIf(queues)(
      "does not let a stream of readers keep a writer out, in the same process or another",
      () =>
        Effect.gen(function*() {
          for (const elsewhere of [false, true]) {
            const { inner, one, other } = yield* two(change)
            const reader = one.start(Lock.withSharedLock(Effect.sleep(40), "key", { timeout: "Infinity" }))
            for (let i = 0; i < 4; i++) {
              yield* reader
              yield* TestClock.adjust(10)
            }
            const start = yield* Clock.currentTimeMillis
            const done = yield* (elsewhere ? other : one).start(Lock.withLock(Clock.currentTimeMillis, "key"))
            for (let i = 0; i < 100; i++) {
              yield* reader
              yield* TestClock.adjust(10)
            }
            assert.strictEqual(outcome(done), "Success")
            assert.isAtMost((yield* joined(done)) - start, 400)
            yield* settle(5_000)
            for (const { engine } of [one, other]) yield* assertClean({ inner, engine }, "key")
          }
        })
    )

    it.effect("does not let light claims pass a heavy one", () =>
      Effect.gen(function*() {
        const { one } = yield* two(change)
        const order: Array<string> = []
        const claim = (name: string, permits: number, millis: number) =>
          one.start(Lock.withPermits(
            Effect.andThen(Effect.sync(() => order.push(name)), Effect.sleep(millis)),
            "key",
            { limit: 3, permits }
          ))
        yield* claim("first", 2, 50)
        yield* claim("heavy", 3, 10)
        yield* claim("light", 1, 10)
        yield* settle(2_000)
        assert.deepStrictEqual(order, ["first", "heavy", "light"])
      }))

    it.effect.runIf(queues)("lets in those behind a waiter that gives up", () =>
      Effect.gen(function*() {
        const { inner, one, other } = yield* two(change)
        const reader = yield* one.start(Lock.withSharedLock(Effect.sleep(5_000), "key"))
        const writer = yield* other.start(Lock.withLock(Effect.void, "key", { timeout: 100 }))
        yield* TestClock.adjust(20)
        const behind = yield* one.start(Lock.withSharedLock(Effect.void, "key"))
        yield* TestClock.adjust(20)
        assert.strictEqual(outcome(behind), "Running")
        yield* settle(1_000)
        assert.deepStrictEqual([reader, writer, behind].map(outcome), ["Running", "LockTimeout", "Success"])
        yield* settle(5_000)
        for (const { engine } of [one, other]) yield* assertClean({ inner, engine }, "key")
      }))

    it.effect("ends each sharer's lease by itself", () =>
      Effect.gen(function*() {
        const { inner, one, other } = yield* two(change)
        const short = yield* one.start(
          Lock.acquire("key", { expires: 100, renew: false, share: { limit: 2 } }).pipe(
            Effect.andThen(Effect.never),
            Effect.scoped
          )
        )
        const long = yield* one.start(Lock.withPermits(Effect.sleep(3_000), "key", { limit: 2, expires: 1_000 }))
        const third = yield* other.start(Lock.withPermits(Effect.void, "key", { limit: 2 }))
        yield* TestClock.adjust(50)
        assert.strictEqual(outcome(third), "Running")
        yield* settle(1_000)
        assert.deepStrictEqual([outcome(long), outcome(third)], ["Running", "Success"])
        yield* Fiber.interrupt(short)
        yield* settle(5_000)
        for (const { engine } of [one, other]) yield* assertClean({ inner, engine }, "key")
      }))
  })
}

describe("sharing", () => {
  it.effect("names its holders, with their permits, and frees them one by one or all", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const [a, b] = yield* Effect.forEach([1, 2], (permits) =>
        all.start(Lock.withPermits(Effect.never, "key", { limit: 3, permits, expires: 900 })))
      const holders = yield* all.run(Lock.holders("key"))
      assert.deepStrictEqual(
        holders.map(({ permits }) =>
          permits
        ).toSorted(),
        [1, 2]
      )
      const { token } = holders.find(({ permits }) => permits === 2)!
      assert.isFalse(yield* all.run(Lock.forceRelease("key", { token: "somebody-else" })))
      assert.isTrue(yield* all.run(Lock.forceRelease("key", { token })))
      yield* flush
      assert.deepStrictEqual([a, b].map(outcome), ["Running", "LockLost"])
      assert.isTrue(yield* all.run(Lock.forceRelease("key")))
      yield* flush
      assert.strictEqual(outcome(a), "LockLost")
      yield* assertClean(all, "key")
    }))

  it.effect("tells one sharer of its loss, and leaves the others alone", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.start(Lock.withSharedLock(Effect.sleep(2_000), "key", { expires: 900 }))
      const other = yield* all.start(Lock.withSharedLock(Effect.never, "key", { expires: 900, renew: false }))
      const mine = yield* all.start(Lock.withSharedLock(Effect.sleep(2_000), "key", { expires: 900 }))
      yield* settle(1_500)
      assert.deepStrictEqual([other, mine].map(outcome), ["LockLost", "Running"])
      yield* settle(3_000)
      assert.strictEqual(outcome(mine), "Success")
      yield* assertClean(all, "key")
    }))

  it.effect("runs at most so many with once, and none when full", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const job = Lock.once(Effect.sleep(10), "job", { share: { limit: 2 } })
      const fibers = yield* Effect.forEach([1, 2, 3], () => all.start(job))
      yield* TestClock.adjust(20)
      const results = yield* Effect.forEach(fibers, joined)
      assert.deepStrictEqual(results.map(Option.isSome), [true, true, false])
      yield* assertClean(all, "job")
    }))

  it.effect("refuses what makes no sense before anything is sent", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const wrong = [
        { limit: 2, permits: 3 },
        { limit: 2, permits: 0 },
        { limit: 1.5 },
        { limit: 0 },
        { limit: 3, permits: 1.5 },
        { limit: NaN }
      ]
      for (const options of wrong) {
        const error = yield* Effect.flip(all.run(Lock.withPermits(Effect.void, "key", options)))
        assert.strictEqual(error.reason._tag, "InvalidOptions", JSON.stringify(options))
      }
      assert.isEmpty(yield* all.test.calls)
    }))

  it.effect("fails at once, and for good, on a store that keeps one holder", () =>
    Effect.gen(function*() {
      const all = yield* scene((store) => ({ ...store, shares: false }))
      const error = yield* Effect.flip(all.run(Lock.withSharedLock(Effect.void, "key")))
      if (error.reason._tag !== "BackendFailure") return assert.fail(error.message)
      assert.deepStrictEqual([error.reason.kind, error.reason.retryable], ["Unsupported", false])
      assert.isEmpty(yield* all.test.calls)
    }))

  it.effect("cannot become holding alone: that fails at once, and so does a second share behind a writer", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const upgrade = yield* all.start(Lock.withSharedLock(Lock.withLock(Effect.void, "key"), "key"))
      yield* flush
      const reason = (yield* Effect.flip(joined(upgrade))).reason
      assert.isTrue(reason instanceof LockError.LockReentered && reason.held === "shared" && reason.wanted === "alone")
      // with nobody in between, a second share is one more
      assert.strictEqual(yield* all.run(Lock.withSharedLock(Lock.withSharedLock(Effect.succeed(1), "key"), "key")), 1)
      const second = yield* all.start(
        Lock.withSharedLock(Effect.delay(Lock.withSharedLock(Effect.void, "key"), 50), "key")
      )
      const writer = yield* all.start(Lock.withLock(Effect.void, "key"))
      yield* settle(500)
      assert.deepStrictEqual([second, writer].map(outcome), ["LockReentered", "Success"])
      yield* assertClean(all, "key")
    }))

  it.effect("may run under the lease that is there, alone or shared", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const inner = Lock.withSharedLock(Effect.succeed("in"), "key", { reenter: true })
      assert.strictEqual(yield* all.run(Lock.withLock(inner, "key")), "in")
      assert.strictEqual(yield* all.run(Lock.withSharedLock(inner, "key")), "in")
      const alone = Lock.withLock(Effect.void, "key", { reenter: true })
      const error = yield* Effect.flip(all.run(Lock.withSharedLock(alone, "key")))
      assert.strictEqual(error.reason._tag, "LockReentered")
      yield* assertClean(all, "key")
    }))

  it.effect("runs under the lease that is there only if that has permits enough, and of no greater limit", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const permitsOf = (permits: number, limit: number, within: number, of: number) => {
        const held = Effect.map(Lock.holders("key"), (holders) => holders.map(({ permits }) => permits))
        const inner = Lock.withPermits(held, "key", { permits, limit, reenter: true, timeout: 0 })
        return all.run(
          within === Infinity
            ? Lock.withSharedLock(inner, "key")
            : Lock.withPermits(inner, "key", { permits: within, limit: of })
        )
      }
      assert.deepStrictEqual(yield* permitsOf(1, 3, 1, 3), [1])
      assert.deepStrictEqual(yield* permitsOf(1, 3, 2, 3), [2])
      assert.deepStrictEqual(yield* permitsOf(1, 4, 1, 3), [1])
      // Its own permits beside those that are there.
      assert.deepStrictEqual(yield* permitsOf(2, 3, 1, 3), [1, 2])
      assert.deepStrictEqual(yield* permitsOf(1, 3, 1, 4), [1, 1])
      assert.deepStrictEqual(yield* permitsOf(1, 2, Infinity, 0), [1, 1])
      for (const refused of [permitsOf(3, 3, 1, 3), permitsOf(1, 1, 1, 2), permitsOf(1, 1, Infinity, 0)]) {
        assert.strictEqual((yield* Effect.flip(refused)).reason._tag, "LockTimeout")
      }
      const waits = Lock.withPermits(Effect.void, "key", { limit: 1, reenter: true })
      const error = yield* Effect.flip(all.run(Lock.withSharedLock(waits, "key")))
      assert.strictEqual(error.reason._tag, "LockReentered")
      yield* assertClean(all, "key")
    }))

  it.effect("gives a reader a fencing token between those of the writers around it", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fence = (lease: Lock.Lease) => Effect.succeed(lease.fencingToken)
      const before = yield* all.run(Lock.withLock(fence, "key"))
      const reader = yield* all.run(Lock.withSharedLock(fence, "key"))
      const after = yield* all.run(Lock.withLock(fence, "key"))
      assert.isTrue(before < reader && reader < after)
    }))

  it.effect("is freed when the backend closes", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      const fibers = yield* Effect.forEach([1, 2, 3], () => all.start(Lock.withSharedLock(Effect.never, "key")))
      const waiter = yield* all.start(Lock.withLock(Effect.void, "key"))
      yield* flush
      const closing = yield* Effect.forkChild(all.engine.close, { startImmediately: true })
      yield* TestClock.adjust(2_000)
      yield* joined(closing)
      assert.deepStrictEqual([...fibers, waiter].map(outcome), [
        "LockLost",
        "LockLost",
        "LockLost",
        "BackendFailure"
      ])
      yield* assertClean(all, "key")
    }))

  it.effect("is everybody's on the open backend", () =>
    Effect.gen(function*() {
      const nested = Lock.withLock(Lock.withPermits(Effect.succeed(1), "key", { limit: 1 }), "key")
      assert.strictEqual(yield* nested, 1)
      assert.isEmpty(yield* Lock.holders("key"))
    }).pipe(Effect.provide(OpenBackend.layer)))

  it.effect("waits no longer than its timeout, and says so", () =>
    Effect.gen(function*() {
      const all = yield* scene()
      yield* all.start(Lock.withPermits(Effect.never, "key", { limit: 1 }))
      const fiber = yield* all.start(Lock.withPermits(Effect.void, "key", { limit: 1, timeout: 300 }))
      yield* settle(400)
      const { reason } = yield* Effect.flip(joined(fiber))
      if (reason._tag !== "LockTimeout") return assert.fail(reason._tag)
      assert.isAtLeast(Duration.toMillis(reason.waited), 300)
      assert.isDefined(reason.holder)
    }))
})

describe("Sharing, by itself", () => {
  const reader = { permits: 1, limit: Number.MAX_SAFE_INTEGER }
  const some = { permits: 2, limit: 5 }
  const passing = { shares: true, handOver: { times: 3, within: Duration.millis(10) } }

  const make = (store: Partial<Store> = passing) => {
    const all = handKeys(store)
    const served: Array<string> = []
    let isNext = false
    const sharing = new Sharing(all.keys, () => ({
      serve: ({ lease }) => {
        if (isNext) served.push(lease.token)
        return isNext
      }
    }))
    const lend = (share: LockStore.Share | undefined, token = "token.me") => {
      const at = all.port.alarms.at
      return sharing.lend(
        new Lease(sharing, terms({ token, fencingToken: 7, since: at })),
        share
      )
    }
    return { ...all, sharing, lend, served, serveNext: (is: boolean) => void (isNext = is) }
  }

  it("gives each a lease of its own where the store lets none pass", () => {
    const { lend, port, sharing } = make({ shares: true })
    const leases = [lend(reader), lend(some)]
    assert.deepStrictEqual([sharing.all(), sharing.surplus, sharing.isCommon(leases[0])], [leases, 0, false])
    assert.isUndefined(sharing.join(request({ share: reader }), 0))
    leases[0].giveBack()
    assert.deepStrictEqual([sharing.all(), port.asked.length], [[leases[1]], 1])
  })

  it("has readers that come soon have one lease in common, and nobody else", () => {
    const { lend, port, sharing } = make()
    const first = lend(reader)
    const join = (options: Parameters<typeof request>[0], at = 5) => sharing.join(request(options), at)
    assert.isUndefined(join({ share: undefined }))
    assert.isUndefined(join({ share: some }))
    assert.isUndefined(join({ share: reader, key: "other" }))
    assert.isUndefined(join({ share: reader, renew: false }))
    assert.isUndefined(join({ share: reader, expiresMillis: 5_000 }))
    assert.isUndefined(join({ share: reader, owner: "somebody" }))
    assert.isUndefined(join({ share: reader }, 10))
    const second = join({ share: reader }) ?? assert.fail("it does not join")
    assert.deepStrictEqual([second.token, second.fencingToken, sharing.surplus], ["token.me", 7, 1])
    first.giveBack()
    assert.strictEqual(port.asked.length, 0)
    second.giveBack()
    assert.deepStrictEqual([port.last.operation, sharing.all(), sharing.surplus], ["release", [], 0])
    assert.isUndefined(join({ share: reader }))
  })

  it("passes what nobody has any more to who is next, as long as it wants that", () => {
    const { lend, port, served, serveNext } = make()
    serveNext(true)
    lend(some).giveBack()
    assert.deepStrictEqual([served, port.asked], [["token.me"], []])
    serveNext(false)
    lend(some).giveBack()
    assert.deepStrictEqual(port.asked.map(({ operation }) => operation), ["release"])
  })

  it("passes nothing on that is lost, nor once the backend is closed", () => {
    const { keys, lend, port, served, serveNext } = make()
    serveNext(true)
    const lost = lend(reader)
    lost.lose("Expired", 10)
    lost.giveBack()
    keys.closed = true
    lend(reader).giveBack()
    assert.deepStrictEqual([served, port.asked.length], [[], 2])
  })

  it("tells all who have a lease in common of what becomes of it", () => {
    const { kept, lend, sharing } = make()
    const first = lend(reader)
    const second = sharing.join(request({ share: reader }), 5)!
    first.watch(() => {})
    const [common] = kept
    common.extended(9_000, 4_000, 6_000)
    assert.deepStrictEqual([first, second].map(({ deadline, expiresMillis }) => [deadline, expiresMillis]), [
      [9_000, 6_000],
      [9_000, 6_000]
    ])
    common.lose("Taken", 20)
    assert.deepStrictEqual([first.why, second.why, kept.size], ["Taken", "Taken", 0])
  })
})
