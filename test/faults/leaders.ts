/**
 * Leaders that are processes on a real server, killed and stopped one after the other: never two at a time, and
 * how long there is none.
 *
 *     npx tsx test/faults/leaders.ts   # measures, and prints a table
 */
import { Deferred, Effect, Option, type Scope } from "effect"
import { Lock } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { bundled } from "../support/bundled.ts"
import { proxy } from "../support/proxy.ts"
import { until } from "../support/redis.ts"
import { kill } from "../support/server.ts"
import { serverUrl } from "../support/urls.ts"
import type { Line } from "./leader.ts"

interface Candidate {
  readonly child: ChildProcess
  readonly lines: Array<Line>
  readonly isReady: Effect.Effect<void>
  readonly isGone: Effect.Effect<void>
}

/** Where a leader's end is told at once. */
export const servers = ["redis", "postgres"] as const

const candidate = (url: string, key: string, expires: number): Effect.Effect<Candidate, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(bundled(new URL("./leader.ts", import.meta.url)), (program): Candidate => {
      const child = spawn(process.execPath, [program, url, key, String(expires)], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      const lines: Array<Line> = []
      const ready = Deferred.makeUnsafe<void>()
      const gone = Deferred.makeUnsafe<void>()
      let rest = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const parts = (rest + text).split("\n")
        rest = parts.pop() ?? ""
        // Between them may be what the library logs.
        lines.push(...parts.filter((part) => part.startsWith(`{"event"`)).map((part) => JSON.parse(part) as Line))
        if (lines.length > 0) Deferred.doneUnsafe(ready, Effect.void)
      })
      child.once("close", () => Deferred.doneUnsafe(gone, Effect.void))
      return { child, lines, isReady: Deferred.await(ready), isGone: Deferred.await(gone) }
    }),
    ({ child }) => kill(child)
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

/** How many the store has in the queue. */
const waiting = (key: string) =>
  Effect.map(Lock.inspect(key), Option.match({ onNone: () => 0, onSome: ({ waiters }) => waiters ?? 0 }))

/** The same server behind a network of its own, in which messages take so many milliseconds each way. */
const before = Effect.fnUntraced(function*(url: string, away = 0) {
  const far = new URL(url)
  const network = yield* proxy(Number(far.port), { latency: [away, away] })
  far.port = String(network.port)
  return { network, url: far.href }
})

let elections = 0

interface Following {
  /** For how long, in milliseconds, a leader leads before it gets the signal. */
  readonly term?: number
  /** Whether nothing that the others say gets to the server until one of them leads. */
  readonly isMute?: boolean
}

/**
 * One leader after the other gets the signal; how long nobody led each time, in milliseconds, and `Infinity` where those who
 * cannot ask did not hear of it.
 */
export const follow = (
  url: string,
  expires: number,
  signal: NodeJS.Signals,
  { isMute = false, term = 700 }: Following = {}
) =>
  Effect.gen(function*() {
    const key = `leader-${++elections}`
    const all = yield* Effect.forEach([1, 2, 3], () =>
      Effect.gen(function*() {
        const between = isMute ? yield* before(url) : undefined
        return { ...yield* candidate(between?.url ?? url, key, expires), network: between?.network }
      }))
    const mute = (these: typeof all, dropRequests: boolean) => {
      for (const { network } of these) if (network !== undefined) network.dropRequests = dropRequests
    }
    yield* Effect.forEach(all, ({ isReady }) => isReady)
    let alive: typeof all = all
    const gaps: Array<number> = []
    while (alive.length > 1) {
      let leader: typeof all[number] | undefined
      while (leader === undefined) {
        yield* until(Effect.sync(() => alive.some(leads)))
        yield* until(Effect.map(waiting(key), (count) => count === alive.length - 1))
        // Its lease has been renewed meanwhile, if it is short, and the others have seen that they hear.
        yield* Effect.sleep(term)
        leader = alive.find(leads)
      }
      const gone = leader
      alive = alive.filter((one) => one !== gone)
      // Not before the leader says that it goes, which takes its time: they would notice that nothing gets through, connect
      // anew, and not hear meanwhile.
      if (gone.network !== undefined) gone.network.atRequest = () => mute(alive, true)
      const told = Number(process.hrtime.bigint())
      gone.child.kill(signal)
      yield* gone.isGone
      const next = until(Effect.sync(() => alive.some(leads)))
      const heard = isMute ? yield* Effect.timeoutOption(next, "10 seconds") : Option.some(yield* next)
      mute(alive, false)
      if (Option.isNone(heard)) {
        gaps.push(Infinity)
        continue
      }
      // One that is killed ends when it is told to, another when its work has ended.
      const ended = signal === "SIGKILL" ? told : last(gone)!.at
      gaps.push((terms(alive.find(leads)!).at(-1)!.from - ended) / 1e6)
    }
    const led = all.flatMap(terms).toSorted((a, b) => a.fence - b.fence)
    for (const [i, term] of led.entries()) {
      if (i > 0 && term.from <= led[i - 1].to) throw new Error(`two led at a time: ${JSON.stringify(led)}`)
    }
    return gaps
  }).pipe(Effect.provide(BackendUrl.layer(url)), Effect.scoped)

// -----------------------------------------------------------------------------
// A table
// -----------------------------------------------------------------------------

const row = (cells: ReadonlyArray<string>) => console.log(`| ${cells.join(" | ")} |`)

const kinds = [
  { signal: "SIGKILL", expires: 1_000, away: 0 },
  { signal: "SIGKILL", expires: 5_000, away: 0 },
  { signal: "SIGTERM", expires: 60_000, away: 0 },
  { signal: "SIGTERM", expires: 60_000, away: 10 },
  { signal: "SIGTERM", expires: 60_000, away: 50 }
] as const

const measure = Effect.gen(function*() {
  row(["server", "round trip", "end of a leader", "`expires`", "without a leader, ms", "the longest"])
  row(["---", "---", "---", "---", "---", "---"])
  for (const server of servers) {
    const url = yield* serverUrl(server)
    for (const { away, expires, signal } of kinds) {
      const reached = away === 0 ? url : (yield* before(url, away)).url
      const gaps: Array<number> = []
      for (let round = 0; round < 2; round++) {
        gaps.push(...yield* follow(reached, expires, signal, { term: 700 + 20 * away }))
      }
      const shown = gaps.toSorted((one, other) => one - other).map((gap) => gap.toFixed(1))
      row([server, `${2 * away} ms`, signal, `${expires / 1_000} s`, shown.join(", "), shown.at(-1)!])
    }
  }
}).pipe(Effect.scoped)

if (process.argv[1] === fileURLToPath(import.meta.url)) await Effect.runPromise(measure)
