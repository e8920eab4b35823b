import { assert, describe, it } from "@effect/vitest"
import type { Alarms } from "../../src/internal/engine/alarms.ts"
import type { Call } from "../../src/internal/engine/call.ts"
import { horizonMillis, Unheard } from "../../src/internal/engine/unheard.ts"
import { HandAlarms } from "./parts.ts"

const make = () => {
  const alarms = new HandAlarms()
  const abandoned: Array<Call<unknown>> = []
  const unheard: Unheard = new Unheard(alarms as unknown as Alarms, (call) => {
    abandoned.push(call)
    // As the port does.
    unheard.remove(call)
  })
  const call = () => ({}) as Call<unknown>
  return { alarms, abandoned, unheard, call }
}

describe("Unheard", () => {
  it("abandons each call that stays silent for so long after nobody waited, by one alarm", () => {
    const { abandoned, alarms, call, unheard } = make()
    const [a, b] = [call(), call()]
    unheard.add(a)
    alarms.passTo(5_000)
    unheard.add(b)
    // It counts from the first time.
    unheard.add(a)
    assert.strictEqual(alarms.size, 1)
    alarms.passTo(horizonMillis - 1)
    assert.deepStrictEqual(abandoned, [])
    alarms.passTo(horizonMillis)
    assert.deepStrictEqual(abandoned, [a])
    alarms.passTo(horizonMillis + 4_999)
    assert.deepStrictEqual(abandoned, [a])
    alarms.passTo(horizonMillis + 5_000)
    assert.deepStrictEqual(abandoned, [a, b])
    assert.strictEqual(alarms.size, 0)
  })

  it("has no alarm for those that have been answered", () => {
    const { abandoned, alarms, call, unheard } = make()
    const [a, b, stranger] = [call(), call(), call()]
    unheard.remove(stranger)
    unheard.add(a)
    unheard.add(b)
    unheard.remove(a)
    unheard.remove(stranger)
    assert.strictEqual(alarms.size, 1)
    unheard.remove(b)
    assert.strictEqual(alarms.size, 0)
    alarms.passTo(2 * horizonMillis)
    assert.deepStrictEqual(abandoned, [])
    unheard.add(a)
    assert.strictEqual(alarms.timeOf(unheard), 3 * horizonMillis)
  })
})
