/**
 * The short run: every family of faults for some seconds. The long one is
 * `npx tsx test/faults/run.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lock } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import { isInstalled } from "../../scripts/installed.ts"
import { redis as startRedis, shared } from "../support/redis.ts"
import { proxy } from "./proxy.ts"
import { attack, build, type Scenario } from "./runner.ts"
import { broken, files, memcached, memory, redis } from "./scenarios.ts"

const seconds = Number(process.env.FAULTS_SECONDS ?? 5)
const seed = Number(process.env.FAULTS_SEED ?? 1)

const built = shared(build)

/** What takes too long may be the machine's doing; what is wrong is not. */
const isLate = (violation: string) =>
  /^(stuck: free|told \d+ ms late|outlived its timeout by|its release took)/.test(violation)

const survives = (scenario: Scenario) =>
  it.live(scenario.name, () =>
    Effect.gen(function*() {
      let { counts, violations } = yield* attack(scenario, yield* built, seed, seconds)
      // Lateness counts when it comes again under the same attack.
      if (violations.length > 0 && violations.every(isLate)) {
        console.warn(`${scenario.name}, once more: ${violations.join("; ")}`)
        ;({ counts, violations } = yield* attack(scenario, yield* built, seed, seconds))
      }
      assert.deepStrictEqual(violations, [], JSON.stringify(counts))
      // It was no idle talk.
      assert.isAbove(counts.sections, 0)
    }), 120_000)

const longOnly = /no faults|wall clocks|forgets nothing/

describe("in memory", () => memory.forEach(survives))

describe("in files", () => {
  for (const scenario of files) if (!longOnly.test(scenario.name)) survives(scenario)
})

describe.skipIf(!isInstalled("redis"))("with redis-server", () => {
  for (const scenario of redis) if (!longOnly.test(scenario.name)) survives(scenario)
})

describe.skipIf(!isInstalled("redis"))("a connection that leads nowhere", () => {
  it.live("is given up for one that does not", () =>
    Effect.gen(function*() {
      const { port } = yield* startRedis()
      const between = yield* proxy(port, [0, 0], Math.random)
      const attempt = Lock.withLock(Effect.void, "key", { expires: "1 second", timeout: "1 second" })
      yield* Effect.gen(function*() {
        yield* attempt
        between.nowhere = true
        between.reset()
        yield* Effect.sleep("500 millis")
        between.nowhere = false
        yield* Effect.retry(attempt, { times: 5 })
      }).pipe(Effect.provide(RedisBackend.layer({ host: "127.0.0.1", port: between.port })))
    }), 30_000)
})

describe.skipIf(!isInstalled("memcached"))("with memcached", () => {
  for (const scenario of memcached) if (!longOnly.test(scenario.name)) survives(scenario)
})

describe.skipIf(!isInstalled("redis"))("the checker catches", () => {
  for (const { caught, ...scenario } of broken) {
    it.live(scenario.name, () =>
      Effect.gen(function*() {
        // Its moment does not come in every run.
        const seen: Array<string> = []
        for (let i = 0; i < 4 && !seen.some((violation) => caught.test(violation)); i++) {
          seen.push(...(yield* attack(scenario, yield* built, seed + i, 5)).violations)
        }
        assert.isTrue(seen.some((violation) => caught.test(violation)), `only this was noticed: ${seen.join("\n")}`)
      }), 120_000)
  }
})
