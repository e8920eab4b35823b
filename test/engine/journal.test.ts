import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Metric } from "effect"
import type { LockConfig, LockEvent } from "effect-lock"
import { Journal } from "../../src/internal/engine/journal.ts"
import { Lease, type Lender } from "../../src/internal/engine/lease.ts"
import { meterOf } from "../../src/internal/meter.ts"
import { failure, terms } from "./parts.ts"

const make = () => {
  const meter = meterOf("fake", Context.make(Metric.MetricRegistry, new Map()))
  const journal = new Journal(meter)
  const lease = new Lease({} as Lender, terms({ fencingToken: 7, since: 100, deadline: 3_000 }))
  const request = { key: "key", owner: "me" } as LockConfig.LockRequest
  const all = () => {
    journal.waiting(request)
    journal.acquired(lease, 20)
    journal.handedOver(lease)
    journal.released(lease, 600)
    journal.without(request, 30, true)
    journal.without(request, 30, false)
    journal.timedOut(request, 0)
    journal.timedOut(request, 30)
    lease.why = "Taken"
    lease.endedAt = 1_100
    journal.lost(lease)
    journal.down(failure())
    journal.up(40)
    journal.polling("why")
    journal.polling(undefined)
  }
  return { meter, journal, all }
}

describe("Journal", () => {
  it("counts whether or not anybody listens", () => {
    const { all, meter } = make()
    all()
    assert.deepStrictEqual([meter.handOvers, meter.timeouts, meter.losses], [1, 2, 1])
  })

  it("tells each who listens of everything, in order, until they do no more", () => {
    const { all, journal } = make()
    const heard: Array<LockEvent.LockEvent> = []
    let others = 0
    let ended = 0
    const unlisten = journal.listen((event) => heard.push(event), () => ended++)
    journal.listen(() => others++, () => ended++)
    all()
    assert.deepStrictEqual(heard.map(({ _tag }) => _tag), [
      "Waiting",
      "Acquired",
      "HandedOver",
      "Released",
      "TimedOut",
      "GaveUp",
      // Not of the one who waited, of whom the end of the wait has told.
      "TimedOut",
      "Lost",
      "BackendDown",
      "BackendUp",
      "PollingBegan",
      "PollingEnded"
    ])
    const lost = heard.find(({ _tag }) => _tag === "Lost")
    assert.isTrue(lost?._tag === "Lost" && lost.why === "Taken" && Duration.toMillis(lost.held) === 1_000)
    assert.strictEqual(others, heard.length)
    unlisten()
    all()
    assert.deepStrictEqual([heard.length, others], [12, 24])
    journal.close()
    all()
    assert.deepStrictEqual([others, ended], [24, 1])
    // Who comes later is told that there is nothing to hear.
    journal.listen(() => others++, () => ended++)()
    all()
    assert.deepStrictEqual([others, ended], [24, 2])
  })

  it("goes on when one who listens throws", () => {
    const { all, journal } = make()
    const heard: Array<LockEvent.LockEvent> = []
    let ended = 0
    const fault = () => {
      throw new Error("not ours")
    }
    journal.listen(fault, fault)
    journal.listen((event) => heard.push(event), () => ended++)
    all()
    journal.close()
    assert.deepStrictEqual([heard.length, ended], [12, 1])
  })
})
