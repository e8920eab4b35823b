import { assert, it } from "@effect/vitest"
import { constVoid } from "effect/Function"
import { Pending } from "../../src/internal/memcached/pending.ts"
import { Opcode } from "../../src/internal/memcached/wire.ts"
import { kept } from "../support/garbage.ts"

const entry = (opaque: number, hearer: { hear(): void } = { hear: constVoid }) => ({
  opcode: Opcode.get,
  opaque,
  sentAt: 0,
  hearer
})

it("is a queue, however long", () => {
  const pending = new Pending()
  let next = 0
  for (let i = 0; i < 5_000; i++) {
    pending.push(entry(i))
    if (i % 3 === 0) continue
    assert.strictEqual(pending.oldest?.opaque, next++)
    pending.shift()
  }
  assert.strictEqual(pending.size, 5_000 - next)
  assert.deepStrictEqual(
    pending.clear().map(({ opaque }) => opaque),
    Array.from({ length: 5_000 - next }, (_, i) => next + i)
  )
  assert.deepStrictEqual([pending.size, pending.oldest], [0, undefined])
  pending.push(entry(1))
  pending.shift()
  assert.deepStrictEqual([pending.size, pending.oldest], [0, undefined])
})

it("leaves who has been answered to the garbage collector", () => {
  const pending = new Pending()
  const megabytes = kept({
    add: (one) => pending.push(entry(1, Object.assign(one, { hear: constVoid }))),
    delete: () => pending.shift()
  })
  assert.isBelow(megabytes, 0.5)
})
