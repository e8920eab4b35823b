import { assert, describe, it } from "@effect/vitest"
import { Bag } from "../../src/internal/engine/bag.ts"

const things = (count: number) => Array.from({ length: count }, (_, id) => ({ id, place: -1 }))

describe("a bag", () => {
  it("has what has been added and not removed, each at its place", () => {
    const all = things(50)
    const bag = new Bag<{ readonly id: number; place: number }>()
    for (const thing of all) bag.add(thing)
    const gone = all.filter(({ id }) => id % 3 === 0 || id === 49)
    for (const thing of gone) bag.remove(thing)
    const left = Array.from(bag)
    assert.deepStrictEqual(
      left.map(({ id }) => id).toSorted((a, b) => a - b),
      all.filter((one) => !gone.includes(one)).map(({ id }) => id)
    )
    assert.deepStrictEqual(left.map(({ place }) => place), left.map((_, i) => i))
    assert.isTrue(gone.every(({ place }) => place === -1))
    assert.strictEqual(bag.size, left.length)
  })

  it("takes no notice when what it does not have is removed", () => {
    const [one, other] = things(2)
    const bag = new Bag<{ place: number }>()
    bag.add(one)
    bag.remove(other)
    bag.remove(one)
    bag.remove(one)
    bag.add(other)
    assert.deepStrictEqual(bag.all(), [other])
  })
})
