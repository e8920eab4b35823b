import { assert, describe, it } from "@effect/vitest"
import type { Call, Operation } from "../../src/internal/engine/call.ts"
import { Debts } from "../../src/internal/engine/debts.ts"
import { failure, HandPort } from "./parts.ts"

const make = () => {
  const port = new HandPort()
  const failed: Array<unknown> = []
  const debts = new Debts(port.port, (failure) => failed.push(failure?.kind ?? "silent"))
  const owe = (options?: {
    readonly until?: number
    readonly out?: ReadonlyArray<Call<unknown>>
    readonly isQueued?: boolean
  }) => {
    const out = (options?.out ?? []).map((call) => ({ call, millis: 1_000, sure: 1_000 }))
    const { isQueued = false, until = 10_000 } = options ?? {}
    const debt = debts.owe({ key: "key", token: "token", until, out, isQueued, share: undefined, stay: 0 })
    let told = 0
    debt.whenOver(() => told++)
    return { debt, told: () => told }
  }
  const sending = (operation: Operation) => {
    if (operation === "extend") port.extend({ key: "key", token: "token", expiresMillis: 1_000 })
    else port.tryAcquire({ key: "key", token: "token", expiresMillis: 1_000, wait: false })
    return port.last
  }
  const releases = () => port.asked.filter(({ operation }) => operation === "release")
  return { port, debts, failed, owe, sending, releases }
}

const acquired = { _tag: "Acquired", fencingToken: 1 }
const held = { _tag: "Held" }

