import { assert, describe, it } from "@effect/vitest"
import { DateTime } from "effect"
import * as Token from "../../src/internal/token.ts"

describe("tokens", () => {
  it("are made of characters that every store can keep", () => {
    const next = Token.make(() => Date.now())
    for (let i = 0; i < 2_000; i++) assert.match(next(i), /^[A-Za-z0-9\-_.]+$/)
  })

  it("are never the same, neither within an owner nor between two", () => {
    const sources = [Token.make(() => 0), Token.make(() => 0)]
    const tokens = new Set(sources.flatMap((next) => Array.from({ length: 50_000 }, () => next())))
    assert.strictEqual(tokens.size, 100_000)
  })

  it("say who asks, and since when by the wall clock", () => {
    let wall = 1_700_000_000_123.9
    const next = Token.make(() => wall)
    const first = Token.parse(next(1))
    wall += 5_000
    const second = Token.parse(next(5_001))
    assert.strictEqual(first?.owner, second?.owner)
    assert.match(first?.owner ?? "", new RegExp(`^${process.pid}-`))
    assert.strictEqual(first && DateTime.toEpochMillis(first.since), 1_700_000_000_123)
    assert.strictEqual(second && DateTime.toEpochMillis(second.since), 1_700_000_005_123)
  })

  it("look at the wall clock once per millisecond of the caller's", () => {
    let looks = 0
    const next = Token.make(() => ++looks)
    for (const now of [1, 1.2, 1.9, 2, 2.5]) next(now)
    assert.strictEqual(looks, 2)
  })

  it("of somebody else's making say nothing", () => {
    const token = Token.make(() => 1)()
    assert.isDefined(Token.parse(token))
    const foreign = [
      "",
      "x",
      "1-a.b.c",
      `${token}x`,
      `x${token}`,
      token.slice(1),
      token.toUpperCase() + "é",
      "..",
      "1.2.3"
    ]
    for (const other of foreign.filter((one) => one !== token.slice(1))) {
      assert.isUndefined(Token.parse(other), other)
    }
  })
})
