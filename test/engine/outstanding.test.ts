import { assert, describe, it } from "@effect/vitest"
import type { Call } from "../../src/internal/engine/call.ts"
import { Outstanding, type Sent } from "../../src/internal/engine/outstanding.ts"

const call = { operation: "extend" } as Call<unknown>
const other = { operation: "extend" } as Call<unknown>
const third = { operation: "extend" } as Call<unknown>

const sent = (call: Call<unknown>, millis: number): Sent => ({ call, millis, sure: millis })

describe("Outstanding", () => {
  it("one extension alone leaves what it asks for, for sure", () => {
    const account = new Outstanding()
    const one = sent(call, 3_000)
    account.add(one)
    assert.strictEqual(account.answered(call, 100), one)
    assert.strictEqual(one.sure, 3_000)
    assert.deepStrictEqual([account.out, account.lastEnd], [[], 3_100])
  })

  it("of two that overlap each leaves no more than the shorter, whichever is answered first", () => {
    for (const order of [[call, other], [other, call]]) {
      const account = new Outstanding()
      account.add(sent(call, 3_000))
      account.add(sent(other, 60_000))
      assert.deepStrictEqual(order.map((one) => account.answered(one, 100)?.sure), [3_000, 3_000])
      // Either may have been executed last, and for the store that counts.
      assert.strictEqual(account.lastEnd, 60_100)
    }
  })

  it("one that follows when the others are answered is its own again", () => {
    const account = new Outstanding()
    account.add(sent(call, 1_000))
    account.add(sent(other, 9_000))
    account.answered(call, 10)
    account.add(sent(third, 60_000))
    assert.strictEqual(account.answered(third, 20)?.sure, 9_000)
    assert.strictEqual(account.answered(other, 20)?.sure, 1_000)
    account.add(sent(call, 60_000))
    assert.strictEqual(account.answered(call, 30)?.sure, 60_000)
  })

  it("what is shared with other leases stays as it is", () => {
    const shared = sent(call, 3_000)
    const account = new Outstanding()
    account.add(shared)
    account.add(sent(other, 1_000))
    assert.strictEqual(shared.sure, 3_000)
    assert.strictEqual(account.answered(call, 0)?.sure, 1_000)
  })

  it("what is none of its own is none", () => {
    const account = new Outstanding()
    assert.isUndefined(account.answered(call, 100))
    assert.strictEqual(account.lastEnd, 0)
  })

  it("the latest end is the latest, not the last", () => {
    const account = new Outstanding()
    account.add(sent(call, 60_000))
    account.answered(call, 0)
    account.add(sent(other, 3_000))
    account.answered(other, 100)
    assert.strictEqual(account.lastEnd, 60_000)
  })

  it("an end that is told counts if it is later", () => {
    const account = new Outstanding()
    account.endsAt(500)
    account.endsAt(400)
    assert.strictEqual(account.lastEnd, 500)
  })
})
