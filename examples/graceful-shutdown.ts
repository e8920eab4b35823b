/**
 * SIGTERM while holding a lock: the work is interrupted, its finalizers run, the
 * lock is given back, and only then the process ends. The next holder need not
 * wait for the lease, which would last a minute.
 *
 * `NodeRuntime.runMain` turns the signal into an interruption; there is nothing
 * else to write. The example starts itself a second time to have somebody to stop.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Deferred, Effect, Option, Schedule } from "effect"
import { Lock } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { spawn } from "node:child_process"
import { Ended } from "./support/ended.ts"
import { reachable } from "./support/reachable.ts"

const lock = { expires: "1 minute", timeout: 0 } as const

/** The process that is told to stop. */
const worker = Effect.never.pipe(
  Effect.onInterrupt(() => Console.log("told to stop, cleaning up")),
  (work) => Lock.withLock(Effect.andThen(Console.log("has the lock"), work), "import", lock),
  Effect.ensuring(
    // Who is interrupted does not wait for the backend, which hears of the release a moment later.
    Lock.inspect("import").pipe(
      Effect.repeat({ while: Option.isSome, schedule: Schedule.spaced("10 millis"), times: 100 }),
      Effect.flatMap((holder) => Console.log(`the lock is ${Option.isNone(holder) ? "free" : "still held!"}`)),
      Effect.orDie
    )
  )
)

/** Starts the worker and shows what it prints; `until` waits for a line, `stop` for its end. */
const startWorker = Effect.gen(function*() {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: { ...process.env, EXAMPLE_ROLE: "worker" },
    stdio: ["ignore", "pipe", "inherit"]
  })
  const ready = yield* Deferred.make<void, Ended>()
  const ended = yield* Deferred.make<number | null>()
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    for (const line of text.trimEnd().split("\n")) console.log(`  worker: ${line}`)
    if (text.includes("has the lock")) Deferred.doneUnsafe(ready, Effect.void)
  })
  child.once("close", (code) => {
    Deferred.doneUnsafe(ready, Effect.fail(new Ended({ who: "the worker", code })))
    Deferred.doneUnsafe(ended, Effect.succeed(code))
  })
  return {
    ready: Deferred.await(ready),
    stop: Effect.andThen(Effect.sync(() => child.kill("SIGTERM")), Deferred.await(ended))
  }
})

const program = Effect.gen(function*() {
  const { ready, stop } = yield* startWorker
  yield* ready
  yield* Console.log("Sending SIGTERM")
  const code = yield* stop
  yield* Console.log(`The worker ended with exit code ${code}`)
  const before = yield* Clock.currentTimeMillis
  yield* Lock.withLock(Effect.void, "import", lock)
  const waited = (yield* Clock.currentTimeMillis) - before
  yield* Console.log(`The next holder has the lock after ${waited} ms, of a lease of ${lock.expires}`)
})

const main = process.env.EXAMPLE_ROLE === "worker" ? worker : program

main.pipe(Effect.provide(reachable(BackendUrl.layerConfig)), NodeRuntime.runMain)
