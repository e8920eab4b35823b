import { assert, describe, it } from "@effect/vitest"
import { isEnoughToReceive, isSame, suits } from "../../src/internal/engine/handOver.ts"
import { Lease, type Lender } from "../../src/internal/engine/lease.ts"
import { request as requestOf, terms } from "./parts.ts"

const request = requestOf()

const make = (expires = 3_000, renew = true) =>
  new Lease({} as Lender, terms({ token: "token.me", expiresMillis: expires, renew }))

const readers = { permits: 1, limit: 9 }

describe("A lease", () => {
  it("suits who wants one of the same kind that renews itself", () => {
    assert.isTrue(suits(make(), request, 100))
    assert.isFalse(suits(make(3_000, false), request, 100))
    const others = [
      { expiresMillis: 5_000 },
      { renew: false },
      { atLeastMillis: 1 },
      { owner: "you" },
      { share: readers }
    ]
    for (const other of others) assert.isFalse(suits(make(), { ...request, ...other }, 100))
    const shared = make()
    shared.share = readers
    assert.isFalse(suits(shared, request, 100))
    assert.isFalse(suits(shared, { ...request, share: { permits: 2, limit: 9 } }, 100))
    assert.isTrue(suits(shared, { ...request, share: { ...readers } }, 100))
  })

  it("suits nobody when too little is left of it: a quarter, or 150 ms of a long one", () => {
    assert.deepStrictEqual([2_849, 2_850].map((at) => suits(make(), request, at)), [true, false])
    const short = { ...request, expiresMillis: 400 }
    assert.deepStrictEqual([299, 300].map((at) => suits(make(400), short, at)), [true, false])
  })

  it("is none any more for who receives it when it is nearly over: a tenth, or 50 ms of a long one", () => {
    assert.deepStrictEqual([2_949, 2_950].map((at) => isEnoughToReceive(make(), at)), [true, false])
    assert.deepStrictEqual([359, 360].map((at) => isEnoughToReceive(make(400), at)), [true, false])
  })

  it("is shared in the same way by those who take as many permits of as many", () => {
    assert.isTrue(isSame(undefined, undefined))
    assert.isTrue(isSame(readers, { ...readers }))
    assert.isFalse(isSame(readers, undefined))
    assert.isFalse(isSame(readers, { permits: 1, limit: 8 }))
    assert.isFalse(isSame(readers, { permits: 2, limit: 9 }))
  })
})
