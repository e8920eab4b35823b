/**
 * A cron job that runs once per fleet: every host fires it, one host does it.
 *
 * `Lock.once` keeps two hosts from doing it at the same time, with the day in the
 * key. The lock is free again when the job has finished, so a host whose clock is
 * late would do it again: the record says that it was done.
 *
 * Set LOCK_URL=redis://… to run it across hosts; without it the hosts are fibers.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Option } from "effect"
import { Lock, LockKey } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { reachable } from "./support/reachable.ts"

const jobKey = LockKey.template("nightly-report-{day}")

/** In a real fleet a table with the day as its primary key. */
const done = new Map<string, string>()

const writeReport = (host: string, day: string) =>
  Effect.gen(function*() {
    // Looked up under the lock, or two hosts could both find nothing
    const by = done.get(day)
    if (by !== undefined) return "already done"
    yield* Console.log(`  ${host} writes the report of ${day}`)
    yield* Effect.sleep("60 millis")
    done.set(day, host)
    return "done"
  })

/** What the scheduler of every host calls at midnight. */
const nightly = (host: string, day: string) =>
  writeReport(host, day).pipe(
    Lock.once(jobKey({ day }), { expires: "30 seconds" }),
    Effect.map(Option.getOrElse(() => "skipped, another host is at it")),
    Effect.tap((outcome) => Console.log(`  ${host}: ${outcome}`))
  )

const program = Effect.gen(function*() {
  for (const day of ["may-1", "may-2"]) {
    yield* Console.log(`Midnight of ${day}:`)
    const punctual = Effect.forEach(["ada", "bob", "cleo"], (host) => nightly(host, day), { concurrency: "unbounded" })
    const late = Effect.delay(nightly("dan", day), "500 millis")
    yield* Effect.all([punctual, late], { concurrency: "unbounded" })
  }
  yield* Console.log(`Reports written: ${done.size}`)
})

program.pipe(Effect.provide(reachable(BackendUrl.layerConfig)), NodeRuntime.runMain)
