import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { KeyMap } from "../../src/internal/keyMap.ts"

const steps = Schema.Array(
  Schema.Tuple([Schema.Boolean, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 150 }))])
)

describe("KeyMap", () => {
  it.effect.prop(
    "holds what a plain map would",
    { steps, start: Schema.Boolean },
    ({ start, steps }) =>
      Effect.sync(() => {
        const map = new KeyMap<{ readonly n: number }>()
        const plain = new Map<string, { readonly n: number }>()
        const add = (key: string, n: number) => {
          const value = { n }
          map.add(key, value)
          plain.set(key, value)
        }
        if (start) { for (let i = 0; i <= 150; i++) add(`key-${i}`, i) }
        for (const [adds, n] of steps) {
          const key = `key-${n}`
          if (adds && !plain.has(key)) add(key, n)
          if (!adds && plain.delete(key)) map.remove(key)
          assert.strictEqual(map.get(key), plain.get(key))
          assert.strictEqual(map.size, plain.size)
        }
        assert.sameDeepMembers(map.entries() as Array<unknown>, Array.from(plain))
      }),
    { arbitrary: { runs: 200 } }
  )

  it("keeps no more empty places than keys, and none without keys", () => {
    const map = new KeyMap<object>()
    const placesOf = (map: KeyMap<object>) => (map as unknown as { readonly places: Map<string, unknown> }).places.size
    for (let i = 0; i < 10_000; i++) map.add(`key-${i}`, {})
    for (let i = 0; i < 10_000; i++) {
      map.remove(`key-${i}`)
      assert.isAtMost(placesOf(map), 2 * map.size + 130)
    }
    assert.strictEqual(placesOf(map), 0)
  })
})
