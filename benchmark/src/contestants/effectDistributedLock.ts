/** A peer for the previous major version of Effect, which is why it has a file of its own. */
import { DistributedSemaphore, RedisBacking } from "effect-distributed-lock"
import { Effect, Fiber, ManagedRuntime, Schedule } from "effect3"
import type { Redis } from "ioredis"
import type { Job, Session } from "./contestant.ts"

/** Its own way to wait is to be told, over a connection for each waiter; with a retry time it polls. */
export const open = (client: Redis, retryMillis: number | undefined): Session => {
  const runtime = ManagedRuntime.make(
    RedisBacking.layer(client as never, retryMillis === undefined ? {} : { pushBasedAcquireEnabled: false }) as never
  )
  const loop = (job: Job) =>
    Effect.gen(function*() {
      const semaphore = yield* DistributedSemaphore.make(job.key, {
        ttl: "10 seconds",
        ...(retryMillis !== undefined && { acquireRetryPolicy: Schedule.spaced(retryMillis) as never })
      }) as never as Effect.Effect<{ readonly withPermits: (n: number) => (effect: unknown) => Effect.Effect<void> }>
      const section = Effect.suspend(() => {
        job.enter()
        return Effect.zipRight(
          job.sectionMillis === 0 ? Effect.void : Effect.sleep(job.sectionMillis),
          Effect.sync(job.leave)
        )
      })
      const cycle = semaphore.withPermits(1)(section)
      while (job.again()) {
        job.ask()
        yield* cycle
        job.done()
      }
    })
  return {
    work: async (jobs) => {
      const fiber = runtime.runFork(Effect.forEach(jobs, loop, { concurrency: "unbounded", discard: true }) as never)
      await Effect.runPromise(Fiber.join(fiber))
    },
    close: async () => {
      await runtime.dispose()
      client.disconnect()
    }
  }
}
