/** The rules for a shared row, on copies of one that nobody keeps. The order of turns is checked against the store in memory. */
import { assert, describe, it } from "@effect/vitest"
import { type Asking, type Found, holders, Row } from "../../src/internal/sql/sharing.ts"

const second = 1_000_000
const start = 1_900_000_000 * second
const unlimited = Number.MAX_SAFE_INTEGER

const empty: Found = { version: "", token: "", fence: 0, end: 0, queue: [], sharers: [], now: start }

/** The row as somebody reads it so many seconds later. */
const later = (row: Row, seconds = 0): Found => ({
  version: "1",
  token: row.token,
  fence: row.fence,
  end: row.end,
  queue: row.queue,
  sharers: row.entries,
  now: row.found.now + seconds * second
})

const reader = (token: string, leaseMillis = 60_000) => ({
  token,
  leaseMillis,
  share: { permits: 1, limit: unlimited },
  entry: `${token} ${leaseMillis} 1000 c:1 1/${unlimited}`
})

const permits = (token: string, permits: number, limit: number, leaseMillis = 60_000) => ({
  token,
  leaseMillis,
  share: { permits, limit },
  entry: `${token} ${leaseMillis} 1000 c:1 ${permits}/${limit}`
})

const writer = (token: string, leaseMillis = 60_000) => ({
  token,
  leaseMillis,
  share: undefined,
  entry: `${token} ${leaseMillis} 1000 c:1`
})

const names = (found: Found) => holders(found).map(({ token }) => token).toSorted().join()

const after = (found: Found, ...steps: ReadonlyArray<(row: Row) => unknown>): Row => {
  const row = new Row(found)
  for (const step of steps) step(row)
  return row
}

const ask = (asking: Asking) => (row: Row) => row.ask(asking)
const leave = ({ entry, token }: Asking) => (row: Row) => row.leave(token, entry)

