/** An attack that nothing could fail proves nothing: locks that are broken on purpose do. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isInstalled } from "../../scripts/installed.ts"
import { shared } from "../support/redis.ts"
import { check } from "./checker.ts"
import type { Section } from "./record.ts"
import { attack, build } from "./runner.ts"
import { broken } from "./scenarios.ts"
import { seed } from "./short.ts"

describe.skipIf(!isInstalled("redis"))("the checker catches", () => {
  const built = shared(build)
  for (const { caught, ...scenario } of broken) {
    it.live(scenario.name, () =>
      Effect.gen(function*() {
        // Its moment does not come in every run.
        const seen: Array<string> = []
        for (let i = 0; i < 12 && !seen.some((violation) => caught.test(violation)); i++) {
          seen.push(...(yield* attack(scenario, yield* built, seed + i, 5)).violations)
        }
        assert.isTrue(seen.some((violation) => caught.test(violation)), `only this was noticed: ${seen.join("\n")}`)
      }), 900_000)
  }
})

describe("of those who share a key, the checker", () => {
  const section = (id: number, share: Section["share"], from: number, to: number): Section => ({
    id: String(id),
    worker: "w0",
    key: "key",
    fence: id,
    share,
    startedAt: from,
    enteredAt: from,
    deadline: 10_000,
    endedAt: to,
    how: "done",
    readAt: undefined,
    writtenAt: undefined,
    value: undefined
  })
  const judge = (...sections: ReadonlyArray<Section>) =>
    check({
      workers: [{ name: "w0", gaps: [], complaints: [], saidBye: true }],
      operations: sections.map(({ endedAt, id, key, startedAt, worker }) => ({
        id,
        worker,
        key,
        startedAt,
        timeout: 0,
        endedAt,
        result: "ok"
      })),
      sections,
      strikes: [],
      deaths: [],
      expires: 10_000,
      patience: 1_000,
      recovery: 0,
      overtime: 0,
      stoppedAt: 500
    }).violations
  const reader = { permits: 1, limit: Number.MAX_SAFE_INTEGER }
  const permits = (permits: number) => ({ permits, limit: 3 })

  it("lets readers in together, and permits up to the limit", () => {
    assert.isEmpty(judge(section(1, reader, 0, 100), section(2, reader, 10, 90), section(3, undefined, 110, 120)))
    assert.isEmpty(
      judge(section(1, permits(2), 0, 100), section(2, permits(1), 10, 90), section(3, permits(2), 110, 120))
    )
  })

  it("catches one beside a writer, and one permit too many", () => {
    assert.match(judge(section(1, reader, 0, 100), section(2, undefined, 50, 60)).join(), /two holders/)
    assert.match(judge(section(1, undefined, 0, 100), section(2, permits(1), 50, 60)).join(), /two holders/)
    assert.match(judge(section(1, permits(2), 0, 100), section(2, permits(2), 50, 60)).join(), /more than 3/)
  })

  it("catches a reader whose fencing token is not above that of the writer before", () => {
    assert.match(judge(section(2, undefined, 0, 10), section(1, reader, 20, 30)).join(), /fencing tokens/)
    assert.match(judge(section(2, reader, 0, 10), section(1, undefined, 20, 30)).join(), /fencing tokens/)
    assert.isEmpty(judge(section(2, reader, 0, 10), section(1, reader, 20, 30)))
  })
})
