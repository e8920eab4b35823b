import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Metric } from "effect"
import type { LockError } from "effect-lock"
import { Keeper } from "../../src/internal/engine/keeper.ts"
import { Lease, type Lender } from "../../src/internal/engine/lease.ts"
import { meterOf } from "../../src/internal/meter.ts"
import type { Time } from "../../src/internal/time.ts"
import { failure, HandPort, terms } from "./parts.ts"

const make = (options?: { readonly many?: boolean }) => {
  const port = new HandPort()
  if (options?.many === true) port.store = { extendAll: () => Effect.never }
  let wall = 0
  const time = { now: () => port.alarms.at, wallMillis: () => port.alarms.at + wall } as unknown as Time
  const keeper = new Keeper(port.port, time, meterOf("test", Context.make(Metric.MetricRegistry, new Map())))
  const lost: Array<string> = []
  const lender: Lender = {
    home: {},
    now: () => port.alarms.at,
    nextToken: () => "token",
    keep: (lease) => keeper.add(lease),
    extend: (lease, millis) => keeper.extend(lease, millis),
    moved: () => {},
    lost: (lease) => {
      keeper.remove(lease)
      lost.push(`${lease.key} ${lease.why} at ${lease.endedAt}`)
    },
    detach: (lease, millis) => keeper.detach(lease, millis),
    gone: (lease) => keeper.remove(lease),
    back: () => undefined
  }
  const keep = (key: string, millis = 3_000, renew = true) => {
    const at = port.alarms.at
    const lease = new Lease(lender, terms({ key, token: key, expiresMillis: millis, renew, since: at }))
    keeper.add(lease)
    return lease
  }
  const sent = () => port.asked.map(({ key, millis }) => `${key} ${millis}`)
  return { port, keeper, keep, lost, sent, jump: (millis: number) => wall += millis }
}