describe("a copy of a row", () => {
  it("changes nothing for one that is refused, or has nothing to leave", () => {
    const held = later(after(empty, ask(permits("a", 2, 2))))
    const row = after(held, ask({ ...permits("b", 1, 2), entry: undefined }), leave(reader("c")))
    assert.isFalse(row.isChanged)
    const waits = later(after(held, ask(permits("b", 1, 2))))
    // Who comes by with nobody behind it writes nothing.
    assert.isFalse(after(waits, ask(permits("b", 1, 2))).isChanged)
  })

  it("lets in all that fit from the front, with numbers that rise, and tells them", () => {
    const found = later(
      after(
        empty,
        ask(writer("w")),
        ask(permits("a", 2, 5)),
        ask(reader("b")),
        ask(permits("c", 3, 5)),
        ask(reader("d"))
      )
    )
    const row = after(found, leave(writer("w")))
    assert.strictEqual(names(later(row)), "a,b")
    assert.deepStrictEqual(row.heard.map(({ token }) => token), ["a", "b"])
    const [first, second] = row.heard
    assert.isAbove(first.fence, found.fence)
    assert.strictEqual(second.fence, first.fence + 1)
    assert.deepStrictEqual(row.queue, [permits("c", 3, 5).entry, reader("d").entry])
    // Given for a second, until they come by.
    assert.strictEqual(names(later(row, 1)), "")
    assert.strictEqual(names(later(after(later(row, 0.5), ask(reader("b"))), 20)), "b")
  })

  it("counts whoever leaves together", () => {
    const found = later(after(empty, ask(reader("a")), ask(reader("b")), ask(writer("w"))))
    const row = after(found, leave(reader("a")), leave(reader("b")))
    assert.deepStrictEqual([row.token, row.queue, row.entries], ["w", [], []])
    assert.isTrue(row.isGivenAway)
  })

  it("drops entries that it does not understand when their turn comes", () => {
    const found: Found = {
      ...empty,
      version: "1",
      token: "w",
      end: start + second,
      queue: ["", "nonsense", "x.1 1000 1000 - 3/2/1", "y.1 1000 1000 -"]
    }
    const row = after(found, leave(writer("w")))
    assert.deepStrictEqual([row.token, row.queue, row.heard], ["y.1", [], []])
  })

  it("waits for fenced transactions only to give the key away, or to put somebody out", () => {
    const free = after(empty, ask(reader("a")))
    const joined = after(later(free), ask(reader("b", 1000)))
    assert.deepStrictEqual([free.isGivenAway, joined.isGivenAway], [true, false])
    assert.isFalse(after(later(joined), leave(reader("a"))).isGivenAway)
    assert.isFalse(after(later(joined), ask(writer("w"))).isGivenAway)
    // The lease of b is over: who leaves lets it be, who asks puts it out.
    assert.isFalse(after(later(joined, 2), leave(reader("a"))).isGivenAway)
    assert.isTrue(after(later(joined, 2), ask(reader("c"))).isGivenAway)
    const alone = after(later(free), leave(reader("a")))
    assert.isFalse(alone.isGivenAway)
    assert.isTrue(after(later(alone), ask(writer("w"))).isGivenAway)
  })

  it("keeps one that has ended in the way of those who are let in by others, until somebody asks", () => {
    const found = later(
      after(empty, ask(permits("a", 1, 2, 1000)), ask(permits("b", 1, 2)), ask(permits("c", 2, 2))),
      2
    )
    const left = after(found, leave(permits("b", 1, 2)))
    assert.strictEqual(names(later(left)), "")
    assert.strictEqual(names(later(after(later(left), ask(permits("c", 2, 2))))), "c")
  })

  it("lets pass who finds a lease that has ended, before those that would fit as well", () => {
    const found = later(
      after(
        empty,
        ask(permits("a", 1, 1, 1000)),
        ask(permits("gone", 1, 1)),
        ask(permits("gone-2", 1, 1)),
        ask(permits("b", 1, 1))
      ),
      2
    )
    const row = after(found, ask(permits("b", 1, 1)))
    assert.deepStrictEqual([names(later(row)), row.queue], ["b", []])
    // But nobody passes one that does not fit.
    const heavy = later(
      after(
        empty,
        ask(permits("a", 1, 2)),
        ask(permits("b", 1, 2, 1000)),
        ask(permits("heavy", 2, 2)),
        ask(permits("c", 1, 2))
      ),
      2
    )
    assert.strictEqual(names(later(after(heavy, ask(permits("c", 1, 2))))), "a")
  })

  it("passes over a first waiter that does not fit and has not come by for ten seconds", () => {
    let found = later(after(empty, ask(reader("a", 600_000)), ask(writer("gone")), ask(reader("b"))))
    const comeBy = (asking: Asking, seconds: number) => {
      const row = after({ ...found, now: found.now + seconds * second }, ask(asking))
      found = later(row)
      return row
    }
    // It was noted when b came; here it comes by itself, and is noted anew.
    assert.isTrue(comeBy(writer("gone"), 4).isChanged)
    assert.isTrue(comeBy(reader("b"), 1).isChanged)
    assert.isFalse(comeBy(reader("b"), 9).isChanged)
    assert.strictEqual(names(found), "a")
    comeBy(reader("b"), 2)
    assert.deepStrictEqual([names(found), found.queue], ["a,b", []])
    // One that comes by every second is never gone.
    comeBy(writer("w"), 1)
    comeBy(reader("c"), 0)
    for (let i = 0; i < 30; i++) {
      comeBy(writer("w"), 1)
      comeBy(reader("c"), 0)
    }
    assert.deepStrictEqual(found.queue, [writer("w").entry, reader("c").entry])
  })

  it("passes over it also for those who do not wait", () => {
    let found = later(after(empty, ask(reader("a", 600_000)), ask(writer("gone")), ask(writer("w"))))
    const once = (seconds: number, asking: Asking = { ...reader("b"), entry: undefined }) => {
      const row = after({ ...found, now: found.now + seconds * second }, ask(asking))
      found = later(row)
      return row
    }
    assert.isFalse(once(0).isChanged)
    once(11)
    assert.deepStrictEqual([names(found), found.queue], ["a", [writer("w").entry]])
    // It has been noted since then, and comes by itself now and then.
    for (let i = 0; i < 4; i++) {
      once(4)
      once(1, writer("w"))
    }
    assert.deepStrictEqual([names(found), found.queue], ["a", [writer("w").entry]])
    once(0)
    assert.isFalse(once(9).isChanged)
    once(2)
    assert.deepStrictEqual([names(found), found.queue], ["a,b", []])
  })

  it("keeps who asks again, with its number, and never shortens its lease", () => {
    const found = later(after(empty, ask(reader("a", 60_000))), 10)
    const row = new Row(found)
    assert.strictEqual(row.ask(reader("a", 1000)).fencingToken, found.fence)
    assert.strictEqual(row.end, start + 60 * second)
    assert.strictEqual(new Row(later(row, 10)).ask(reader("a", 60_000)).fencingToken, found.fence)
  })

  it("ignores sharers of before at a key that somebody has alone", () => {
    // As a program leaves them that does not know of sharing.
    const found: Found = {
      ...empty,
      version: "1",
      token: "w",
      end: start + second,
      sharers: ["a 1 1 9999999999999999"]
    }
    assert.deepStrictEqual(holders(found), [])
    const row = after(found, leave(writer("w")))
    assert.strictEqual(row.token, "")
    assert.strictEqual(names(later(after(later(row), ask(reader("b"))))), "b")
  })
})
