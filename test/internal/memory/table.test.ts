import { assert, describe, it } from "@effect/vitest"
import { Table } from "../../../src/internal/memory/table.ts"
import type { Bearer } from "../../../src/internal/shortcuts.ts"

const bearer = (token: string): Bearer => ({ text: token, token })

/** Whose token nobody has asked for. */
const unnamed = (): Bearer & { drawn: number } => {
  const one = {
    text: undefined as string | undefined,
    drawn: 0,
    get token() {
      one.drawn++
      return one.text ??= "drawn"
    }
  }
  return one
}

const make = () => {
  const tasks: Array<() => void> = []
  return { table: new Table((task) => tasks.push(task)), turn: () => tasks.splice(0).forEach((task) => task()) }
}

describe("Table", () => {
  it("gives a key to one at a time, until its lease ends", () => {
    const { table } = make()
    assert.isDefined(table.take("key", bearer("a"), 100, 0))
    assert.isUndefined(table.take("key", bearer("b"), 100, 99))
    assert.isDefined(table.take("key", bearer("b"), 100, 100))
    assert.isDefined(table.take("other", bearer("a"), 100, 0))
  })

  it("knows a holder by its token or by itself, and draws no token for that", () => {
    const { table } = make()
    const one = unnamed()
    const other = unnamed()
    assert.isDefined(table.take("key", one, 100, 0))
    assert.isDefined(table.take("key", one, 100, 10))
    assert.isUndefined(table.take("key", other, 100, 20))
    assert.isUndefined(table.take("key", bearer("x"), 100, 20))
    assert.deepStrictEqual([one.drawn, other.drawn], [0, 0])
    assert.strictEqual(table.look("key", 50)?.bearer.token, "drawn")
    // Its token is known by now, and so is it by that.
    assert.isDefined(table.take("key", bearer("drawn"), 100, 50))
  })

  it("sets the lease of a holder that takes it again anew", () => {
    const { table } = make()
    table.take("key", bearer("a"), 100, 0)
    table.take("key", bearer("a"), 100, 50)
    assert.strictEqual(table.look("key", 100)?.remainingMillis, 50)
    assert.isUndefined(table.look("key", 150))
  })

  it("gives fencing tokens that grow", () => {
    const { table } = make()
    const tokens = ["a", "b", "a", "c"].map((key, at) => table.take(key, bearer(`${at}`), 0.5, at)!.fencingToken)
    for (let i = 1; i < tokens.length; i++) assert.isAbove(tokens[i], tokens[i - 1])
  })

  it("frees a key for its bearer only, once, and tells those who listen", () => {
    const { table } = make()
    const told: Array<string> = []
    table.listen("key", () => told.push("first"))
    const end = table.listen("key", () => told.push("second"))
    table.listen("other", () => told.push("other"))
    const hold = table.take("key", bearer("a"), 100, 0)!
    assert.isFalse(hold.free(bearer("b")))
    assert.isFalse(hold.free(unnamed()))
    assert.isTrue(hold.free(bearer("a")))
    assert.isFalse(hold.free(bearer("a")))
    assert.deepStrictEqual(told, ["first", "second"])
    assert.isUndefined(table.look("key", 0))
    end()
    end()
    table.take("key", bearer("a"), 100, 0)!.free(bearer("a"))
    assert.deepStrictEqual(told, ["first", "second", "first"])
    assert.strictEqual(table.waiting("key"), 1)
    assert.strictEqual(table.waiting("nobody's"), 0)
  })

  it("is not freed by one whose key somebody else has by now", () => {
    const { table, turn } = make()
    const first = table.take("key", bearer("a"), 100, 0)!
    assert.isDefined(table.take("key", bearer("b"), 100, 100))
    assert.isFalse(first.free(bearer("a")))
    assert.strictEqual(table.look("key", 100)?.bearer.token, "b")
    turn()
    assert.strictEqual(table.look("key", 100)?.bearer.token, "b")
  })

  it("may change who bears a key", () => {
    const { table } = make()
    const hold = table.take("key", bearer("a"), 100, 0)!
    hold.bearer = bearer("heir")
    assert.isFalse(hold.free(bearer("a")))
    assert.isTrue(hold.free(bearer("heir")))
  })

  it("forgets keys that are freed and those that nobody frees", () => {
    const { table, turn } = make()
    for (let i = 0; i < 1_000; i++) table.take(`crashed-${i}`, bearer("a"), 10, i)
    for (let i = 0; i < 1_000; i++) table.take(`freed-${i}`, bearer("a"), 10, 5_000)!.free(bearer("a"))
    turn()
    const held = Array.from({ length: 1_000 }, (_, i) => table.look(`crashed-${i}`, 5_000))
      .filter((looked) => looked !== undefined)
    assert.strictEqual(held.length, 0)
    assert.isUndefined(table.look("freed-1", 5_000))
  })
})
