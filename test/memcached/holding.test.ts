import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { constVoid } from "effect/Function"
import { ExpiringMap } from "../../src/internal/expiringMap.ts"
import * as Content from "../../src/internal/memcached/content.ts"
import { Extending, Releasing } from "../../src/internal/memcached/holding.ts"
import type { Link } from "../../src/internal/memcached/link.ts"
import { Vacancies } from "../../src/internal/memcached/vacancies.ts"
import { Opcode, type Request, Status } from "../../src/internal/memcached/wire.ts"

/** A server on which somebody comes to wait for an item before each of so many commands on it. */
const crowded = (crowd: number) => {
  const waiters: Array<string> = []
  let cas = 1
  const come = (): void => {
    waiters.push(`waiter-${waiters.length}`)
    cas++
  }
  const answer = (request: Request) => {
    const nothing = { cas: 0, key: Buffer.alloc(0), value: Buffer.alloc(0) }
    if (request.opcode === Opcode.get) {
      return { ...nothing, status: Status.ok, cas, value: Buffer.from(Content.encode("t", 1, waiters)) }
    }
    if (waiters.length < crowd) come()
    return { ...nothing, status: request.cas === cas ? Status.ok : Status.exists, cas: ++cas }
  }
  const link: Link = {
    isAlive: () => true,
    startedAt: () => 0,
    send: (request, hearer) => hearer.hear(answer(request)),
    close: constVoid
  }
  return { link, hints: new ExpiringMap<never>() }
}

it.effect("a holder extends and gives back, however many come to wait at that moment", () =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const ends: Array<unknown> = []
    const end = (outcome: unknown) => ends.push(outcome)
    new Releasing(crowded(40), "key", "t", clock, end).run()
    new Extending(crowded(40), "key", { key: "key", token: "t", expiresMillis: 1000 }, clock, end).run()
    assert.deepStrictEqual(ends, [true, true])
  }))

/** Times in milliseconds of a monotonic clock. */
describe("an item that nobody holds, of which the next waiter does not come", () => {
  const seenBy = (token: string, looks: ReadonlyArray<number>, since: (at: number) => number = () => 1) => {
    const vacancies = new Vacancies()
    const mayTake = (at: number) =>
      vacancies.mayTake("k", { token: undefined, time: since(at), waiters: ["a", "b", "c"], full: false }, token, at)
    return looks.filter(mayTake)
  }
  const everyTenth = [0, 100, 200, 300, 320, 340, 360]

  it("goes to the nearest that looks", () => {
    assert.deepStrictEqual(seenBy("a", everyTenth), everyTenth)
    assert.deepStrictEqual(seenBy("b", everyTenth), [320, 340, 360])
    assert.deepStrictEqual(seenBy("c", everyTenth), [340, 360])
  })

  it("is no older than a process has seen it that did not run meanwhile", () => {
    assert.deepStrictEqual(seenBy("b", [0, 10_000, 20_000, 30_000, 40_000]), [40_000])
  })

  it("counts from when it was left last", () => {
    assert.deepStrictEqual(seenBy("b", everyTenth, (at) => at < 300 ? 1 : 2), [])
  })
})
