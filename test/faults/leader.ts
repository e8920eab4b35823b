/**
 * A process that campaigns, for a test to start, to kill and to stop.
 *
 *     leader.ts <url of the server> <key> <expires in millis>
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Schedule } from "effect"
import { Leader, Lock } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"

const [url, key, expires] = process.argv.slice(2)

/** A line of the process, with nanoseconds of the clock that all processes share. */
export interface Line {
  readonly event: "ready" | "leads" | "works" | "ends"
  readonly at: number
  readonly fence: number
}

const say = (event: Line["event"], fence = 0) =>
  Effect.sync(() => console.log(JSON.stringify({ event, at: Number(process.hrtime.bigint()), fence } satisfies Line)))

const program = Effect.gen(function*() {
  // On a busy machine a server may not answer in time.
  yield* Effect.retry(Lock.inspect(key), Schedule.spaced("20 millis"))
  yield* say("ready")
  return yield* Leader.lead(
    ({ fencingToken }) =>
      say("leads", fencingToken).pipe(
        Effect.andThen(Effect.forever(Effect.andThen(Effect.sleep("10 millis"), say("works", fencingToken)))),
        Effect.ensuring(say("ends", fencingToken))
      ),
    key,
    { expires: Number(expires) }
  )
}).pipe(Effect.provide(BackendUrl.layer(url)))

NodeRuntime.runMain(program)
