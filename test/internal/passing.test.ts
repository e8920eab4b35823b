import { assert, describe, it } from "@effect/vitest"
import { PassingMap, PassingSet } from "../../src/internal/passing.ts"
import { kept } from "../support/garbage.ts"

describe("what comes and goes", () => {
  it("is there until it goes, however much has gone", () => {
    const map = new PassingMap<number, string>()
    const set = new PassingSet<number>()
    for (let i = 0; i < 5000; i++) {
      map.set(i, `${i}`)
      set.add(i)
      if (i >= 10) {
        assert.isTrue(map.delete(i - 10))
        assert.isTrue(set.delete(i - 10))
      }
    }
    const left = [4990, 4991, 4992, 4993, 4994, 4995, 4996, 4997, 4998, 4999]
    assert.deepStrictEqual(map.list(), left.map((i) => [i, `${i}`]))
    assert.deepStrictEqual(set.list(), left)
    assert.deepStrictEqual([map.size, set.size], [10, 10])
    assert.deepStrictEqual([map.has(4989), map.get(4989), map.get(4995)], [false, undefined, "4995"])
    assert.isFalse(map.delete(4989))
    assert.isFalse(set.delete(4989))
    set.clear()
    assert.deepStrictEqual(set.list(), [])
  })

  it("is garbage when it has gone, though the set has grown old", () => {
    const plain = kept(new Set())
    const passing = [kept(new PassingSet<object>())]
    const map = new PassingMap<object, true>()
    passing.push(kept({ add: (one) => map.set(one, true), delete: (one) => map.delete(one) }))
    // An engine that frees it all keeps next to nothing either way.
    for (const one of passing) assert.isBelow(one, Math.max(3, plain / 2))
  })
})
