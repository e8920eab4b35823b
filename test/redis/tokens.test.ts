import { assert, describe, it } from "@effect/vitest"
import { Tokens } from "../../src/internal/redis/tokens.ts"

const acquired = { _tag: "Acquired", fencingToken: 1 } as const

const held = (tokens: Tokens, token: string) => tokens.answered("k", token, tokens.claim(token, false), acquired)

describe("tokens", () => {
  it("held tokens share one entry, until they are claimed again", () => {
    const tokens = new Tokens()
    for (const token of ["a", "b"]) held(tokens, token)
    assert.strictEqual(tokens.get("a"), tokens.get("b"))
    const again = tokens.claim("a", false)
    again.collected = true
    assert.deepInclude(tokens.get("a"), { out: 1, collected: true, sent: true })
    assert.deepInclude(tokens.get("b"), { out: 0, collected: false })
    tokens.unanswered("a", again, false)
    // It may still be held by the claim of before.
    assert.isDefined(tokens.get("a"))
    tokens.released("a")
    tokens.released("b")
    assert.deepStrictEqual([tokens.get("a"), tokens.get("b")], [undefined, undefined])
  })

  it("a token that now belongs to somebody else does not come back with a late answer", () => {
    const tokens = new Tokens()
    const known = tokens.claim("a", false)
    tokens.drop("a")
    tokens.answered("k", "a", known, acquired)
    assert.isUndefined(tokens.get("a"))
  })

  it("a token that shares its lock, or has waited, has its own entry", () => {
    const tokens = new Tokens()
    tokens.answered("k", "a", tokens.claim("a", true), acquired)
    assert.isTrue(tokens.shares("a"))
    held(tokens, "b")
    assert.isFalse(tokens.shares("b"))
  })

  it("a token whose release failed is kept until it is released, even if it was acquired after its release", () => {
    const tokens = new Tokens()
    const late = tokens.claim("a", false)
    held(tokens, "a")
    tokens.released("a")
    tokens.answered("k", "a", late, acquired)
    assert.deepStrictEqual(Array.from(tokens.takeDebts()), [["a", { key: "k", hold: "any" }]])
  })

  it("a token has no entry once it is held exclusively, if its holder knows that it is ours", () => {
    const tokens = new Tokens()
    const claim = (token: string, shares = false) => tokens.claim(token, shares, false)
    tokens.answered("k", "a", claim("a"), acquired)
    assert.isUndefined(tokens.get("a"))
    // All else is kept: what is out, shares, or waits.
    const [first, second] = [claim("b"), claim("b")]
    tokens.answered("k", "b", first, acquired)
    assert.strictEqual(tokens.get("b"), second)
    tokens.answered("k", "c", claim("c", true), acquired)
    assert.isTrue(tokens.shares("c"))
    const known = claim("d")
    known.place = {} as never
    tokens.answered("k", "d", known, acquired)
    assert.strictEqual(tokens.get("d"), known)
  })

  it("a failed release of a token without an entry is retried, if the token is ours", () => {
    const tokens = new Tokens()
    tokens.owe("k", "a", "exclusive")
    tokens.owe("k", "b", "exclusive")
    tokens.owe("k", "c", undefined)
    tokens.released("b")
    assert.deepStrictEqual(Array.from(tokens.takeDebts()), [["a", { key: "k", hold: "exclusive" }]])
    assert.strictEqual(tokens.takeDebts().size, 0)
  })
})
