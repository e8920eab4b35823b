/**
 * Two processes take turns with a lock, until one of them is killed while it
 * holds it. Nobody can release that lock; its lease ends by itself, and the other
 * process goes on.
 *
 * `examples/redis.ts` and `examples/memcache.ts` run this, each on its own backend.
 */
import { Clock, Console, Deferred, Effect, type Layer, Option, Schema } from "effect"
import { Lock, type LockBackend, type LockError } from "effect-lock"
import { type ChildProcess, spawn } from "node:child_process"
import { Ended } from "./ended.ts"
import { reachable } from "./reachable.ts"

const expires = 2_000

/** In this turn one of them is killed. */
const lastTurn = 3

/** A line that a worker prints for the process that started it. */
const Report = Schema.fromJsonString(
  Schema.Struct({ name: Schema.String, at: Schema.Finite, event: Schema.Literals(["in", "out"]), fence: Schema.Finite })
)
type Report = typeof Report.Type

/** Takes the lock again and again, and says so. One that is to be killed does not end its last turn by itself. */
const worker = (name: string, dies: boolean) =>
  Effect.gen(function*() {
    let turns = 0
    const report = (event: Report["event"], fence: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) =>
        Console.log(JSON.stringify({ name, at, event, fence } satisfies Report)))
    const turn = Lock.withLock(
      (lease) =>
        report("in", lease.fencingToken).pipe(
          Effect.andThen(dies && ++turns >= lastTurn ? Effect.never : Effect.sleep("100 millis")),
          Effect.andThen(report("out", lease.fencingToken))
        ),
      "printer",
      { expires, timeout: "1 minute" }
    ).pipe(
      // On a machine that is too busy to renew in time
      Effect.catchReason("LockError", "LockLost", () =>
        Effect.void)
    )
    return yield* Effect.forever(Effect.andThen(turn, Effect.sleep("20 millis")))
  })

/** This program once more, in a process of its own that lives as long as the scope. */
const start = (name: string, dies: boolean, onReport: (report: Report) => void, onEnd: (error: Ended) => void) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
        env: { ...process.env, EXAMPLE_WORKER: name, ...(dies && { EXAMPLE_DIES: "yes" }) },
        stdio: ["ignore", "pipe", "inherit"]
      })
      let rest = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n")
        rest = lines.pop() ?? ""
        for (const line of lines) Option.map(Schema.decodeOption(Report)(line), onReport)
      })
      child.once("exit", (code) => onEnd(new Ended({ who: name, code })))
      return child
    }),
    (child: ChildProcess) => Effect.sync(() => child.kill("SIGKILL"))
  )

interface Turn {
  readonly name: string
  readonly fence: number
  readonly from: number
  readonly to: number
  readonly end: "out" | "killed"
}

const bar = (turn: Turn, start: number, cell = 50): string => {
  const [from, to] = [turn.from, turn.to].map((at) => Math.round((at - start) / cell))
  return `  ${turn.name.padEnd(4)} ${" ".repeat(from)}${"█".repeat(Math.max(1, to - from))}${
    turn.end === "killed" ? "✗" : ""
  }`
}

const overlap = (one: Turn, other: Turn) => one.from < other.to && other.from < one.to

/** Starts both, kills one in its last turn, and waits for three turns of the other. */
const watch = Effect.gen(function*() {
  const children = new Map<string, ChildProcess>()
  const turns: Array<Turn> = []
  const open = new Map<string, Report>()
  const finished = yield* Deferred.make<{ readonly victim: Turn; readonly next: Turn }, Ended>()
  const doomed = "ada"
  let victim: Turn | undefined

  const onReport = (report: Report) => {
    const { at, event, fence, name } = report
    if (name === victim?.name) return
    const began = open.get(name)
    if (event === "in") {
      open.set(name, report)
    } else if (began !== undefined) {
      open.delete(name)
      turns.push({ name, fence, from: began.at, to: at, end: "out" })
    }
    if (name === doomed && event === "in" && turns.filter((turn) => turn.name === name).length === lastTurn - 1) {
      children.get(name)?.kill("SIGKILL")
      victim = { name, fence, from: at, to: Date.now(), end: "killed" }
      turns.push(victim)
    }
    if (victim === undefined) return
    const { fence: last } = victim
    const after = turns.filter((turn) => turn.fence > last)
    if (after.length === 3) Deferred.doneUnsafe(finished, Effect.succeed({ victim, next: after[0] }))
  }

  yield* Console.log(`Two processes, one lock that expires after ${expires} ms (a cell is 50 ms, ✗ is killed):`)
  const onEnd = (error: Ended) => {
    if (error.who !== victim?.name) Deferred.doneUnsafe(finished, Effect.fail(error))
  }
  for (const name of ["ada", "bob"]) children.set(name, yield* start(name, name === doomed, onReport, onEnd))
  const { next, victim: killed } = yield* Deferred.await(finished)

  // What two processes print may arrive in another order than it happened
  turns.sort((one, other) => one.from - other.from)
  for (const turn of turns) yield* Console.log(bar(turn, turns[0].from))
  const rising = turns.every((turn, i) => i === 0 || turn.fence > turns[i - 1].fence)
  const alone = turns.every((one, i) => turns.every((other, j) => i === j || !overlap(one, other)))
  const waited = next.from - killed.from
  yield* Console.log(
    `${alone ? "Never two at once" : "Two at once!"}, fencing tokens ${rising ? "rise" : "do not rise!"}`
  )
  yield* Console.log(
    `${killed.name} was killed with the lock, ${next.name} had it ${waited} ms after ${killed.name} said so, ` +
      `of a lease of ${expires} ms`
  )
}).pipe(Effect.scoped)

export const takeover = <E extends { readonly message: string }>(
  backend: Layer.Layer<LockBackend.LockBackend, E>,
  needs: string
) => {
  const name = process.env.EXAMPLE_WORKER
  const program: Effect.Effect<void, Ended | LockError.LockError, LockBackend.LockBackend> = name === undefined
    ? watch
    : worker(name, process.env.EXAMPLE_DIES !== undefined)
  return Effect.provide(program, reachable(backend, needs))
}
