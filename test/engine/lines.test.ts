import { assert, describe, it } from "@effect/vitest"
import { Effect, type Fiber } from "effect"
import type { LockConfig, LockError } from "effect-lock"
import { Lease } from "../../src/internal/engine/lease.ts"
import { take } from "../../src/internal/engine/taking.ts"
import { handKeys, request, state } from "./parts.ts"

const acquired = { _tag: "Acquired", fencingToken: 7 } as const

const make = () => {
  const all = handKeys()
  const begin = (options?: Partial<LockConfig.LockRequest>) =>
    all.start((caller, restore) => take(all.keys, request(options), caller, restore))
  const leaseOf = (fiber: Fiber.Fiber<unknown, LockError.LockError>): Lease => {
    const exit = fiber.pollUnsafe()
    return exit?._tag === "Success" && exit.value instanceof Lease ? exit.value : assert.fail("it has no lease")
  }
  const had = Effect.gen(function*() {
    const fiber = yield* begin()
    yield* all.answer(acquired)
    return leaseOf(fiber)
  })
  const { lines } = all.keys
  return { ...all, begin, had, leaseOf, lines }
}

describe("Lines", () => {
  it.effect("have the lease alone of a key that nobody here waits for, as one of those that are taken", () =>
    Effect.gen(function*() {
      const { had, lines } = make()
      const lease = yield* had
      assert.strictEqual(lease.lender, lines)
      assert.deepStrictEqual([lines.size, lines.unfolded()], [1, []])
      assert.deepStrictEqual([lines.leases().map(({ key }) => key), lines.leases()[0] === lease], [["key"], true])
    }))

  it.effect("have the line of such a key for whoever looks for it", () =>
    Effect.gen(function*() {
      const { had, lines } = make()
      const lease = yield* had
      const line = lines.get("key")!
      assert.deepStrictEqual([line.lease === lease, lease.lender === line, line.vacant], [true, true, false])
      assert.deepStrictEqual([lines.size, lines.find("key") === line, lines.unfolded()[0] === line], [1, true, true])
      assert.deepStrictEqual([lines.leases().length, lines.leases()[0] === lease], [1, true])
    }))

  it.effect("let those wait for the store who come while such a key goes back", () =>
    Effect.gen(function*() {
      const { answer, begin, goOn, had, lines, sent } = make()
      const lease = yield* had
      lease.giveBack()
      assert.deepStrictEqual(sent().slice(1), ["release token.1.random.me"])
      const next = yield* begin({ timeoutMillis: 1_000 })
      assert.strictEqual(sent().length, 2)
      yield* answer(true)
      yield* goOn
      assert.deepStrictEqual(sent().slice(2), ["acquire token.2.random.me"])
      yield* answer(acquired)
      assert.deepStrictEqual([state(next), lines.size], ["#7", 1])
    }))

  it.effect("have no line any more where such a lease is lost, left, or given back", () =>
    Effect.gen(function*() {
      for (const how of ["lost", "left", "back"] as const) {
        const { answer, had, lines, told } = make()
        const lease = yield* had
        if (how === "lost") lease.lose("Taken", 10)
        else if (how === "left") lease.leave()
        else {
          lease.giveBack()
          yield* answer(true)
        }
        assert.deepStrictEqual([lines.size, lines.leases()], [0, []])
        assert.deepStrictEqual(told, ["Acquired", how === "lost" ? "Lost" : "Released"])
      }
    }))
})
