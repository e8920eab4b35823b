import { assert, describe, it } from "vitest"
import * as Record from "../../../src/internal/browser/record.ts"

/** Tabs that share one record, and a clock that all of them see. */
const makeWorld = () => {
  let at = 0
  let record = Record.free
  const dead = new Set<string>()
  const offers: Array<string> = []
  const view = (): Record.View => ({
    stamp: { wall: at, steady: at },
    remaining: ({ lease, steady }) => lease - (at - steady),
    isDead: (tab) => dead.has(tab)
  })
  const apply = <A>({ answer, next, offered }: Record.Change<A>): A => {
    if (next !== undefined) record = next
    if (offered !== undefined) offers.push(offered.token)
    // What is stored can be read again.
    assert.deepStrictEqual(Record.decode(structuredClone(record)), record)
    return answer
  }
  const tabOf = (token: string) => token[0]
  return {
    dead,
    offers,
    pass: (millis: number) => {
      at += millis
    },
    record: () => record,
    claim: (token: string, wait = true) =>
      apply(Record.claim(record, { token, tab: tabOf(token), expires: 10_000, wait }, view()))._tag,
    accept: (token: string) => apply(Record.accept(record, { token, tab: tabOf(token), expires: 10_000 }, view())),
    extend: (token: string) => apply(Record.extend(record, token, 10_000, view())),
    outlive: (token: string) => apply(Record.extend(record, token, 10_000, view(), true)),
    transfer: (from: string, token: string) =>
      apply(Record.transfer(record, from, { token, tab: tabOf(token), expires: 10_000 }, view()))._tag,
    release: (token: string) => apply(Record.release(record, token, view()))
  }
}

