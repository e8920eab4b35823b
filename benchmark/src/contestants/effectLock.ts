/** The library itself, on any of its backends. */
import { Lock, type LockBackend } from "#effect-lock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import type { Job, Session } from "./contestant.ts"

export interface Options {
  readonly timeout: "Infinity"
  readonly expires: "10 seconds"
}

const options: Options = { timeout: "Infinity", expires: "10 seconds" }

/** What a user would write: `withLock` around the section, in a loop. */
const loop = (job: Job): Effect.Effect<void, unknown, LockBackend.LockBackend> => {
  const section = (lease: Lock.Lease) => {
    job.enter(lease.fencingToken)
    if (job.sectionMillis === 0) {
      job.leave()
      return Effect.void
    }
    return Effect.map(Effect.sleep(job.sectionMillis), job.leave)
  }
  const cycle = Lock.withLock(section, job.key, options)
  return Effect.whileLoop({
    while: () => {
      const again = job.again()
      if (again) job.ask()
      return again
    },
    body: () => job.newKey === undefined ? cycle : Lock.withLock(section, job.newKey(), options),
    step: job.done
  })
}

export const openSession = async <E>(layer: Layer.Layer<LockBackend.LockBackend, E>): Promise<Session> => {
  const runtime = ManagedRuntime.make(layer)
  await runtime.context()
  return {
    work: (jobs) => runtime.runPromise(Effect.forEach(jobs, loop, { concurrency: "unbounded", discard: true })),
    hold: async (keys) => {
      const scope = Scope.makeUnsafe()
      await runtime.runPromise(
        Effect.forEach(keys, (key) => Scope.provide(Lock.acquire(key, options), scope), {
          concurrency: 256,
          discard: true
        })
      )
      return () => runtime.runPromise(Scope.close(scope, Exit.void))
    },
    close: () => runtime.dispose()
  }
}
