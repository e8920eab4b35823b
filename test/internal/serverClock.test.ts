import { assert, describe, it } from "@effect/vitest"
import { ServerClock } from "../../src/internal/serverClock.ts"

/** The server's clock is so many milliseconds ahead of ours, in microseconds. */
const micros = (millis: number, ahead: number): number => (millis + ahead) * 1000

describe("the clock of a server", () => {
  it("is unknown before the first reply, and after it is forgotten", () => {
    const clock = new ServerClock()
    assert.isUndefined(clock.earliest(micros(0, 5000)))
    assert.isUndefined(clock.latest(0))
    clock.observe(0, 10, micros(5, 5000))
    assert.isDefined(clock.earliest(micros(5, 5000)))
    clock.forget()
    assert.isUndefined(clock.earliest(micros(5, 5000)))
  })

  it("is bounded by when a request was sent, and by the quickest reply of several", () => {
    const clock = new ServerClock()
    clock.observe(100, 140, micros(130, 5000))
    assert.strictEqual(clock.earliest(micros(200, 5000)), 170)
    assert.strictEqual(clock.latest(200), micros(230, 5000))
    clock.observe(150, 154, micros(152, 5000))
    assert.strictEqual(clock.earliest(micros(200, 5000)), 198)
    clock.observe(160, 200, micros(190, 5000))
    assert.strictEqual(clock.earliest(micros(200, 5000)), 198)
  })

  it("that is set forward puts nothing later than it was", () => {
    const clock = new ServerClock()
    clock.observe(100, 102, micros(101, 5000))
    clock.observe(200, 202, micros(201, 65_000))
    assert.isAtMost(clock.earliest(micros(300, 65_000))!, 300)
  })

  it("that drifts is believed for ten seconds", () => {
    const clock = new ServerClock()
    clock.observe(0, 2, micros(1, 5000))
    clock.observe(9_999, 10_020, micros(10_010, 5000))
    assert.strictEqual(clock.earliest(micros(10_010, 5000)), 10_009)
    clock.observe(10_000, 10_020, micros(10_010, 5000))
    assert.strictEqual(clock.earliest(micros(10_010, 5000)), 10_000)
  })
})