describe("Keeper", () => {
  it("renews at a third, from when it was asked", () => {
    const { keep, port, sent } = make()
    const lease = keep("a")
    port.passTo(999)
    assert.deepStrictEqual(sent(), [])
    port.passTo(1_000)
    assert.deepStrictEqual(sent(), ["a 3000"])
    port.passTo(1_400)
    port.last.answer(true)
    assert.deepStrictEqual([lease.deadline, lease.renewAt], [4_000, 2_000])
    port.passTo(2_000)
    assert.deepStrictEqual(sent(), ["a 3000", "a 3000"])
  })

  it("has one alarm for however many, and none for none", () => {
    const { keep, keeper, port } = make()
    const leases = Array.from({ length: 10 }, (_, i) => keep(`${i}`))
    assert.deepStrictEqual([keeper.size, port.alarms.size], [10, 1])
    keeper.add(leases[3])
    assert.strictEqual(keeper.size, 10)
    // In any order, each out of its place.
    for (const i of [9, 0, 4, 4, 1, 2, 3, 5, 8, 6]) keeper.remove(leases[i])
    assert.deepStrictEqual(keeper.all(), [leases[7]])
    keeper.remove(leases[7])
    port.turns.all()
    assert.deepStrictEqual([keeper.size, port.alarms.size], [0, 0])
  })

  it("stays awake until the end of a turn in which another comes", () => {
    const { keep, keeper, lost, port } = make()
    keeper.remove(keep("a", 3_000, false))
    const b = keep("b", 3_000, false)
    port.turns.all()
    assert.strictEqual(port.alarms.size, 1)
    keeper.remove(b)
    keeper.remove(keep("c", 3_000, false))
    port.turns.all()
    assert.strictEqual(port.alarms.size, 0)
    keep("d", 3_000, false)
    port.passTo(3_000)
    assert.deepStrictEqual(lost, ["d Expired at 3000"])
  })

  it("tries again after a third of what is left, and the deadline decides", () => {
    const { keep, lost, port } = make()
    const lease = keep("a")
    const at: Array<number> = []
    for (let time = 1; time <= 4_000; time++) {
      port.passTo(time)
      for (const { answer } of port.open) {
        at.push(time)
        answer(failure({ operation: "extend" }))
      }
    }
    assert.deepStrictEqual(at.slice(0, 4), [1_000, 1_667, 2_112, 2_408])
    assert.isAtLeast(Math.min(...at.slice(1).map((one, i) => one - at[i])), 2)
    assert.deepStrictEqual(lost, ["a Expired at 3000"])
    assert.strictEqual(lease.failure?.operation, "extend")
  })

  it("loses what the store says is not ours, at once", () => {
    const { keep, keeper, lost, port } = make()
    keep("a")
    port.passTo(1_000)
    port.passTo(1_200)
    port.last.answer(false)
    port.turns.all()
    assert.deepStrictEqual([lost, keeper.size, port.alarms.size], [["a Taken at 1200"], 0, 0])
  })

  it("ends what is not renewed at its deadline, and sends nothing for it", () => {
    const { keep, lost, port, sent } = make()
    keep("a", 3_000, false)
    port.passTo(2_999)
    assert.deepStrictEqual(lost, [])
    port.passTo(3_000)
    assert.deepStrictEqual([lost, sent()], [["a Expired at 3000"], []])
  })

  it("believes a late yes for what it was sent at, and none that comes after the end", () => {
    const { keep, lost, port } = make()
    const lease = keep("a")
    port.passTo(1_000)
    const [first] = port.asked
    port.passTo(2_900)
    first.answer(true)
    assert.strictEqual(lease.deadline, 4_000)
    for (const { answer } of port.open) answer(failure())
    port.passTo(4_000)
    assert.deepStrictEqual(lost, ["a Expired at 4000"])
    for (const { answer } of port.open) answer(true)
    assert.isFalse(lease.isHeld)
  })

  it("logs once for a lease that a store refuses to renew", () => {
    const { keep, port } = make()
    keep("a")
    for (let time = 1; time <= 3_000; time++) {
      port.passTo(time)
      for (const { answer } of port.open) answer(failure({ kind: "ReadOnly", retryable: false }))
    }
    assert.strictEqual(port.logged.length, 1)
  })

  describe("in batches", () => {
    it("renews all that are due, and those that soon will be, in one operation", () => {
      const { keep, port, sent } = make({ many: true })
      keep("a")
      port.passTo(50)
      keep("b")
      port.passTo(300)
      keep("c")
      port.passTo(1_000)
      assert.deepStrictEqual(sent(), ["a,b 3000"])
      port.last.answer([true, true])
      port.passTo(1_300)
      assert.deepStrictEqual(sent(), ["a,b 3000", "c 3000"])
    })

    it("answers each", () => {
      const { keep, lost, port } = make({ many: true })
      const [a, , c] = ["a", "b", "c"].map((key) => keep(key))
      port.passTo(1_000)
      port.last.answer([true, false, true])
      assert.deepStrictEqual(lost, ["b Taken at 1000"])
      assert.deepStrictEqual([a.deadline, c.deadline], [4_000, 4_000])
    })

    it("counts a failure for all, and a yes for none that is gone by then", () => {
      const { keep, keeper, lost, port } = make({ many: true })
      const [a, b] = ["a", "b"].map((key) => keep(key))
      port.passTo(1_000)
      keeper.remove(b)
      b.giveBack()
      port.last.answer(failure({ operation: "extend" }))
      assert.deepStrictEqual([a.failure?.kind, a.deadline, b.deadline], ["Unreachable", 3_000, 3_000])
      assert.deepStrictEqual(lost, [])
      assert.deepStrictEqual([a.out, b.out], [[], []])
    })
  })

  describe("looks at the wall clock once a second, and", () => {
    it("asks at once when it has run ahead by more than a little", () => {
      const { jump, keep, lost, port, sent } = make()
      keep("a", 60_000)
      keep("b", 60_000, false)
      keep("c", 9_000_000, false)
      port.passTo(1_500)
      jump(3_600_000)
      port.passTo(2_000)
      assert.deepStrictEqual(sent(), ["a 60000"])
      assert.deepStrictEqual(lost, ["b Expired at 2000"])
      port.last.answer(true)
      port.passTo(10_000)
      assert.strictEqual(sent().length, 1)
    })

    it("takes that off leases that are not renewed", () => {
      const { jump, keep, port } = make()
      const lease = keep("a", 60_000, false)
      jump(30_000)
      port.passTo(1_000)
      assert.strictEqual(lease.deadline, 30_000)
    })

    for (const millis of [400, -400, -3_600_000]) {
      it(`minds no ${millis} ms`, () => {
        const { jump, keep, port, sent } = make()
        const lease = keep("a", 60_000)
        jump(millis)
        port.passTo(5_000)
        assert.deepStrictEqual([sent(), lease.deadline], [[], 60_000])
      })
    }

    it("minds no jump while it kept nothing", () => {
      const { jump, keep, keeper, port, sent } = make()
      keeper.remove(keep("a", 60_000))
      port.turns.all()
      jump(3_600_000)
      keep("b", 60_000)
      port.passTo(5_000)
      assert.deepStrictEqual(sent(), [])
    })
  })

  describe("extends", () => {
    const extend = (lease: Lease, millis?: number) =>
      Effect.forkDetach(lease.extend(millis), { startImmediately: true })
    const ended = Effect.repeat(Effect.yieldNow, { times: 3 })

    const reason = (exit: Exit.Exit<void, LockError.LockError> | undefined) =>
      exit === undefined ? "Running" : Exit.isSuccess(exit) ? "Success" : String(exit.cause)

    it.effect("for as long as asked, and renews for that from then on", () =>
      Effect.gen(function*() {
        const { keep, port, sent } = make()
        const lease = keep("a")
        const fiber = yield* extend(lease, 60_000)
        port.last.answer(true)
        yield* ended
        assert.strictEqual(reason(fiber.pollUnsafe()), "Success")
        assert.deepStrictEqual([lease.deadline, lease.renewAt], [60_000, 20_000])
        port.passTo(20_000)
        assert.deepStrictEqual(sent(), ["a 60000", "a 60000"])
      }))

    it.effect("for no less than it was taken for", () =>
      Effect.gen(function*() {
        const { keep, sent } = make()
        yield* extend(keep("a"), 10)
        assert.deepStrictEqual(sent(), ["a 3000"])
      }))

    it.effect("nothing for longer after a failure", () =>
      Effect.gen(function*() {
        const { keep, port, sent } = make()
        const lease = keep("a")
        const fiber = yield* extend(lease, 60_000)
        port.last.answer(failure({ operation: "extend" }))
        yield* ended
        assert.include(reason(fiber.pollUnsafe()), "Unreachable")
        assert.deepStrictEqual([lease.deadline, lease.expiresMillis], [3_000, 3_000])
        // It may have been executed, which counts for what is owed.
        assert.strictEqual(lease.lastEnd, 60_000)
        port.passTo(1_000)
        assert.deepStrictEqual(sent(), ["a 60000", "a 3000"])
      }))

    it.effect("after a shorter one that is out, and not at all while that is unanswered", () =>
      Effect.gen(function*() {
        const { keep, port, sent } = make()
        const lease = keep("a")
        port.passTo(1_000)
        const first = yield* extend(lease, 60_000)
        assert.deepStrictEqual(sent(), ["a 3000"])
        port.asked[0].answer(true)
        yield* ended
        assert.deepStrictEqual(sent(), ["a 3000", "a 60000"])
        port.last.answer(true)
        yield* ended
        assert.strictEqual(reason(first.pollUnsafe()), "Success")

        const other = keep("b")
        port.passTo(2_000)
        const second = yield* extend(other, 60_000)
        port.passTo(3_000)
        yield* ended
        assert.include(reason(second.pollUnsafe()), "NoReply")
      }))

    it.effect("after several shorter ones that are out, for all of which it waits as long as for one", () =>
      Effect.gen(function*() {
        const { keep, port, sent } = make()
        const lease = keep("a")
        port.passTo(2_000)
        assert.deepStrictEqual(sent(), ["a 3000", "a 3000"])
        const fiber = yield* extend(lease, 60_000)
        port.passTo(2_500)
        port.asked[0].answer(true)
        yield* ended
        port.passTo(3_000)
        yield* ended
        assert.include(reason(fiber.pollUnsafe() ?? Exit.void), "NoReply")
      }))

    it.effect("while no renewal is sent that could undo it", () =>
      Effect.gen(function*() {
        const { keep, port, sent } = make()
        const lease = keep("a")
        port.passTo(500)
        yield* extend(lease, 60_000)
        port.passTo(1_499)
        assert.deepStrictEqual(sent(), ["a 60000"])
        // Silent by now: the lease must not end for that.
        port.passTo(2_500)
        assert.include(sent(), "a 3000")
        // Both are out, so neither counts for more than the shorter.
        port.asked[0].answer(true)
        assert.isAtMost(lease.deadline, 500 + 3_000)
      }))

    it.effect("nothing that is lost, before or meanwhile", () =>
      Effect.gen(function*() {
        const { keep, port, sent } = make()
        const lease = keep("a")
        const fiber = yield* extend(lease)
        lease.lose("Taken", 10)
        port.last.answer(true)
        yield* ended
        assert.include(reason(fiber.pollUnsafe()), "was lost")
        assert.include(reason(yield* Effect.exit(lease.extend())), "was lost")
        assert.strictEqual(sent().length, 1)
      }))

    for (const turn of [0, 1]) {
      it.effect(`and hears what has arrived in time, though it is read ${turn} turns after it`, () =>
        Effect.gen(function*() {
          const { keep, port } = make()
          const lease = keep("a", 60_000)
          const fiber = yield* extend(lease)
          // The event loop was late.
          port.alarms.passTo(1_000)
          for (let i = 0; i < turn; i++) port.turns.next()
          port.last.answer(true)
          port.turns.all()
          yield* ended
          assert.strictEqual(reason(fiber.pollUnsafe()), "Success")
        }))
    }

    it.effect("and hears nothing when that is all", () =>
      Effect.gen(function*() {
        const { keep, port } = make()
        const fiber = yield* extend(keep("a", 60_000))
        port.passTo(1_000)
        yield* ended
        assert.include(reason(fiber.pollUnsafe()), "NoReply")
      }))

    it.effect("until it is interrupted, and leaves no alarm for that", () =>
      Effect.gen(function*() {
        const { keep, keeper, port } = make()
        const lease = keep("a")
        const fiber = yield* extend(lease)
        fiber.interruptUnsafe()
        yield* ended
        assert.isDefined(fiber.pollUnsafe())
        keeper.remove(lease)
        port.last.answer(true)
        port.turns.all()
        assert.strictEqual(port.alarms.size, 0)
      }))
  })
})
