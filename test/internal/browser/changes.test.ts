import type { Share } from "effect-lock/LockStore"
import { assert, describe, it } from "vitest"
import * as Changes from "../../../src/internal/browser/changes.ts"
import * as Record from "../../../src/internal/browser/record.ts"

/** Tabs that share one record, and a clock that all of them see. */
const makeWorld = () => {
  let at = 0
  let record = Record.free
  const dead = new Set<string>()
  const offers: Array<string> = []
  const view = (): Changes.View => ({
    stamp: { wall: at, steady: at },
    remaining: ({ lease, steady }) => lease - (at - steady),
    absence: ({ steady }) => at - steady,
    isDead: (tab) => dead.has(tab)
  })
  const missed: Array<string> = []
  const apply = <A>({ answer, missed: who, next, offered = [] }: Changes.Change<A>): A => {
    if (next !== undefined) record = next
    offers.push(...offered.map(({ token }) => token))
    if (who !== undefined) missed.push(who)
    // What is stored can be read again.
    assert.deepStrictEqual(Record.decode(structuredClone(record)), record)
    return answer
  }
  const tabOf = (token: string) => token[0]
  return {
    dead,
    offers,
    missed,
    pass: (millis: number) => {
      at += millis
    },
    record: () => record,
    claim: (token: string, wait = true, share?: Share) =>
      apply(Changes.claim(record, { token, tab: tabOf(token), expires: 10_000, wait, share }, view()))._tag,
    living: () => Changes.living(record, view()).map(({ token }) => token),
    accept: (token: string) => apply(Changes.accept(record, { token, tab: tabOf(token), expires: 10_000 }, view())),
    extend: (token: string) => apply(Changes.extend(record, token, 10_000, view())),
    outlive: (token: string) => apply(Changes.extend(record, token, 10_000, view(), true)),
    transfer: (from: string, token: string) =>
      apply(Changes.transfer(record, from, { token, tab: tabOf(token), expires: 10_000 }, view()))._tag,
    release: (token: string) => apply(Changes.release(record, token, view()))
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
    pass(Changes.offerMillis)
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
    const sharer = { ...holder, token: "b", permits: 2 }
    const waiter = { token: "b", tab: "b", expires: 1 }
    assert.deepStrictEqual(Record.decode(undefined), Record.free)
    assert.isDefined(Record.decode({ version: 2, holders: [holder], queue: [waiter] }))
    assert.isDefined(Record.decode({
      version: 2,
      holders: [sharer, sharer],
      queue: [{ ...waiter, share: { permits: 1, limit: 2 } }],
      absent: { token: "b", wall: 1, steady: 1 }
    }))
    const strange: ReadonlyArray<unknown> = [
      null,
      7,
      "held",
      {},
      { version: 1, holder: undefined, queue: [] },
      { version: 3, holders: [], queue: [] },
      { version: 2, holders: [] },
      { version: 2, holders: null, queue: [] },
      { version: 2, holders: [{ ...holder, lease: NaN }], queue: [] },
      { version: 2, holders: [{ ...holder, wall: "now" }], queue: [] },
      { version: 2, holders: [{ ...sharer, permits: 0.5 }], queue: [] },
      { version: 2, holders: [holder, sharer], queue: [] },
      { version: 2, holders: [], queue: [{ token: "b" }] },
      { version: 2, holders: [], queue: [{ ...waiter, share: { permits: 1 } }] },
      { version: 2, holders: [], queue: [], absent: { token: "b" } }
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

  const readers = { permits: 1, limit: Number.MAX_SAFE_INTEGER }

  it("is shared up to the limit that each claim names, and by nobody beside one who has it alone", () => {
    const { claim, living, record, release } = makeWorld()
    const two = { permits: 2, limit: 3 }
    assert.strictEqual(claim("a", false, two), "Acquired")
    assert.strictEqual(claim("b", false, two), "Held")
    assert.strictEqual(claim("b", false, { permits: 1, limit: 3 }), "Acquired")
    assert.strictEqual(claim("c", false, { permits: 1, limit: 3 }), "Held")
    assert.strictEqual(claim("c", false, readers), "Acquired")
    assert.strictEqual(claim("d", false), "Held")
    assert.deepStrictEqual(living(), ["a", "b", "c"])
    for (const token of ["a", "b", "c"]) assert.isTrue(release(token))
    assert.strictEqual(claim("d", false), "Acquired")
    assert.strictEqual(claim("a", false, readers), "Held")
    assert.isTrue(release("d"))
    assert.isTrue(Record.isFree(record()))
  })

  it("is held up by the first who does not fit, and lets in as many as fit when one leaves", () => {
    const { accept, claim, living, offers, release } = makeWorld()
    claim("a", true, readers)
    claim("b")
    claim("c", true, readers)
    claim("d", true, readers)
    assert.strictEqual(claim("e", false, readers), "Held")
    assert.deepStrictEqual(offers, [])
    // The one that waits leaves, and those behind it come in.
    assert.isFalse(release("b"))
    assert.deepStrictEqual(offers, ["c", "d"])
    assert.isTrue(accept("c"))
    assert.deepStrictEqual(living(), ["d", "a", "c"])
  })

  it("ends each share by itself, whether it is over or its tab is gone", () => {
    const { claim, dead, extend, living, pass } = makeWorld()
    const limit = { permits: 1, limit: 3 }
    for (const token of ["a", "b", "c"]) claim(token, true, limit)
    pass(9_000)
    assert.isTrue(extend("a"))
    assert.isTrue(extend("b"))
    pass(1_500)
    assert.isFalse(extend("c"))
    assert.deepStrictEqual(living(), ["a", "b"])
    dead.add("a")
    assert.strictEqual(claim("d", false, limit), "Acquired")
    assert.strictEqual(claim("e", false, limit), "Acquired")
    assert.strictEqual(claim("f", false, limit), "Held")
  })

  it("asks for the first who does not fit when it has not come for long, and then goes on without it", () => {
    const { claim, extend, missed, offers, pass } = makeWorld()
    claim("a", true, readers)
    claim("b")
    for (let i = 0; i < 5; i++) {
      assert.strictEqual(claim("c", true, readers), "Held")
      pass(4_000)
      extend("a")
      // It comes when it is called.
      if (missed.length > 0) assert.strictEqual(claim("b"), "Held")
    }
    assert.deepStrictEqual(new Set(missed), new Set(["b"]))
    assert.deepStrictEqual(offers, [])
    for (let i = 0; i < 2; i++) {
      assert.strictEqual(claim("c", true, readers), "Held")
      pass(6_000)
      extend("a")
    }
    assert.strictEqual(claim("c", true, readers), "Acquired")
    // And has lost its place by that.
    assert.strictEqual(claim("b"), "Held")
  })

  it(
    "never has more out than any claim allows, and lets in all who wait, whatever happens",
    () => {
      let seed = 11
      const below = (limit: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % limit
      const world = makeWorld()
      const shares = new Map<string, Share | undefined>([
        ["a", undefined],
        ["b", undefined],
        ["c", readers],
        ["d", readers],
        ["e", { permits: 1, limit: 3 }],
        ["f", { permits: 2, limit: 3 }],
        ["g", { permits: 3, limit: 5 }]
      ])
      const tokens = Array.from(shares.keys())
      /** By its own reckoning: who was told that it has the key, and until when. */
      const inside = new Map<string, number>()
      let [at, together] = [0, 0]
      const enter = (token: string, step: number) => {
        inside.delete(token)
        const share = shares.get(token)
        const others = tokens.filter((other) => (inside.get(other) ?? -1) > at)
        const used = others.reduce((sum, other) => sum + (shares.get(other)?.permits ?? Infinity), 0)
        // One that comes to take what it was offered may meet others who came by wider limits meanwhile.
        if (share === undefined) assert.deepStrictEqual(others, [], `step ${step}`)
        else assert.isBelow(used, Infinity, `step ${step}`)
        const strict = others.every((other) => shares.get(other)?.limit === share?.limit)
        if (share !== undefined && strict) assert.isAtMost(used + share.permits, share.limit, `step ${step}`)
        if (others.length > 0) together++
        inside.set(token, at + 10_000)
      }
      for (let step = 0; step < 50_000; step++) {
        const token = tokens[below(tokens.length)]
        switch (below(7)) {
          case 0:
          case 1:
          case 2:
            if (world.claim(token, below(3) > 0, shares.get(token)) === "Acquired") enter(token, step)
            break
          case 3:
            if (world.accept(token)) enter(token, step)
            break
          case 4:
            assert.strictEqual(world.release(token) && inside.has(token), (inside.get(token) ?? -1) > at)
            inside.delete(token)
            break
          case 5:
            if (inside.has(token) && world.extend(token)) inside.set(token, at + 10_000)
            break
          default: {
            const millis = below(3_000)
            world.pass(millis)
            at += millis
          }
        }
        for (const [token, until] of inside) if (until <= at) inside.delete(token)
      }
      assert.isAbove(together, 1_000)
      for (const token of tokens) world.release(token)
      for (const token of tokens) world.release(token)
      assert.isTrue(Record.isFree(world.record()))
    }
  )
})
