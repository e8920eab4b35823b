import { assert, describe, it } from "@effect/vitest"
import { Lease } from "../../src/internal/engine/lease.ts"
import { Counter, Lending } from "../../src/internal/engine/lender.ts"
import type { Parts } from "../../src/internal/engine/lender.ts"
import { handKeys, handTable, terms } from "./parts.ts"

/** One that does what all have in common, and no more. */
class Plain extends Lending {
  back(lease: Lease, at: number) {
    if (lease.why === "Released") this.returned(lease, at)
    return this.owe(lease)
  }
}

const make = () => {
  const all = handKeys()
  const lender = new Plain(all.keys as Parts)
  const lend = (expiresMillis = 3_000) => {
    const at = all.port.alarms.at
    return new Lease(lender, terms({ expiresMillis, since: at }))
  }
  return { ...all, lend }
}

describe("Whoever lends", () => {
  it("keeps what is watched, and loses it at once when the backend is closed", () => {
    const { keys, kept, lend } = make()
    const lease = lend()
    lease.watch(() => {})
    assert.deepStrictEqual(Array.from(kept), [lease])
    keys.closed = true
    const late = lend()
    late.watch(() => {})
    assert.strictEqual(late.why, "Closed")
    assert.deepStrictEqual(Array.from(kept), [lease])
  })

  it("keeps nothing that is lost or back, and tells of it", () => {
    const { kept, lend, told } = make()
    const [lost, back] = [lend(), lend()]
    for (const lease of [lost, back]) lease.watch(() => {})
    lost.lose("Taken", 10)
    back.giveBack()
    assert.deepStrictEqual([kept.size, told], [0, ["Lost", "Released"]])
    lost.giveBack()
    assert.deepStrictEqual(told, ["Lost", "Released"])
  })

  it("owes the token of what is back, lost or not", () => {
    const { lend, port } = make()
    for (const isLost of [false, true]) {
      const lease = lend()
      if (isLost) lease.lose("Expired", 3_000)
      lease.giveBack()
      assert.deepStrictEqual([port.last.operation, port.last.token], ["release", "token"])
    }
    assert.strictEqual(port.asked.length, 2)
  })

  it("owes for as long as the store may hold it: to the deadline, or the end of what was sent since", () => {
    for (const end of [0, 9_000]) {
      const { keys, lend, port } = make()
      const lease = lend()
      if (end > 0) lease.endsBy(end)
      lease.giveBack()
      // Nobody answers.
      port.passTo(Math.max(end, 3_000) - 10)
      assert.strictEqual(keys.debts.size, 1)
      port.passTo(Math.max(end, 3_000) + 45_000)
      for (const { answer } of port.open) answer(false)
      assert.strictEqual(keys.debts.size, 0)
    }
  })

  it("leaves a key taken that is to stay so, and cuts it to that", () => {
    const { keys, lend, port } = make()
    const lease = lend()
    lease.stay = 500
    lease.giveBack()
    assert.deepStrictEqual([port.last.operation, port.last.millis], ["extend", 500])
    port.last.answer(true)
    port.passTo(499)
    assert.deepStrictEqual([port.asked.length, keys.debts.size], [1, 1])
    port.passTo(500)
    assert.strictEqual(port.last.operation, "release")
    port.last.answer(true)
    assert.strictEqual(keys.debts.size, 0)
  })

  it("asks nobody for a key that was taken for no longer than it is to stay", () => {
    const { lend, port } = make()
    const lease = lend(500)
    lease.stay = 500
    lease.giveBack()
    assert.deepStrictEqual(port.asked, [])
    port.passTo(500)
    assert.strictEqual(port.last.operation, "release")
  })

  it("forgets what goes to somebody else, and has the store forget it", () => {
    const { keys, lend, port, told } = make()
    const forgotten: Array<string> = []
    port.store = { forget: (key, token) => void forgotten.push(`${key} ${token}`) }
    lend().leave()
    assert.deepStrictEqual([forgotten, told, port.asked, keys.debts.size], [["key token"], ["Released"], [], 0])
  })
})

describe("The counter", () => {
  const inPlace = () => {
    const all = handKeys()
    const { holds, somebody, table } = handTable()
    all.port.direct = table
    const counter = new Counter(all.keys as Parts)
    const lend = () => {
      const hold = table.take("key", somebody, 3_000, 0)!
      return new Lease(counter, terms({ token: undefined, fencingToken: 0 })).carriedBy(hold)
    }
    return { ...all, holds, somebody, lend }
  }

  it("frees a key in place, without asking who has it", () => {
    const { holds, lend, port } = inPlace()
    const lease = lend()
    assert.strictEqual(lease.giveBack(), undefined)
    assert.deepStrictEqual([holds.size, port.asked, lease.text], [0, [], undefined])
  })

  it("frees nothing that somebody else has taken since", () => {
    const { holds, lend, somebody } = inPlace()
    const lease = lend()
    holds.get("key")!.bearer = somebody
    lease.lose("Taken", 10)
    lease.giveBack()
    assert.strictEqual(holds.size, 1)
  })

  it("leaves a key to a token that is to keep it", () => {
    const { holds, lend, port } = inPlace()
    const lease = lend()
    lease.stay = 500
    lease.giveBack()
    assert.strictEqual(holds.get("key")?.bearer.token, lease.token)
    assert.strictEqual(port.last.operation, "extend")
  })
})
