import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as KeyMap from "../../src/internal/engine/keyMap.ts"

const steps = Schema.Array(
  Schema.Tuple([Schema.Boolean, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 150 }))])
)

const make = () => KeyMap.make((key: string) => ({ key, vacant: true }), queueMicrotask)

const endOfTurn = Effect.promise(() => Promise.resolve())

describe("KeyMap", () => {
  it.effect.prop(
    "holds what a plain map would",
    { steps, start: Schema.Boolean },
    ({ start, steps }) =>
      Effect.gen(function*() {
        const map = make()
        const plain = new Map<string, { readonly key: string }>()
        const add = (key: string) => plain.set(key, map.occupy(key, map.find(key)))
        if (start) { for (let i = 0; i <= 150; i++) add(`key-${i}`) }
        for (const [adds, n] of steps) {
          const key = `key-${n}`
          if (adds && !plain.has(key)) add(key)
          const place = plain.get(key)
          if (!adds && plain.delete(key)) map.vacate(map.get(key)!)
          else assert.strictEqual(map.get(key), place)
          if (!adds) assert.isUndefined(map.get(key))
          assert.strictEqual(map.size(), plain.size)
          if (n % 10 === 0) yield* endOfTurn
        }
        for (const [key, place] of plain) assert.strictEqual(place.key, key)
        assert.sameMembers(map.values() as Array<unknown>, Array.from(plain.values()))
      }),
    { arbitrary: { runs: 200 } }
  )

  it("gives a key that comes again in the same turn the place it had", () => {
    const map = make()
    const place = map.occupy("key", map.find("key"))
    map.vacate(place)
    assert.isUndefined(map.get("key"))
    assert.strictEqual(map.occupy("key", map.find("key")), place)
    assert.isFalse(place.vacant)
  })

  it.effect("keeps few vacant places beside others, and none without keys", () =>
    Effect.gen(function*() {
      const map = make()
      const keys = Array.from({ length: 10_000 }, (_, i) => `key-${i}`)
      const places = () => keys.filter((key) => map.find(key) !== undefined).length
      for (const key of keys) map.occupy(key, undefined)
      for (const [i, key] of keys.entries()) {
        map.vacate(map.get(key)!)
        if (i % 100 > 0) continue
        yield* endOfTurn
        assert.isAtMost(places(), map.size() + Math.max(64, map.size()))
      }
      yield* endOfTurn
      assert.strictEqual(places(), 0)
    }))

  it.effect("leaves what has been found where it is until the end of the turn", () =>
    Effect.gen(function*() {
      const map = make()
      for (let i = 0; i < 1_000; i++) map.occupy(`key-${i}`, undefined)
      map.vacate(map.get("key-0")!)
      const found = map.find("key-0")
      for (let i = 1; i < 1_000; i++) map.vacate(map.get(`key-${i}`)!)
      const place = map.occupy("key-0", found)
      assert.strictEqual(map.get("key-0"), place)
      yield* endOfTurn
      assert.strictEqual(map.get("key-0"), place)
    }))

  it.effect("keeps the place of a key that is there again when the turn ends", () =>
    Effect.gen(function*() {
      const map = make()
      const place = map.occupy("key", undefined)
      map.vacate(place)
      map.occupy("key", map.find("key"))
      yield* endOfTurn
      assert.strictEqual(map.get("key"), place)
    }))
})
