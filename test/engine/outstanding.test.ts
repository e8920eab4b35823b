import { assert, describe, it } from "@effect/vitest"
import type { Call } from "../../src/internal/engine/call.ts"
import { Lease, type Lender } from "../../src/internal/engine/lease.ts"
import type { Sent } from "../../src/internal/engine/outstanding.ts"
import { terms } from "./parts.ts"

const call = { operation: "extend" } as Call<unknown>
const other = { operation: "extend" } as Call<unknown>
const third = { operation: "extend" } as Call<unknown>

const sent = (call: Call<unknown>, millis: number): Sent => ({ call, millis, sure: millis })

const make = () => new Lease({} as Lender, terms())

describe("of what is sent for a lease", () => {
  it("one extension alone leaves what it asks for, for sure", () => {
    const lease = make()
    const one = sent(call, 3_000)
    lease.sends(one)
    assert.strictEqual(lease.answered(call, 100), one)
    assert.strictEqual(one.sure, 3_000)
    assert.deepStrictEqual([lease.out, lease.lastEnd], [[], 3_100])
  })

  it("of two that overlap each leaves no more than the shorter, whichever is answered first", () => {
    for (const order of [[call, other], [other, call]]) {
      const lease = make()
      lease.sends(sent(call, 3_000))
      lease.sends(sent(other, 60_000))
      assert.deepStrictEqual(order.map((one) => lease.answered(one, 100)?.sure), [3_000, 3_000])
      // Either may have been executed last, and for the store that counts.
      assert.strictEqual(lease.lastEnd, 60_100)
    }
  })

  it("one that follows when the others are answered is its own again", () => {
    const lease = make()
    lease.sends(sent(call, 1_000))
    lease.sends(sent(other, 9_000))
    lease.answered(call, 10)
    lease.sends(sent(third, 60_000))
    assert.strictEqual(lease.answered(third, 20)?.sure, 9_000)
    assert.strictEqual(lease.answered(other, 20)?.sure, 1_000)
    lease.sends(sent(call, 60_000))
    assert.strictEqual(lease.answered(call, 30)?.sure, 60_000)
  })

  it("what is shared with other leases stays as it is", () => {
    const shared = sent(call, 3_000)
    const lease = make()
    lease.sends(shared)
    lease.sends(sent(other, 1_000))
    assert.strictEqual(shared.sure, 3_000)
    assert.strictEqual(lease.answered(call, 0)?.sure, 1_000)
  })

  it("what is none of its own is none", () => {
    const lease = make()
    assert.isUndefined(lease.answered(call, 100))
    assert.strictEqual(lease.lastEnd, 0)
  })

  it("the latest end is the latest, not the last", () => {
    const lease = make()
    lease.sends(sent(call, 60_000))
    lease.answered(call, 0)
    lease.sends(sent(other, 3_000))
    lease.answered(other, 100)
    assert.strictEqual(lease.lastEnd, 60_000)
  })

  it("an end that is told counts if it is later", () => {
    const lease = make()
    lease.endsBy(500)
    lease.endsBy(400)
    assert.strictEqual(lease.lastEnd, 500)
  })
})
