/** Real processes that share one key in every way, and are killed; whoever was inside together is counted. */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { bundled } from "../bundled.ts"
import { directory } from "../directory.ts"
import { until } from "../redis.ts"
import { kill } from "../server.ts"
import type { Entered, Left } from "./worker.ts"

export interface Stay extends Entered {
  /** Until then it was inside for certain. */
  readonly to: number
}

/** A stay without its end, of a process that was killed or a lease that was lost, is one of a moment. */
const staysOf = (files: ReadonlyArray<string>): ReadonlyArray<Stay> =>
  files.filter((file) => existsSync(file)).flatMap((file) => {
    const began = new Map<string, Entered>()
    const found: Array<Stay> = []
    for (const line of readFileSync(file, "utf8").split("\n")) {
      // The last line of one that was killed.
      if (!line.endsWith("}")) continue
      const said = JSON.parse(line) as Entered | Left
      if ("limit" in said) {
        began.set(said.id, said)
        continue
      }
      const entered = began.get(said.id)!
      began.delete(said.id)
      found.push({ ...entered, to: said.inTime ? said.at : entered.at })
    }
    return [...found, ...Array.from(began.values(), (entered) => ({ ...entered, to: entered.at }))]
  })

const isReader = ({ limit }: Stay): boolean => limit === Number.MAX_SAFE_INTEGER

/**
 * Those who were inside together although they must not. Where a fencing token does not tell the order of the grants,
 * as it may be that of a claim after it, those of another limit are counted who had come in before one asked.
 */
export const faults = (all: ReadonlyArray<Stay>, inOrder = true): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  let inside: ReadonlyArray<Stay> = []
  for (const one of all.toSorted((a, b) => a.at - b.at)) {
    inside = inside.filter(({ to }) => to > one.at)
    // Those who were given it later do not count, be it that they came in before.
    const before = inside.filter(({ at, fence, limit }) =>
      inOrder ? fence < one.fence : limit === one.limit || at < one.asked
    )
    // Readers of one process may have one lease in common.
    const leases = new Map(before.map((other) => [isReader(other) ? other.fence : other, other.permits]))
    const used = Array.from(leases.values()).reduce((sum, permits) => sum + permits, one.permits)
    const isAlone = one.limit === 0 || inside.some(({ limit }) => limit === 0)
    if (isAlone ? inside.length > 0 : used > one.limit) wrong.push(JSON.stringify([one, ...inside]))
    inside = [...inside, one]
  }
  return wrong
}

/**
 * Three processes of eight fibers each, of which two are killed after their turns, and replaced. All stays, once
 * everybody has had more after that.
 */
export const killed = Effect.fnUntraced(function*(server: "redis" | "cluster" | "postgres", port: number) {
  const path = yield* directory
  const files: Array<string> = []
  const running: Array<ChildProcess> = []
  yield* Effect.addFinalizer(() => Effect.forEach(running, (worker) => kill(worker)))
  const script = yield* bundled(new URL("worker.ts", import.meta.url))
  const start = (place: number) => {
    const file = join(path, String(files.length))
    files.push(file)
    running[place] = spawn(process.execPath, [
      script,
      server,
      String(port),
      file,
      "8",
      String(files.length)
    ], { stdio: "ignore" })
  }
  const countOf = (file: string) => existsSync(file) ? readFileSync(file, "utf8").split("\n").length : 0
  for (let place = 0; place < 3; place++) start(place)
  for (let victim = 0; victim < 2; victim++) {
    const at = files.length - 3
    yield* until(Effect.sync(() => countOf(files[at]) > 100))
    yield* kill(running[victim])
    start(victim)
    const before = files.slice(-3).map(countOf)
    yield* until(Effect.sync(() => files.slice(-3).every((file, i) => countOf(file) > before[i] + 50)))
  }
  yield* Effect.forEach(running, (worker) => kill(worker))
  return staysOf(files)
})
