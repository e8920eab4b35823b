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
    assert.strictEqual(first?.process, second?.process)
    assert.match(first?.process ?? "", new RegExp(`^${process.pid}-`))
    assert.strictEqual(first && DateTime.toEpochMillis(first.since), 1_700_000_000_123)
    assert.strictEqual(second && DateTime.toEpochMillis(second.since), 1_700_000_005_123)
  })

  it("say since when at a glance", () => {
    const next = Token.make(() => 1_700_000_000_123.9)
    assert.strictEqual(Token.sinceMillis(next()), 1_700_000_000_123)
    assert.strictEqual(Token.sinceMillis(next(NaN, "nightly_report")), 1_700_000_000_123)
    for (const other of ["", "a", "a.0.0", "somebody-elses-token"]) assert.isNaN(Token.sinceMillis(other))
  })

  it("say what their owner is called: as the source was told, unless told otherwise", () => {
    const next = Token.make(() => 5, "payments-1")
    assert.strictEqual(Token.parse(next())?.owner, "payments-1")
    assert.strictEqual(Token.parse(next(NaN, "nightly_report"))?.owner, "nightly_report")
    assert.isTrue(Token.isOf(next(NaN, "report"), "report"))
    assert.isFalse(Token.isOf(next(NaN, "my-report"), "report"))
  })

  it("are at most 82 characters long, whatever the owner", () => {
    const next = Token.make(() => 4e12, "x".repeat(40))
    const [id, ...rest] = next().split(".")
    // The largest process id of Linux has seven digits.
    assert.isAtMost(["4194304" + id.slice(id.indexOf("-")), ...rest].join(".").length, 82)
  })

  it("of the first release, which told no owner, say which process it is", () => {
    const parsed = Token.parse("4711-Ab12Cd34-_56.loyw3v28.Xy12345678")
    assert.strictEqual(parsed?.owner, "4711-Ab12Cd34-_56")
    assert.strictEqual(parsed?.process, "4711-Ab12Cd34-_56")
    assert.strictEqual(parsed && DateTime.toEpochMillis(parsed.since), 1_700_000_000_000)
  })

  it("are shortened to what tells holders apart", () => {
    const token = Token.make(() => 5, "payments")()
    assert.strictEqual(Token.shorten(token), `${token.split(".")[0]}…`)
    assert.strictEqual(Token.shorten("somebody-elses-token"), "somebody…")
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
      `${token}.x`,
      `${token}é`,
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
