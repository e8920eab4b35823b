import { assert, describe, it } from "@effect/vitest"
import type { Fiber } from "effect"
import { Effect } from "effect"
import type { LockConfig, LockError, LockStore } from "effect-lock"
import { adopt } from "../../src/internal/engine/adopting.ts"
import type { Lease } from "../../src/internal/engine/lease.ts"
import { failure, handKeys, request as requestOf, state } from "./parts.ts"

const acquired = { _tag: "Acquired", fencingToken: 7 } as const

const make = (store: Partial<LockStore.LockStore> = { transfer: () => Effect.never }) => {
  const all = handKeys(store)
  const begin = (options?: Partial<LockConfig.LockRequest>) =>
    all.start((caller, restore) => {
      const request = requestOf({ timeoutMillis: 1_000, ...options })
      return adopt(all.keys, "from", request, caller, restore)
    })
  return { ...all, begin }
}

const reason = (fiber: Fiber.Fiber<Lease, LockError.LockError>): string => {
  const exit = fiber.pollUnsafe()
  return exit?._tag === "Failure" ? String(exit.cause) : "it has not failed"
}

describe("adopt", () => {
  it.effect("asks nobody for what cannot be had", () =>
    Effect.gen(function*() {
      const { begin, keys, port } = make()
      assert.strictEqual(state(yield* begin({ expiresMillis: 5 })), "InvalidOptions")
      keys.closed = true
      assert.include(reason(yield* begin()), "Closed")
      const without = make({})
      assert.include(reason(yield* without.begin()), "Unsupported")
      assert.deepStrictEqual([port.asked, without.port.asked], [[], []])
    }))

  it.effect("has a lease that counts from when it was asked, and goes back like any", () =>
    Effect.gen(function*() {
      const { answer, begin, keys, passTo, port, told } = make()
      const fiber = yield* begin()
      yield* passTo(300)
      yield* answer(acquired)
      assert.strictEqual(state(fiber), "#7")
      const exit = fiber.pollUnsafe()
      const lease = exit?._tag === "Success" ? exit.value : assert.fail("it has no lease")
      assert.deepStrictEqual([lease.deadline, keys.sharing.all(), told], [3_000, [lease], ["Acquired"]])
      lease.giveBack()
      assert.deepStrictEqual([port.last.operation, port.last.token], ["release", lease.token])
      yield* answer(true)
      assert.deepStrictEqual([keys.sharing.all(), keys.debts.size], [[], 0])
    }))

  for (const [reply, why] of [[{ _tag: "Held", token: "other" }, "Taken"], [{ _tag: "Held" }, "Expired"]] as const) {
    it.effect(`says ${why} of ${JSON.stringify(reply)}, and owes nothing`, () =>
      Effect.gen(function*() {
        const { answer, begin, keys, port } = make()
        const fiber = yield* begin()
        yield* answer(reply)
        const exit = fiber.pollUnsafe()
        const error = exit?._tag === "Failure" ? exit.cause.reasons[0] : undefined
        assert.strictEqual(
          error?._tag === "Fail" && error.error.reason._tag === "LockLost" ? error.error.reason.why : undefined,
          why
        )
        assert.deepStrictEqual([port.asked.length, keys.debts.size], [1, 0])
      }))
  }

  it.effect("asks again after what may pass, further and further apart, to the end of its time and not beyond", () =>
    Effect.gen(function*() {
      const { answer, begin, keys, passTo, port } = make()
      const fiber = yield* begin({ timeoutMillis: 200 })
      const at: Array<number> = []
      while (state(fiber) === "Running") {
        at.push(port.alarms.at)
        yield* answer(failure({ operation: "acquire" }))
        while (port.open.length === 0 && state(fiber) === "Running") yield* passTo(port.alarms.at + 1)
      }
      assert.deepStrictEqual(at, [0, 20, 60, 140, 200])
      assert.include(reason(fiber), "Unreachable")
      // It may have it all the same.
      assert.strictEqual(port.last.operation, "release")
      yield* answer(true)
      assert.strictEqual(keys.debts.size, 0)
    }))

  it.effect("ends with what will not pass", () =>
    Effect.gen(function*() {
      const { answer, begin, port } = make()
      const fiber = yield* begin()
      yield* answer(failure({ operation: "acquire", kind: "ReadOnly", retryable: false }))
      assert.include(reason(fiber), "ReadOnly")
      assert.strictEqual(port.asked.filter(({ operation }) => operation === "acquire").length, 1)
    }))

  it.effect("asks anew for what was over when it came", () =>
    Effect.gen(function*() {
      const { answer, begin, passTo, port } = make()
      const fiber = yield* begin({ expiresMillis: 100 })
      yield* passTo(95)
      yield* answer(acquired)
      yield* passTo(120)
      assert.deepStrictEqual([state(fiber), port.open.length], ["Running", 1])
      yield* answer(acquired)
      assert.strictEqual(state(fiber), "#7")
    }))

  it.effect("that is interrupted owes its own token, and what is out of it", () =>
    Effect.gen(function*() {
      const { answer, begin, goOn, keys, port, sent } = make()
      const fiber = yield* begin()
      const [first] = port.asked
      fiber.interruptUnsafe()
      yield* goOn
      assert.strictEqual(state(fiber), "Interrupt")
      assert.deepStrictEqual(sent(), ["acquire token.1.random.me", "release token.1.random.me"])
      yield* answer(true)
      assert.strictEqual(keys.debts.size, 1)
      // Executed after the release: it is asked for once more.
      yield* answer(acquired, first)
      assert.strictEqual(sent().length, 3)
      yield* answer(true)
      assert.strictEqual(keys.debts.size, 0)
    }))

  it.effect("whose backend closes meanwhile gives nothing to its caller", () =>
    Effect.gen(function*() {
      const { answer, begin, keys, port } = make()
      const fiber = yield* begin()
      keys.closed = true
      yield* answer(acquired)
      assert.include(reason(fiber), "Closed")
      assert.strictEqual(port.last.operation, "release")
    }))
})