describe("a debt", () => {
  it("is paid when the store confirms, whether or not it still had the token", () => {
    for (const answer of [true, false]) {
      const { debts, failed, owe, port } = make()
      const { debt, told } = owe()
      assert.deepStrictEqual([debts.size, debt.place, told()], [1, 0, 0])
      port.last.answer(answer)
      assert.deepStrictEqual([debts.size, debt.place, told(), port.alarms.size], [0, -1, 1, 0])
      assert.deepStrictEqual(failed, [])
      let late = 0
      debt.whenOver(() => late++)
      assert.strictEqual(late, 1)
    }
  })

  it("is asked for once more at once when the store fails, and then at growing distances", () => {
    const { failed, owe, port, releases } = make()
    const { told } = owe()
    const at: Array<number> = []
    const answerAll = () => {
      while (port.open.length > 0) {
        at.push(port.alarms.at)
        port.open[0].answer(failure())
      }
    }
    answerAll()
    for (let time = 1; time <= 4_500; time++) {
      port.passTo(time)
      answerAll()
    }
    const gaps = at.slice(1).map((one, i) => one - at[i])
    assert.deepStrictEqual(gaps, [0, 20, 40, 80, 160, 320, 640, 1_000, 1_000, 1_000])
    assert.strictEqual(releases().length, at.length)
    // Told of it, and counted, once.
    assert.deepStrictEqual([told(), failed], [1, ["Unreachable"]])
  })

  it("is given up once the store cannot hold the token any more", () => {
    const { debts, owe, port } = make()
    owe({ until: 500 })
    for (let time = 1; time <= 2_000; time++) {
      for (const { answer } of port.open) answer(failure())
      port.passTo(time)
    }
    assert.deepStrictEqual([debts.size, port.alarms.size, port.open.length], [0, 0, 0])
  })

  it("is told over after the store's patience, and asked for anew in place of what is silent", () => {
    const { debts, failed, owe, port, releases } = make()
    const { told } = owe({ until: 60_000 })
    port.passTo(999)
    assert.strictEqual(told(), 0)
    port.passTo(1_000)
    assert.deepStrictEqual([told(), failed, debts.size], [1, ["silent"], 1])
    port.passTo(1_020)
    assert.strictEqual(releases().length, 2)
    assert.deepStrictEqual(port.abandoned, [releases()[0].call])
    releases()[1].answer(true)
    assert.strictEqual(debts.size, 0)
  })

  it("that is silent is paid by an answer that comes late", () => {
    const { debts, owe, port, releases } = make()
    owe({ until: 60_000 })
    port.passTo(1_010)
    releases()[0].answer(true)
    assert.deepStrictEqual([debts.size, port.alarms.size], [0, 0])
  })

  it("rests when it is confirmed while something is out, and is paid when that was refused", () => {
    for (const [operation, reply] of [["acquire", held], ["extend", false], ["extend", true]] as const) {
      const { debts, owe, port, releases, sending } = make()
      const out = sending(operation)
      const { told } = owe({ out: [out.call] })
      releases()[0].answer(true)
      assert.deepStrictEqual([told(), debts.size, port.alarms.size], [1, 1, 0])
      out.answer(reply as never)
      assert.deepStrictEqual([debts.size, releases().length], [0, 1])
    }
  })

  it("is asked for anew when a claim that was out is acquired, or nobody knows", () => {
    for (const reply of [acquired, failure({ operation: "acquire" })]) {
      const { debts, owe, releases, sending } = make()
      const out = sending("acquire")
      owe({ out: [out.call] })
      releases()[0].answer(false)
      out.answer(reply as never)
      assert.deepStrictEqual([debts.size, releases().length], [1, 2])
      releases()[1].answer(true)
      assert.strictEqual(debts.size, 0)
    }
  })

  it("is asked for anew when a claim is answered while the release is on its way, which may have come before it", () => {
    const { debts, owe, releases, sending } = make()
    const out = sending("acquire")
    owe({ out: [out.call] })
    out.answer(acquired as never)
    assert.strictEqual(releases().length, 1)
    releases()[0].answer(true)
    assert.deepStrictEqual([debts.size, releases().length], [1, 2])
    releases()[1].answer(false)
    assert.strictEqual(debts.size, 0)
  })

  it("is not asked for anew when an extension is answered: that brings nothing back", () => {
    const { debts, owe, releases, sending } = make()
    const out = sending("extend")
    owe({ out: [out.call] })
    out.answer(true as never)
    releases()[0].answer(true)
    assert.deepStrictEqual([debts.size, releases().length], [0, 1])
  })

  it("of a token in a queue counts a refusal as no end", () => {
    const { debts, owe, releases, sending } = make()
    const out = sending("acquire")
    owe({ out: [out.call], isQueued: true })
    releases()[0].answer(true)
    // It was executed after the release, perhaps, and then waits in the queue again.
    out.answer(held as never)
    assert.deepStrictEqual([debts.size, releases().length], [1, 2])
  })

  it("lasts a lease longer than what is answered late", () => {
    const { debts, owe, port, sending } = make()
    const out = sending("acquire")
    owe({ until: 100, out: [out.call] })
    const failAll = () => {
      for (const { answer, operation } of port.open) if (operation === "release") answer(failure())
    }
    for (let time = 1; time <= 5_000; time++) {
      failAll()
      if (time === 3_000) out.answer(acquired as never)
      port.passTo(time)
      if (time < 3_900) assert.strictEqual(debts.size, 1, `after ${time} ms`)
    }
    assert.strictEqual(debts.size, 0)
  })

  it("of a token that is owed twice is another one, paid by itself", () => {
    const { debts, owe, releases } = make()
    const first = owe()
    const second = owe()
    assert.deepStrictEqual([debts.size, releases().length], [2, 2])
    releases()[1].answer(false)
    assert.deepStrictEqual([debts.size, first.told(), second.told()], [1, 0, 1])
    releases()[0].answer(true)
    assert.deepStrictEqual([debts.size, first.told(), second.told()], [0, 1, 1])
  })
})

describe("debts", () => {
  it("are asked for once more, all that are not out", () => {
    const { debts, owe, releases } = make()
    owe()
    debts.askAll()
    assert.strictEqual(releases().length, 1)
    releases()[0].answer(failure())
    releases()[1].answer(failure())
    debts.askAll()
    assert.strictEqual(releases().length, 3)
  })

  it("are forgotten, and whoever waits for one is told", () => {
    const { debts, owe, port, sending } = make()
    const out = sending("acquire")
    const { told } = owe({ out: [out.call] })
    debts.forgetAll()
    assert.deepStrictEqual([debts.size, told(), port.alarms.size], [0, 1, 0])
    out.answer(acquired as never)
    assert.strictEqual(port.open.length, 0)
  })

  it("end when nothing can be sent any more", () => {
    const { debts, owe, port, releases } = make()
    owe()
    port.closed = true
    releases()[0].answer(failure({ kind: "Closed" }))
    assert.deepStrictEqual([debts.size, port.alarms.size], [0, 0])
  })
})
