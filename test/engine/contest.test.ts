import { assert, describe, it } from "@effect/vitest"
import { Contest } from "../../src/internal/engine/contest.ts"
import { Waiter, type Waiting } from "../../src/internal/engine/queue.ts"
import { failure, request } from "./parts.ts"

const line = {} as Waiting

describe("Contest", () => {
  it("forgets what it has heard when somebody here has the key, and not who waits", () => {
    const contest = new Contest()
    const waiter = new Waiter(line, request(), 10)
    contest.add(waiter)
    contest.heard = failure()
    contest.wasOver = true
    contest.handed = 3
    contest.isHad(20, true)
    assert.deepStrictEqual(
      [contest.heard, contest.wasOver, contest.handed, contest.saidAt, contest.isSought],
      [undefined, false, 0, 20, true]
    )
    assert.deepStrictEqual([contest.head, contest.size], [waiter, 1])
    contest.isHad(30, false)
    assert.deepStrictEqual([contest.saidAt, contest.isSought], [30, false])
  })
})
