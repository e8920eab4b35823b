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
import { reachable } from "./support/reachable.ts"

// -----------------------------------------------------------------------------
// What every host runs
// -----------------------------------------------------------------------------

/** To the process that watches. */
const tell = (message: string) => Effect.sync(() => process.send?.(message))

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

const host = onSchedule(everyNight, (tick) => once(tick, tell(DateTime.formatIso(tick))))

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

interface Run {
  readonly name: string
  readonly tick: string
}

/** This program once more, in a process of its own that lives as long as the scope; given back when it is up. */
const start = (name: string, onRun: (run: Run) => void) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
        env: { ...process.env, EXAMPLE_HOST: name },
        stdio: ["ignore", "inherit", "inherit", "ipc"]
      })
    ),
    (child: ChildProcess) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(
    Effect.tap((child) =>
      Effect.callback<void>((resume) => {
        child.once("message", () => {
          child.on("message", (tick) => onRun({ name, tick: String(tick) }))
          resume(Effect.void)
        })
      })
    )
  )

const watch = Effect.gen(function*() {
  const runs: Array<Run> = []
  let waiting: { readonly count: number; readonly reached: Deferred.Deferred<void> } | undefined
  const onRun = (run: Run) => {
    runs.push(run)
    if (waiting !== undefined && runs.length >= waiting.count) Deferred.doneUnsafe(waiting.reached, Effect.void)
  }
  /** Until so many more ticks have run. */
  const more = (count: number) =>
    Effect.suspend(() => {
      waiting = { count: runs.length + count, reached: Deferred.makeUnsafe<void>() }
      return Deferred.await(waiting.reached)
    })

  yield* Console.log("Three hosts, with clocks that are 400 ms apart; a night is a second:")
  const hosts = yield* Effect.forEach(["ada", "bob", "cleo"], (name) => start(name, onRun), {
    concurrency: "unbounded"
  })
  // All are up, and the night begins
  const night = process.env.EXAMPLE_AT === undefined ? 0 : Date.parse(process.env.EXAMPLE_AT) - Date.now()
  hosts.forEach((child, i) => child.send(night + [-200, 0, 200][i]))
  const cleo = hosts[2]
  yield* more(3)
  yield* Effect.sync(() => cleo.kill("SIGSTOP"))
  yield* more(3)
  yield* Effect.sync(() => cleo.kill("SIGCONT"))
  yield* more(3)

  for (const { name, tick } of runs) yield* Console.log(`  ${tick} ran on ${name}`)
  const ticks = new Set(runs.map(({ tick }) => tick))
  yield* Console.log(ticks.size === runs.length ? "No tick ran twice" : "A tick ran twice!")
}).pipe(Effect.scoped)

/** Says that it is up, and runs by the clock that it is told. */
const hostByClock = Effect.gen(function*() {
  const skew = Effect.callback<number>((resume) => {
    process.once("message", (millis) => resume(Effect.succeed(Number(millis))))
  })
  yield* tell("up")
  yield* withSkew(yield* skew)(host)
})

const main = process.env.EXAMPLE_HOST === undefined
  ? watch.pipe(Effect.provide(reachable(backend)))
  : hostByClock.pipe(Effect.provide(backend))

NodeRuntime.runMain(main)