describe("the record of a key", () => {
  it("is free, taken, given back, and free", () => {
    const { claim, record, release } = makeWorld()
    assert.strictEqual(claim("a"), "Acquired")
    assert.strictEqual(claim("b", false), "Held")
    assert.strictEqual(claim("a"), "Acquired")
    assert.isFalse(release("b"))
    assert.isTrue(release("a"))
    assert.isTrue(Record.isFree(record()))
    assert.isFalse(release("a"))
  })

  it("offers the key to those who wait in order, and passes over who is gone", () => {
    const { accept, claim, dead, offers, record, release } = makeWorld()
    claim("a")
    for (const token of ["b", "c", "d"]) claim(token)
    // Asking again keeps the place.
    claim("b")
    dead.add("b")
    assert.isTrue(release("a"))
    assert.deepStrictEqual(offers, ["c"])
    assert.isFalse(accept("d"))
    assert.isTrue(accept("c"))
    assert.strictEqual(claim("c"), "Acquired")
    assert.isTrue(release("c"))
    assert.isTrue(release("d"))
    assert.isTrue(Record.isFree(record()))
  })

  it("stays taken when its tab is gone by one who says so, and goes on to whoever has its token", () => {
    const { claim, dead, extend, outlive, release, transfer } = makeWorld()
    claim("a")
    outlive("a")
    dead.add("a")
    assert.strictEqual(claim("b", false), "Held")
    assert.strictEqual(transfer("b", "c"), "Held")
    assert.strictEqual(transfer("a", "c"), "Acquired")
    assert.strictEqual(transfer("a", "d"), "Held")
    assert.strictEqual(transfer("a", "c"), "Acquired")
    assert.isFalse(extend("a"))
    assert.isTrue(extend("c"))
    dead.add("c")
    assert.strictEqual(claim("e", false), "Acquired")
    assert.isTrue(release("e"))
  })

  it("offers for a short time, and accepting makes a full lease of it", () => {
    const { accept, claim, extend, pass, release } = makeWorld()
    claim("a")
    claim("b")
    claim("c")
    release("a")
    accept("b")
    pass(9_999)
    assert.strictEqual(claim("c"), "Held")
    assert.isTrue(extend("b"))
    pass(9_999)
    assert.strictEqual(claim("c"), "Held")
    pass(1)
    assert.isFalse(extend("b"))
    assert.strictEqual(claim("c"), "Acquired")
  })

  it("passes over a tab that lets an offer lapse, with all that waits in it", () => {
    const { claim, offers, pass, release } = makeWorld()
    claim("a")
    for (const token of ["b1", "b2", "c", "d"]) claim(token)
    release("a")
    assert.deepStrictEqual(offers, ["b1"])
    pass(Record.offerMillis)
    // Whoever comes finds that it has lapsed; whose turn it is has it.
    assert.strictEqual(claim("d"), "Held")
    assert.deepStrictEqual(offers, ["b1", "c"])
    // Who is late is back in the queue, as its last.
    assert.strictEqual(claim("b1"), "Held")
    release("c")
    release("d")
    assert.deepStrictEqual(offers, ["b1", "c", "d", "b1"])
  })

  it("lets who was offered take it late, if nobody else has", () => {
    const { accept, claim, pass, release } = makeWorld()
    claim("a")
    claim("b")
    release("a")
    pass(5_000)
    assert.isTrue(accept("b"))
    assert.strictEqual(claim("c", false), "Held")
  })

  it("goes to the first in the queue when its holder is gone, whoever finds out", () => {
    const { claim, dead, offers } = makeWorld()
    claim("a")
    claim("b")
    claim("c")
    dead.add("a")
    assert.strictEqual(claim("d", false), "Held")
    assert.deepStrictEqual(offers, ["b"])
    dead.add("b")
    assert.strictEqual(claim("c"), "Acquired")
  })

  it("gives nothing to a token that was withdrawn", () => {
    const { accept, claim, record, release } = makeWorld()
    claim("a")
    claim("b")
    assert.isFalse(release("b"))
    assert.isTrue(release("a"))
    assert.isFalse(accept("b"))
    assert.isTrue(Record.isFree(record()))
  })

  it("is not read when it is none of ours", () => {
    const holder = { token: "a", tab: "a", lease: 1, wall: 1, steady: 1 }
    assert.deepStrictEqual(Record.decode(undefined), Record.free)
    assert.isDefined(Record.decode({ version: 1, holder, queue: [{ token: "b", tab: "b", expires: 1 }] }))
    const strange: ReadonlyArray<unknown> = [
      null,
      7,
      "held",
      {},
      { version: 2, holder: undefined, queue: [] },
      { version: 1, holder: undefined },
      { version: 1, holder: null, queue: [] },
      { version: 1, holder: { ...holder, lease: NaN }, queue: [] },
      { version: 1, holder: { ...holder, wall: "now" }, queue: [] },
      { version: 1, holder, queue: [{ token: "b" }] }
    ]
    for (const value of strange) assert.isUndefined(Record.decode(value), JSON.stringify(value))
  })

  it("has one holder, and serves in order, whatever happens", () => {
    // A linear congruential generator: the same run every time.
    let seed = 7
    const below = (limit: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % limit
    const world = makeWorld()
    const tokens = Array.from({ length: 6 }, (_, i) => String.fromCharCode(97 + i))
    /** By its own reckoning: who was told that it has the key, and until when. */
    const inside = new Map<string, number>()
    let at = 0
    for (let step = 0; step < 50_000; step++) {
      const token = tokens[below(tokens.length)]
      const has = (token: string) => (inside.get(token) ?? -1) > at
      const enter = () => {
        for (const other of tokens) assert.isFalse(other !== token && has(other), `two at step ${step}`)
        inside.set(token, at + 10_000)
      }
      switch (below(6)) {
        case 0:
        case 1:
          if (world.claim(token) === "Acquired") enter()
          break
        case 2:
          if (world.accept(token)) enter()
          break
        case 3:
          assert.strictEqual(world.release(token) && inside.has(token), has(token))
          inside.delete(token)
          break
        case 4:
          if (world.extend(token)) {
            // An offer that is made longer counts as taken.
            if (inside.has(token)) inside.set(token, at + 10_000)
            else world.release(token)
          }
          break
        default: {
          const millis = below(3_000)
          world.pass(millis)
          at += millis
        }
      }
      for (const [token, until] of inside) if (until <= at) inside.delete(token)
    }
    for (const token of tokens) world.release(token)
    assert.isTrue(Record.isFree(world.record()))
  })
})
