import { assert, describe, it } from "@effect/vitest"
import type { Fiber } from "effect"
import { Duration, Effect } from "effect"
import type { LockConfig, LockError, LockStore } from "effect-lock"
import { Lease } from "../../src/internal/engine/lease.ts"
import { take } from "../../src/internal/engine/taking.ts"
import { handKeys, handTable, request, state } from "./parts.ts"

const acquired = { _tag: "Acquired", fencingToken: 7 } as const
const held = { _tag: "Held", token: "other" } as const
const reader = { permits: 1, limit: Number.MAX_SAFE_INTEGER }

const make = (store?: Partial<LockStore.LockStore>) => {
  const all = handKeys(store)
  const begin = (options?: Partial<LockConfig.LockRequest>) =>
    all.start((caller, restore) => take(all.keys, request(options), caller, restore))
  return { ...all, begin }
}

const makeInPlace = () => {
  const all = make()
  const table = handTable()
  all.port.direct = table.table
  return { ...all, table }
}

const leaseOf = (fiber: Fiber.Fiber<unknown, LockError.LockError>): Lease => {
  const exit = fiber.pollUnsafe()
  if (exit?._tag !== "Success" || !(exit.value instanceof Lease)) return assert.fail("it has no lease")
  return exit.value
}

describe("take", () => {
  it.effect("asks nobody for what cannot be had", () =>
    Effect.gen(function*() {
      const { begin, keys, port } = make()
      assert.strictEqual(state(yield* begin({ expiresMillis: 5 })), "InvalidOptions")
      assert.strictEqual(state(yield* begin({ share: reader })), "BackendFailure")
      keys.closed = true
      assert.strictEqual(state(yield* begin()), "BackendFailure")
      assert.deepStrictEqual([port.asked, keys.lines.size, port.alarms.size], [[], 0, 0])
    }))

  describe("of a store that is asked", () => {
    it.effect("asks at once where nobody has the turn, and has a line as long as there is somebody", () =>
      Effect.gen(function*() {
        const { answer, begin, keys, sent, told } = make()
        const fiber = yield* begin()
        assert.deepStrictEqual([sent(), keys.lines.size], [["acquire token.1.random.me"], 1])
        yield* answer(acquired)
        assert.deepStrictEqual([state(fiber), told], ["#7", ["Acquired"]])
        leaseOf(fiber).giveBack()
        assert.deepStrictEqual(sent(), ["acquire token.1.random.me", "release token.1.random.me"])
        yield* answer(true)
        assert.deepStrictEqual([keys.lines.size, keys.debts.size], [0, 0])
      }))

    it.effect("asks nobody, and waits for nobody, where one here has the key and there is no time", () =>
      Effect.gen(function*() {
        const { answer, begin, sent } = make()
        yield* begin()
        yield* answer(acquired)
        assert.strictEqual(state(yield* begin()), "Refusal")
        assert.deepStrictEqual(sent(), ["acquire token.1.random.me"])
      }))

    it.effect("waits without time for what the one with the turn hears", () =>
      Effect.gen(function*() {
        const { answer, begin, sent } = make()
        const [first, second] = [yield* begin(), yield* begin()]
        assert.deepStrictEqual([state(first), state(second)], ["Running", "Running"])
        yield* answer(held)
        assert.deepStrictEqual([state(first), state(second)], ["Refusal", "Refusal"])
        assert.deepStrictEqual(sent(), ["acquire token.1.random.me"])
      }))

    it.effect("has the turn once the one before has given the key back, and that is known", () =>
      Effect.gen(function*() {
        const { answer, begin, goOn, sent } = make()
        const first = yield* begin()
        yield* answer(acquired)
        const second = yield* begin({ timeoutMillis: 60_000 })
        leaseOf(first).giveBack()
        yield* goOn
        assert.strictEqual(sent().at(-1), "release token.1.random.me")
        yield* answer(true)
        assert.strictEqual(sent().at(-1), "acquire token.2.random.me")
        yield* answer({ ...acquired, fencingToken: 8 })
        assert.strictEqual(state(second), "#8")
      }))

    it.effect("joins readers that have just come, and asks nobody", () =>
      Effect.gen(function*() {
        const { answer, begin, passTo, sent, told } = make({
          shares: true,
          handOver: { times: 100, within: Duration.millis(10) }
        })
        const shared = { share: reader }
        yield* begin(shared)
        yield* answer(acquired)
        const second = yield* begin(shared)
        assert.deepStrictEqual([state(second), sent().length], ["#7", 1])
        assert.deepStrictEqual(told, ["Acquired", "HandedOver", "Acquired"])
        yield* passTo(10)
        const third = yield* begin(shared)
        assert.deepStrictEqual([state(third), sent().length], ["Running", 2])
      }))
  })

  describe("of a store in this process", () => {
    it.effect("needs no line, no call and no alarm", () =>
      Effect.gen(function*() {
        const { begin, keys, port, table } = makeInPlace()
        const fiber = yield* begin({ timeoutMillis: 60_000 })
        assert.deepStrictEqual([state(fiber), keys.lines.size, port.alarms.size], ["#1", 0, 0])
        assert.strictEqual(table.holds.get("key")?.bearer, leaseOf(fiber))
        assert.strictEqual(state(yield* begin()), "Refusal")
        assert.strictEqual(keys.lines.size, 0)
        leaseOf(fiber).giveBack()
        assert.deepStrictEqual([table.holds.size, port.asked], [0, []])
      }))

    it.effect("has a line take the lease over for which somebody comes to wait", () =>
      Effect.gen(function*() {
        const { begin, goOn, keys, kept } = makeInPlace()
        const first = leaseOf(yield* begin())
        const second = yield* begin({ timeoutMillis: 60_000 })
        assert.strictEqual(first.lender, keys.lines.get("key"))
        assert.strictEqual(state(second), "Running")
        first.giveBack()
        yield* goOn
        assert.deepStrictEqual([state(second), kept.size], ["#2", 0])
      }))

    it.effect("waits for one who has lost the key and not given it back as for somebody else", () =>
      Effect.gen(function*() {
        const { begin, keys, passTo } = makeInPlace()
        const first = leaseOf(yield* begin())
        first.lose("Taken", 0)
        const second = yield* begin({ timeoutMillis: 60_000 })
        assert.strictEqual(first.lender, keys.counter)
        assert.strictEqual(state(second), "Running")
        first.giveBack()
        yield* passTo(300)
        assert.strictEqual(state(second), "#2")
      }))
  })
})
