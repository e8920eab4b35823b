import { assert, describe, it } from "@effect/vitest"
import { Tokens } from "../../src/internal/redis/tokens.ts"

const acquired = { _tag: "Acquired", fencingToken: 1 } as const

const held = (tokens: Tokens, token: string) => tokens.answered("k", token, tokens.claim(token, false), acquired)

describe("what is known of tokens", () => {
  it("of those that are held is one for all, until they are asked for again", () => {
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

  it("of one that is somebody else's does not come back with a late answer", () => {
    const tokens = new Tokens()
    const known = tokens.claim("a", false)
    tokens.drop("a")
    tokens.answered("k", "a", known, acquired)
    assert.isUndefined(tokens.get("a"))
  })

  it("of one that shares or has waited is its own", () => {
    const tokens = new Tokens()
    tokens.answered("k", "a", tokens.claim("a", true), acquired)
    assert.isTrue(tokens.shares("a"))
    held(tokens, "b")
    assert.isFalse(tokens.shares("b"))
  })

  it("of one that is owed stays until it is given back, also where it was released and then taken", () => {
    const tokens = new Tokens()
    const late = tokens.claim("a", false)
    held(tokens, "a")
    tokens.released("a")
    tokens.answered("k", "a", late, acquired)
    assert.deepStrictEqual(Array.from(tokens.takeDebts()), [["a", { key: "k", isAlone: false }]])
  })

  it("of one whose holder knows it is nothing, once it is held alone", () => {
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

  it("of one that nothing is kept of is that it is owed, if it is ours", () => {
    const tokens = new Tokens()
    const owed = { key: "k", isAlone: true }
    tokens.owe("a", owed, true)
    tokens.owe("b", owed, true)
    tokens.owe("c", owed, false)
    tokens.released("b")
    assert.deepStrictEqual(Array.from(tokens.takeDebts()), [["a", owed]])
    assert.strictEqual(tokens.takeDebts().size, 0)
  })
})
