import { assert, it } from "@effect/vitest"
import { ExpiringMap } from "../../src/internal/expiringMap.ts"
import { kept } from "../support/garbage.ts"

it("holds at most twice as many entries as have not expired", () => {
  const map = new ExpiringMap<{ readonly endsAt: number }>()
  let most = 0
  for (let now = 0; now < 10_000; now++) {
    map.set(`token-${now}`, { endsAt: now + 100 }, now)
    most = Math.max(most, map.size)
  }
  assert.isAtMost(most, 202)
  assert.isDefined(map.get("token-9999"))
  assert.isDefined(map.get("token-9901"))
})

it("is empty when all entries have been deleted", () => {
  const map = new ExpiringMap<{ readonly endsAt: number }>()
  for (let i = 0; i < 1000; i++) map.set(`${i}`, { endsAt: 1 }, 0)
  for (let i = 0; i < 1000; i++) assert.isTrue(map.delete(`${i}`))
  assert.strictEqual(map.size, 0)
  assert.isFalse(map.delete("0"))
})

it("does not keep deleted values alive, even if the map itself has lived long", () => {
  const map = new ExpiringMap<{ readonly endsAt: number; readonly one: object }>()
  let added = 0
  const plain = kept(new Set())
  const ending = kept({
    add: (one) => map.set(Object.assign(one, { name: `${++added}` }).name, { endsAt: 1, one }, 0),
    delete: (one) => map.delete((one as { readonly name: string }).name)
  })
  assert.isBelow(ending, Math.max(3, plain / 2))
})
