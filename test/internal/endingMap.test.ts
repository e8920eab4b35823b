import { assert, it } from "@effect/vitest"
import { EndingMap } from "../../src/internal/endingMap.ts"
import { kept } from "../support/garbage.ts"

it("holds no more than twice what has not ended", () => {
  const map = new EndingMap<{ readonly endsAt: number }>()
  let most = 0
  for (let now = 0; now < 10_000; now++) {
    map.set(`token-${now}`, { endsAt: now + 100 }, now)
    most = Math.max(most, map.size)
  }
  assert.isAtMost(most, 202)
  assert.isDefined(map.get("token-9999"))
  assert.isDefined(map.get("token-9901"))
})

it("is empty when all has been taken out", () => {
  const map = new EndingMap<{ readonly endsAt: number }>()
  for (let i = 0; i < 1000; i++) map.set(`${i}`, { endsAt: 1 }, 0)
  for (let i = 0; i < 1000; i++) assert.isTrue(map.delete(`${i}`))
  assert.strictEqual(map.size, 0)
  assert.isFalse(map.delete("0"))
})

it("leaves what has been taken out to the garbage collector, though it has grown old itself", () => {
  const map = new EndingMap<{ readonly endsAt: number; readonly one: object }>()
  let added = 0
  const plain = kept(new Set())
  const ending = kept({
    add: (one) => map.set(Object.assign(one, { name: `${++added}` }).name, { endsAt: 1, one }, 0),
    delete: (one) => map.delete((one as { readonly name: string }).name)
  })
  assert.isBelow(ending, Math.max(3, plain / 2))
})
