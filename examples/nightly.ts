/**
 * A job on a schedule, on every host of a fleet, that runs once for each tick.
 *
 * The key has the *scheduled* time in it, so each tick is a lock of its own: two hosts
 * mean the same tick however far apart their clocks are, and the hour that comes twice
 * when the clocks are set back is two ticks. `atLeast` keeps it taken for longer than
 * any host may be late, and who is later than that leaves the tick alone.
 *
 * Here every second is a night, and three processes with clocks that are apart run
 * for a while; one of them is frozen for some ticks. Without LOCK_URL they lock in
 * files, in LOCK_DIRECTORY. With EXAMPLE_AT it is another night for them, such as
 * 2026-10-25T00:59:57Z, in which the clocks are set back.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Cron, DateTime, Deferred, Effect, Option } from "effect"
import { Lock, LockKey } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import * as FileBackend from "effect-lock/FileBackend"
import { type ChildProcess, spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Ended } from "./support/ended.ts"
import { reachable } from "./support/reachable.ts"

// -----------------------------------------------------------------------------
// What every host runs
// -----------------------------------------------------------------------------

// The hour that comes twice has its ticks twice
const everyNight = Cron.parseUnsafe("* * * * * *", "Europe/Berlin", { onDstOverlap: "both" })

/** A tick is left alone by who comes later than this. */
const latest = 2_000

/** For longer than that, and than what two clocks are apart. */
const atLeast = "6 seconds"

const jobKey = LockKey.template("nightly-{tick}")

/** Calls `job` at each scheduled time, by its own clock: never twice for the same, also if the clock is set back. */
const onSchedule = <E, R>(cron: Cron.Cron, job: (tick: DateTime.Utc) => Effect.Effect<void, E, R>) =>
  Effect.gen(function*() {
    let last = 0
    while (true) {
      const now = yield* Clock.currentTimeMillis
      const tick = Cron.next(cron, new Date(Math.max(now, last))).getTime()
      last = tick
      yield* Effect.sleep(Math.max(0, tick - now))
      yield* job(DateTime.makeUnsafe(tick))
    }
  })

/** The work of one tick, once among all hosts. */
const once = <A, E, R>(tick: DateTime.Utc, work: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    // Looked at under the lock: a process may freeze at any line.
    const late = (yield* Clock.currentTimeMillis) - DateTime.toEpochMillis(tick)
    return late > latest ? Option.none<A>() : Option.some(yield* work)
  }).pipe(
    Lock.once(jobKey({ tick: DateTime.formatIso(tick) }), { atLeast }),
    Effect.map(Option.flatten)
  )

const host = onSchedule(everyNight, (tick) => once(tick, Console.log(DateTime.formatIso(tick))))

// -----------------------------------------------------------------------------
// Three hosts
// -----------------------------------------------------------------------------

const directory = process.env.LOCK_DIRECTORY ?? join(tmpdir(), `nightly-locks-${process.getuid?.() ?? "all"}`)
const backend = process.env.LOCK_URL === undefined ? FileBackend.layer({ directory }) : BackendUrl.layerConfig

/** A wall clock that is wrong. */
const withSkew = (millis: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Clock.Clock, (clock) => {
    const currentTimeMillisUnsafe = () => clock.currentTimeMillisUnsafe() + millis
    const skewed: Clock.Clock = Object.assign(Object.create(clock), {
      currentTimeMillisUnsafe,
      currentTimeMillis: Effect.sync(currentTimeMillisUnsafe)
    })
    return Effect.provideService(effect, Clock.Clock, skewed)
  })

/** By how much the clock of all of them is set, at the moment at which the night begins. */
const night = () => process.env.EXAMPLE_AT === undefined ? 0 : Date.parse(process.env.EXAMPLE_AT) - Date.now()

interface Run {
  readonly name: string
  readonly tick: string
}

/** This program once more, in a process of its own that lives as long as the scope and waits to be told what its clock says. */
const start = (name: string, onRun: (run: Run) => void, ended: Deferred.Deferred<never, Ended>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
        stdio: ["ignore", "pipe", "inherit", "ipc"]
      })
      child.once("exit", (code) => {
        const error = new Ended({ who: name, code })
        Deferred.doneUnsafe(ended, Effect.fail(error))
      })
      let rest = ""
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n")
        rest = lines.pop() ?? ""
        for (const tick of lines) onRun({ name, tick })
      })
      return child
    }),
    (child: ChildProcess) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(Effect.tap(told))

/** The next message from the process at the other end. */
const told = (other: ChildProcess | NodeJS.Process) =>
  Effect.callback<unknown>((resume) => void other.once("message", (message) => resume(Effect.succeed(message))))

const watch = Effect.gen(function*() {
  const runs: Array<Run> = []
  const ended = yield* Deferred.make<never, Ended>()
  let waiting: { readonly count: number; readonly reached: Deferred.Deferred<void> } | undefined
  const onRun = (run: Run) => {
    runs.push(run)
    if (waiting !== undefined && runs.length >= waiting.count) Deferred.doneUnsafe(waiting.reached, Effect.void)
  }
  /** Until so many more ticks have run. */
  const more = (count: number) =>
    Effect.suspend(() => {
      waiting = { count: runs.length + count, reached: Deferred.makeUnsafe<void>() }
      return Effect.raceFirst(Deferred.await(waiting.reached), Deferred.await(ended))
    })

  yield* Console.log("Three hosts, with clocks that are 400 ms apart; a night is a second:")
  const all = ["ada", "bob", "cleo"] as const
  const [ada, bob, cleo] = yield* Effect.raceFirst(
    Effect.forEach(all, (name) => start(name, onRun, ended), { concurrency: "unbounded" }),
    Deferred.await(ended)
  )
  const now = night()
  for (const [host, skew] of [[ada, -200], [bob, 0], [cleo, 200]] as const) host.send(now + skew)
  yield* more(3)
  yield* Effect.sync(() => cleo.kill("SIGSTOP"))
  yield* more(3)
  yield* Effect.sync(() => cleo.kill("SIGCONT"))
  yield* more(3)

  for (const { name, tick } of runs) yield* Console.log(`  ${tick} ran on ${name}`)
  const ticks = new Set(runs.map(({ tick }) => tick))
  yield* Console.log(ticks.size === runs.length ? "No tick ran twice" : "A tick ran twice!")
}).pipe(Effect.scoped)

const main: Effect.Effect<void, unknown> = process.send === undefined
  ? watch.pipe(Effect.provide(reachable(backend)))
  : Effect.sync(() => process.send?.("ready")).pipe(
    Effect.andThen(told(process)),
    Effect.flatMap((skew) => withSkew(Number(skew))(host)),
    Effect.provide(backend)
  )

NodeRuntime.runMain(main)
