import { assert, describe, it } from "@effect/vitest"
import { type Batch, Turn } from "../../src/internal/redis/batch.ts"

/** What is sent, script by script, as so many attempts and releases. */
const bench = (single = true) => {
  const sent: Array<readonly [attempts: number, releases: number]> = []
  const turn: Turn<string, string> = new Turn(single, ({ attempts, releases }: Batch<string, string>) => {
    sent.push([attempts.length, releases.length])
    turn.start()
  })
  const attempts = (count: number) => {
    for (let i = 0; i < count; i++) turn.attempt(`a${i}`)
  }
  const releases = (count: number) => {
    for (let i = 0; i < count; i++) turn.release(`r${i}`)
  }
  const now = () => sent.splice(0)
  const turnEnds = () => new Promise<void>((resolve) => setImmediate(resolve))
  return { turn, attempts, releases, now, turnEnds }
}

describe("calls of one turn", () => {
  it("are two scripts, and a first attempt goes at once where none is out", async () => {
    const { attempts, now, releases, turn, turnEnds } = bench()
    attempts(1)
    assert.deepStrictEqual(now(), [[1, 0]])
    attempts(15)
    assert.deepStrictEqual(now(), [])
    await turnEnds()
    assert.deepStrictEqual(now(), [[15, 0]])
    turn.land()
    turn.land()
    releases(16)
    await turnEnds()
    assert.deepStrictEqual(now(), [[0, 8], [0, 8]])
  })

  it("that the answers of a script lead to go before those of the next are told", async () => {
    const { attempts, now, releases, turn, turnEnds } = bench()
    releases(16)
    await turnEnds()
    assert.deepStrictEqual(now(), [[0, 8], [0, 8]])
    // Both are answered in one turn, again and again.
    for (let round = 0; round < 3; round++) {
      for (let script = 0; script < 2; script++) {
        turn.land()
        releases(4)
        attempts(4)
        turn.told()
        assert.deepStrictEqual(now(), [[4, 4]])
      }
      await turnEnds()
      assert.deepStrictEqual(now(), [])
    }
  })

  it("wait for others where they are few", async () => {
    const { now, releases, turn, turnEnds } = bench()
    releases(2)
    await turnEnds()
    assert.deepStrictEqual(now(), [[0, 2]])
    turn.land()
    releases(2)
    turn.told()
    assert.deepStrictEqual(now(), [])
    releases(3)
    await turnEnds()
    assert.deepStrictEqual(now(), [[0, 5]])
  })

  it("are each a script of its own in a cluster", () => {
    const { attempts, now, releases } = bench(false)
    attempts(2)
    releases(1)
    assert.deepStrictEqual(now(), [[1, 0], [1, 0], [0, 1]])
  })
})
