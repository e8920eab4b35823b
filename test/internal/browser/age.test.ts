import { assert, describe, it } from "vitest"
import * as Ages from "../../../src/internal/browser/age.ts"

/** A host with one wall clock, and tabs whose monotonic clocks begin with them. */
const makeHost = () => {
  let wall = 1_000_000
  let monotonic = 0
  return {
    /** Time passes. */
    pass: (millis: number) => {
      wall += millis
      monotonic += millis
    },
    /** The wall clock is set, or the host has slept. */
    leap: (millis: number) => {
      wall += millis
    },
    open: () => {
      const start = monotonic
      return Ages.make(() => wall, () => monotonic - start)
    }
  }
}

const lease = 10_000

describe("the age of a lease", () => {
  it("is what has passed, for a tab that was there", () => {
    const host = makeHost()
    const [writer, reader] = [host.open(), host.open()]
    host.pass(5_000)
    const stamp = writer.stamp()
    host.pass(4_000)
    assert.strictEqual(reader.of("key", "token", stamp, lease), 4_000)
    host.pass(4_000)
    assert.strictEqual(reader.of("key", "token", stamp, lease), 8_000)
  })

  it("does not grow when the wall clock leaps, as after a sleep", () => {
    const host = makeHost()
    const [writer, reader] = [host.open(), host.open()]
    const stamp = writer.stamp()
    host.pass(1_000)
    host.leap(3_600_000)
    assert.strictEqual(reader.of("key", "token", stamp, lease), 1_000)
  })

  it("does not grow for a tab that was opened after a leap", () => {
    const host = makeHost()
    const writer = host.open()
    const stamp = writer.stamp()
    host.leap(3_600_000)
    const reader = host.open()
    assert.strictEqual(reader.of("key", "token", stamp, lease), 0)
    host.pass(3_000)
    assert.strictEqual(reader.of("key", "token", stamp, lease), 3_000)
  })

  it("is right between tabs opened before and after a leap, for a lease that began later", () => {
    for (const leap of [3_600_000, -3_600_000]) {
      const host = makeHost()
      const before = host.open()
      host.leap(leap)
      host.pass(1_000)
      const after = host.open()
      for (const [writer, reader] of [[before, after], [after, before]]) {
        const stamp = writer.stamp()
        host.pass(2_000)
        // Never more, and no less than what it has seen itself.
        assert.isAtMost(reader.of("key", "token", stamp, lease), 2_000)
        host.pass(lease)
        assert.isAtLeast(reader.of("key", "token", stamp, lease), lease)
      }
    }
  })

  it("grows by what the tab sees itself when the wall clock is set back", () => {
    const host = makeHost()
    const [writer, reader] = [host.open(), host.open()]
    const stamp = writer.stamp()
    host.leap(-3_600_000)
    assert.isAtMost(reader.of("key", "token", stamp, lease), 0)
    host.pass(lease)
    assert.strictEqual(reader.of("key", "token", stamp, lease), lease)
  })

  it("begins anew with every lease", () => {
    const host = makeHost()
    const writer = host.open()
    const first = writer.stamp()
    host.pass(1_000)
    const reader = host.open()
    reader.of("key", "token", first, lease)
    host.pass(2_000)
    const second = writer.stamp()
    assert.strictEqual(reader.of("key", "token", second, lease), 0)
  })

  it("is remembered for no longer than it matters", () => {
    const host = makeHost()
    const [writer, reader] = [host.open(), host.open()]
    for (let i = 0; i < 10_000; i++) {
      reader.of(`key-${i}`, "token", writer.stamp(), lease)
      host.pass(1_000)
    }
    assert.isBelow(reader.size(), 200)
    reader.of("key", "token", writer.stamp(), lease)
    const before = reader.size()
    reader.of("key", "other", writer.stamp(), lease)
    reader.keep("key", new Set(["other"]))
    assert.strictEqual(reader.size(), before)
    reader.keep("key", new Set())
    assert.strictEqual(reader.size(), before - 1)
  })
})
