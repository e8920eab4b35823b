/** Leaders that are processes on a real server, killed and stopped. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { isInstalled } from "../../scripts/installed.ts"
import { bundled } from "../support/bundled.ts"
import { redis, until } from "../support/redis.ts"
import type { Line } from "./leader.ts"

interface Candidate {
  readonly child: ChildProcess
  readonly lines: Array<Line>
  readonly isReady: Effect.Effect<void>
  readonly isGone: Effect.Effect<void>
}

const candidate = (port: number, key: string, expires: number): Effect.Effect<Candidate, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(bundled(new URL("./leader.ts", import.meta.url)), (program): Candidate => {
      const child = spawn(process.execPath, [program, String(port), key, String(expires)], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      const lines: Array<Line> = []
      const ready = Deferred.makeUnsafe<void>()
      const gone = Deferred.makeUnsafe<void>()
      let rest = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const parts = (rest + text).split("\n")
        rest = parts.pop() ?? ""
        lines.push(...parts.map((part) => JSON.parse(part) as Line))
        Deferred.doneUnsafe(ready, Effect.void)
      })
      child.once("close", () => Deferred.doneUnsafe(gone, Effect.void))
      return { child, lines, isReady: Deferred.await(ready), isGone: Deferred.await(gone) }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

const last = ({ lines }: Candidate): Line | undefined => lines.findLast(({ event }) => event !== "ready")

const leads = (one: Candidate): boolean => last(one)?.event === "leads" || last(one)?.event === "works"

interface Term {
  readonly fence: number
  readonly from: number
  readonly to: number
}

/** From the first to the last that it said of each term, in nanoseconds. */
const terms = ({ lines }: Candidate): ReadonlyArray<Term> => {
  const said = lines.filter(({ fence }) => fence > 0)
  return Array.from(new Set(said.map(({ fence }) => fence)), (fence) => {
    const times = said.filter((line) => line.fence === fence).map(({ at }) => at)
    return { fence, from: times[0], to: times[times.length - 1] }
  })
}

/** One leader after the other gets the signal; how long nobody led each time, in milliseconds. */
const follow = (expires: number, signal: NodeJS.Signals) =>
  Effect.gen(function*() {
    const { port } = yield* redis()
    const all = yield* Effect.forEach([1, 2, 3], () => candidate(port, "leader", expires))
    yield* Effect.forEach(all, ({ isReady }) => isReady)
    let alive: ReadonlyArray<Candidate> = all
    const gaps: Array<number> = []
    while (alive.length > 1) {
      yield* until(Effect.sync(() => alive.some(leads)))
      // Its lease has been renewed meanwhile, if it is short.
      yield* Effect.sleep("700 millis")
      const leader = alive.find(leads)!
      leader.child.kill(signal)
      yield* leader.isGone
      alive = alive.filter((one) => one !== leader)
      yield* until(Effect.sync(() => alive.some(leads)))
      gaps.push((terms(alive.find(leads)!).at(-1)!.from - last(leader)!.at) / 1e6)
    }
    const led = all.flatMap(terms).toSorted((a, b) => a.fence - b.fence)
    assert.isAtLeast(led.length, 3)
    for (const [i, term] of led.entries()) if (i > 0) assert.isAbove(term.from, led[i - 1].to)
    return gaps
  }).pipe(Effect.scoped)

const shown = (gaps: ReadonlyArray<number>) => gaps.map((gap) => `${gap.toFixed(1)} ms`).join(", ")

describe.skipIf(!isInstalled("redis"))("leaders on Redis", () => {
  it.live("one at a time; a killed one is followed when its lease has ended", () =>
    Effect.gen(function*() {
      const gaps = yield* follow(1_500, "SIGKILL")
      if (process.env.SHOW !== undefined) console.log(`without a leader: ${shown(gaps)}`)
    }), 90_000)

  it.live("one that is told to stop is followed at once, long before its lease ends", () =>
    Effect.gen(function*() {
      const gaps = yield* follow(600_000, "SIGTERM")
      if (process.env.SHOW !== undefined) console.log(`without a leader: ${shown(gaps)}`)
    }), 90_000)
})
