import { assert, describe, it } from "@effect/vitest"
import type { Alarms } from "../../src/internal/engine/alarms.ts"
import { Call, type Reply } from "../../src/internal/engine/call.ts"
import { failure, HandAlarms, Turns } from "./parts.ts"

const make = () => {
  const alarms = new HandAlarms()
  const turns = new Turns()
  const events: Array<string> = []
  const call = new Call<boolean>(
    {
      alarms: alarms as unknown as Alarms,
      soon: turns.soon,
      ended: () => void events.push("ended"),
      unanswered: () => void events.push("unanswered"),
      left: () => void events.push("left")
    },
    "release",
    "key",
    0
  )
  const heard: Array<Reply<boolean> | undefined> = []
  return { alarms, turns, events, call, heard, hear: (reply: Reply<boolean> | undefined) => void heard.push(reply) }
}

describe("Call", () => {
  it("tells who waits and who watches of its reply, and keeps it", () => {
    const { alarms, call, events, hear, heard } = make()
    call.onReply(hear)
    call.wait(100, hear)
    call.settle(true)
    assert.deepStrictEqual(heard, [true, true])
    assert.strictEqual(call.reply, true)
    assert.deepStrictEqual(events, ["ended"])
    assert.strictEqual(alarms.size, 0)
    call.onReply(hear)
    call.wait(100, hear)
    assert.deepStrictEqual(heard, [true, true, true, true])
    assert.strictEqual(alarms.size, 0)
  })

  it("has one reply: what comes later changes nothing", () => {
    const { call, events, hear, heard } = make()
    call.onReply(hear)
    call.settle(false)
    call.settle(true)
    call.settle(failure())
    assert.deepStrictEqual([heard, call.reply, events], [[false], false, ["ended"]])
  })

  it("tells all who watch, in order", () => {
    const { call } = make()
    const order: Array<number> = []
    for (const i of [1, 2, 3]) call.onReply(() => order.push(i))
    call.settle(true)
    assert.deepStrictEqual(order, [1, 2, 3])
  })

  it("is silent only after two turns in which its reply could have been read", () => {
    const { alarms, call, events, hear, heard, turns } = make()
    call.wait(100, hear)
    alarms.passTo(99)
    turns.all()
    assert.deepStrictEqual(heard, [])
    alarms.passTo(100)
    assert.deepStrictEqual(heard, [])
    turns.next()
    assert.deepStrictEqual(heard, [])
    turns.next()
    assert.deepStrictEqual(heard, [undefined])
    assert.deepStrictEqual(events, ["unanswered", "left"])
  })

  for (const turn of [0, 1]) {
    it(`is not silent if its reply comes ${turn} turns after the time`, () => {
      const { alarms, call, events, hear, heard, turns } = make()
      call.wait(100, hear)
      alarms.passTo(100)
      for (let i = 0; i < turn; i++) turns.next()
      call.settle(true)
      turns.all()
      assert.deepStrictEqual(heard, [true])
      assert.deepStrictEqual(events, ["ended"])
    })
  }

  it("that was silent still tells those who watch, and nobody twice", () => {
    const { alarms, call, events, hear, heard, turns } = make()
    const seen: Array<unknown> = []
    call.onReply((reply) => seen.push(reply))
    call.wait(100, hear)
    alarms.passTo(100)
    turns.all()
    call.settle(true)
    assert.deepStrictEqual([heard, seen], [[undefined], [true]])
    assert.deepStrictEqual(events, ["unanswered", "left", "ended"])
  })

  it("that nobody waits for any more calls nobody, and needs no alarm", () => {
    const { alarms, call, events, hear, heard, turns } = make()
    call.wait(100, hear)
    call.leave()
    assert.deepStrictEqual([events, alarms.size], [["left"], 0])
    alarms.passTo(200)
    turns.all()
    call.settle(true)
    assert.deepStrictEqual([heard, events], [[], ["left", "ended"]])
    call.leave()
    assert.deepStrictEqual(events, ["left", "ended"])
  })

  it("left between its time and its silence is not silent", () => {
    const { alarms, call, events, hear, heard, turns } = make()
    call.wait(100, hear)
    alarms.passTo(100)
    call.leave()
    turns.all()
    assert.deepStrictEqual([heard, events], [[], ["left"]])
  })

  it("may be waited for without end", () => {
    const { alarms, call, hear, heard } = make()
    call.wait(Infinity, hear)
    assert.strictEqual(alarms.size, 0)
    call.settle(true)
    assert.deepStrictEqual(heard, [true])
  })

  it("whose waiter waits anew is waited for anew", () => {
    const { alarms, call, hear, heard, turns } = make()
    call.wait(100, (reply) => {
      hear(reply)
      call.wait(200, hear)
    })
    alarms.passTo(100)
    turns.all()
    alarms.passTo(200)
    turns.all()
    assert.deepStrictEqual(heard, [undefined, undefined])
  })
})
