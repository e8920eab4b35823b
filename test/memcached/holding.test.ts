import { assert, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { constVoid } from "effect/Function"
import { ExpiringMap } from "../../src/internal/expiringMap.ts"
import * as Content from "../../src/internal/memcached/content.ts"
import { Extending, Releasing } from "../../src/internal/memcached/holding.ts"
import type { Link } from "../../src/internal/memcached/link.ts"
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
