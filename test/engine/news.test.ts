import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { News } from "../../src/internal/engine/news.ts"
import { HandPort } from "./parts.ts"

const make = () => {
  const port = new HandPort()
  return { port, news: new News(port.port) }
}

describe("News", () => {
  it("are listened to until that is ended, once", () => {
    const { news, port } = make()
    assert.isFalse(news.isListening)
    const call = news.listen("key", "token")
    assert.deepStrictEqual([news.isListening, port.last.operation, port.last.token], [true, "listen", "token"])
    assert.strictEqual(port.last.call, call)
    port.notify!({ fencingToken: 7, sinceMillis: 0, leaseMillis: 1 })
    assert.strictEqual(news.takeGrant()?.fencingToken, 7)
    news.end()
    news.end()
    assert.deepStrictEqual([news.isListening, port.listeningEnded], [false, 1])
  })

  it.effect("sleeps until its time, until news, or not at all when there were some", () =>
    Effect.gen(function*() {
      const { news, port } = make()
      const sleep = (until: number) => Effect.forkDetach(news.sleep(until), { startImmediately: true })
      const timed = yield* sleep(100)
      assert.isUndefined(timed.pollUnsafe())
      port.passTo(100)
      yield* Effect.yieldNow
      assert.isDefined(timed.pollUnsafe())

      const woken = yield* sleep(1_000)
      news.tell(undefined)
      yield* Effect.yieldNow
      assert.isDefined(woken.pollUnsafe())

      news.tell(undefined)
      assert.isDefined((yield* sleep(1_000)).pollUnsafe())
      const again = yield* sleep(1_000)
      assert.isUndefined(again.pollUnsafe())
      again.interruptUnsafe()
      yield* Effect.yieldNow
      assert.strictEqual(port.alarms.size, 0)
    }))

  it("keeps the last grant until it is taken, once", () => {
    const { news } = make()
    const grant = (fencingToken: number) => ({ fencingToken, sinceMillis: 0, leaseMillis: 1 })
    news.tell(grant(1))
    news.tell(undefined)
    news.tell(grant(2))
    assert.strictEqual(news.takeGrant()?.fencingToken, 2)
    assert.isUndefined(news.takeGrant())
  })

  it("hurry whoever is busy, also when they were there before, until it is told not to", () => {
    const { news } = make()
    let hurried = 0
    news.whileBusy(() => hurried++)
    assert.strictEqual(hurried, 0)
    news.tell(undefined)
    assert.strictEqual(hurried, 1)
    news.whileBusy(undefined)
    news.tell(undefined)
    assert.strictEqual(hurried, 1)
    news.whileBusy(() => hurried++)
    assert.strictEqual(hurried, 2)
  })

  it.effect("wake nobody who has left, but whoever it has left to", () =>
    Effect.gen(function*() {
      const { news, port } = make()
      const sleeping = yield* Effect.forkDetach(news.sleep(1_000), { startImmediately: true })
      const wake = news.leaveSleeper()
      assert.strictEqual(port.alarms.size, 0)
      news.tell(undefined)
      yield* Effect.yieldNow
      assert.isUndefined(sleeping.pollUnsafe())
      wake()
      yield* Effect.yieldNow
      assert.isDefined(sleeping.pollUnsafe())
    }))
})
