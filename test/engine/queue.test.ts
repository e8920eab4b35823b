import { assert, describe, it } from "@effect/vitest"
import type { LockConfig } from "effect-lock"
import type { Lease } from "../../src/internal/engine/lease.ts"
import { Queue, Waiter } from "../../src/internal/engine/queue.ts"

const make = () => {
  const events: Array<string> = []
  const request = { key: "key" } as LockConfig.LockRequest
  const line = {
    hearNothing: () => {},
    timeOut: () => events.push("timeOut"),
    pass: (baton: unknown) => events.push(`pass ${baton}`)
  }
  const queue = new Queue()
  const waiter = (since = 0) => new Waiter(line, request, since)
  const add = (since: number) => {
    const one = waiter(since)
    queue.add(one)
    return one
  }
  const order = () => {
    const all: Array<Waiter> = []
    for (let one = queue.head; one !== undefined; one = one.next) all.push(one)
    return all
  }
  return { queue, events, waiter, add, order }
}

describe("Queue", () => {
  it("has who came first in front, whenever it is added, and those of one moment in the order they came", () => {
    const { add, order, queue } = make()
    const [fifth, second, first, third, fourth] = [40, 10, 0, 10, 20].map(add)
    assert.deepStrictEqual(order(), [first, second, third, fourth, fifth])
    assert.strictEqual(queue.size, 5)
  })

  it("forgets who goes, wherever it stands", () => {
    for (const leaving of [[0, 1, 2], [2, 1, 0], [1, 0, 2]]) {
      const { add, order, queue } = make()
      const all = [0, 1, 2].map(add)
      const left = new Set(all)
      for (const i of leaving) {
        queue.remove(all[i])
        left.delete(all[i])
        assert.deepStrictEqual(order(), [...left])
        assert.deepStrictEqual([all[i].previous, all[i].next], [undefined, undefined])
      }
      const late = add(0)
      assert.strictEqual(queue.head, late)
      assert.strictEqual(queue.size, 1)
    }
  })

  it("knows whose time is over, until they go", () => {
    const { add, queue } = make()
    const [a, b, c] = [0, 1, 2].map(add)
    assert.deepStrictEqual(queue.allOverdue, [])
    queue.keepOverdue(c)
    queue.keepOverdue(a)
    assert.deepStrictEqual(queue.allOverdue, [a, c])
    queue.remove(a)
    queue.remove(b)
    assert.deepStrictEqual(queue.allOverdue, [c])
    queue.remove(c)
    assert.deepStrictEqual(queue.allOverdue, [])
  })
})

describe("Waiter", () => {
  it("is called back once it has what it waited for, also if that has been before", () => {
    const { waiter } = make()
    const told: Array<string> = []
    const early = waiter()
    early.wake()
    early.whenServed(() => told.push("early"))
    assert.deepStrictEqual(told, [])
    early.baton = "Turn"
    early.wake()
    const late = waiter()
    late.baton = "TimedOut"
    late.whenServed(() => told.push("late"))
    assert.deepStrictEqual(told, ["early", "late"])
  })

  it("passes the turn on for a lease, and says when its time is over", () => {
    const { events, waiter } = make()
    const one = waiter()
    one.baton = "Turn"
    const lease = {} as Lease
    one.serve(lease)
    assert.strictEqual<unknown>(one.baton, lease)
    one.ring()
    assert.deepStrictEqual(events, ["pass Turn", "timeOut"])
  })
})
