/**
 * An interface of somebody else that takes five calls at a time, from all our
 * processes together. A large export counts for two. Whoever does not get a permit
 * in time says so, and one that need not be done now is left out when all are in use.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Fiber, Option } from "effect"
import { Lock } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { reachable } from "./support/reachable.ts"

const limit = 5
let inUse = 0
let most = 0

const call = (permits: number) =>
  Effect.acquireUseRelease(
    Effect.sync(() => most = Math.max(most, inUse += permits)),
    () => Effect.sleep("100 millis"),
    () => Effect.sync(() => void (inUse -= permits))
  )

const request = Lock.withPermits(call(1), "api", { limit })
const exporting = Lock.withPermits(call(2), "api", { limit, permits: 2 })

const program = Effect.gen(function*() {
  yield* Effect.all([...Array.from({ length: 20 }, () => request), exporting, exporting], { concurrency: "unbounded" })
  yield* Console.log(`22 calls, never more than ${most} permits in use`)

  yield* Effect.gen(function*() {
    const holders = yield* Lock.holders("api")
    yield* Console.log(`In use now: ${holders.map(({ permits }) => permits).join(" + ")}`)
    const refresh = yield* Lock.once(call(1), "api", { share: { limit } })
    yield* Console.log(`A refresh that can wait: ${Option.isSome(refresh) ? "done" : "left out"}`)
    const inVain = yield* Lock.withPermits(call(1), "api", { limit, timeout: "50 millis" }).pipe(
      Effect.as("done"),
      Effect.catchReason("LockError", "LockTimeout", () => Effect.succeed("no permit in time"))
    )
    yield* Console.log(`A request: ${inVain}`)
    // As somebody else: the work that holds the permits would wait for itself, and that is refused.
  }).pipe(Effect.forkDetach, Effect.flatMap(Fiber.join), Lock.withPermits("api", { limit, permits: limit }))
})

program.pipe(Effect.provide(reachable(BackendUrl.layerConfig)), NodeRuntime.runMain)
