import { assert, describe, it } from "@effect/vitest"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { PassingMap, PassingSet } from "../../src/internal/passing.ts"

setFlagsFromString("--expose-gc")
const gc = runInNewContext("gc") as (options?: { readonly type: "minor" }) => void

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

  /** Megabytes that a young collection does not free of what has been in it, three at a time. */
  const kept = (set: { add(one: object): unknown; delete(one: object): boolean }): number => {
    set.add(set)
    set.delete(set)
    // It grows old.
    for (let i = 0; i < 6; i++) gc({ type: "minor" })
    const before = process.memoryUsage().heapUsed
    const out: Array<object> = []
    for (let i = 0; i < 20_000; i++) {
      const one = { payload: Array.from({ length: 128 }, () => i) }
      out.push(one)
      set.add(one)
      if (out.length > 3) set.delete(out.shift()!)
    }
    gc({ type: "minor" })
    gc({ type: "minor" })
    return (process.memoryUsage().heapUsed - before) / 1e6
  }

  it("is garbage when it has gone, though the set has grown old", () => {
    gc()
    const plain = kept(new Set())
    gc()
    const passing = [kept(new PassingSet<object>())]
    const map = new PassingMap<object, true>()
    gc()
    passing.push(kept({ add: (one) => map.set(one, true), delete: (one) => map.delete(one) }))
    // An engine that frees it all keeps next to nothing either way.
    for (const one of passing) assert.isBelow(one, Math.max(3, plain / 2))
  })
})
