/**
 * A process with many fibers that want the same lock, for a test to start.
 * Says `ready`, runs from `go` to `stop`, and prints its critical sections.
 *
 *     worker.ts <redis port> <key> <fibers> <millis in the section> <lease>
 */
import { type Duration, Effect, Fiber, Schedule } from "effect"
import { Lock } from "effect-lock"
import * as RedisBackend from "effect-lock/RedisBackend"
import { createInterface } from "node:readline"
import { logsAside } from "../support/logs.ts"

const [port, key, fibers, millis, expires] = process.argv.slice(2)

export interface Section {
  readonly fiber: number
  readonly fence: number
  /** Nanoseconds of the clock that all processes share. */
  readonly from: number
  readonly to: number
}

const sections: Array<Section> = []
const instant = () => Number(process.hrtime.bigint())

/** On a busy machine a server may not answer in time: then again. */
const again = Schedule.spaced("20 millis")

const work = (fiber: number) =>
  Effect.forever(
    Effect.retry(
      Lock.withLock(
        (lease) =>
          Effect.gen(function*() {
            const from = instant()
            yield* Effect.sleep(Number(millis))
            sections.push({ fiber, fence: lease.fencingToken, from, to: instant() })
          }),
        key,
        { expires: expires as Duration.Input, timeout: "2 minutes" }
      ),
      again
    )
  )

const program = Effect.gen(function*() {
  const input = createInterface({ input: process.stdin })
  const lines = input[Symbol.asyncIterator]()
  const line = Effect.promise(() => lines.next())
  // connected before the others are let loose
  yield* Effect.retry(Lock.inspect(key), again)
  console.log("ready")
  yield* line
  const running = yield* Effect.forEach(
    Array.from({ length: Number(fibers) }, (_, fiber) => fiber),
    (fiber) => Effect.forkChild(work(fiber))
  )
  yield* line
  yield* Fiber.interruptAll(running)
  input.close()
}).pipe(
  Effect.provide(RedisBackend.layer({ host: "127.0.0.1", port: Number(port) })),
  Effect.provide(logsAside)
)

await Effect.runPromise(program)
console.log(JSON.stringify(sections))
