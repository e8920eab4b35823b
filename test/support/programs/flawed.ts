/** Stores that are right within a process and wrong between processes: `flawed.ts <flaw>:<directory>` */
import { Effect } from "effect"
import { InMemoryBackend, LockError, type LockStore } from "effect-lock"
import * as FileBackend from "effect-lock/FileBackend"
import { conformance } from "effect-lock/testing"
import { mkdirSync } from "node:fs"
import { withSkew } from "../clock.ts"

/** The first that comes is right, the second three seconds late, and so on. */
const numberIn = (directory: string): number => {
  for (let n = 0;; n++) {
    try {
      mkdirSync(`${directory}/process-${n}`)
      return n
    } catch {
      continue
    }
  }
}

/** No flaw: nobody hears what has come of the first claims and releases, as from a server that is late. */
const unheard = (store: LockStore.LockStore): LockStore.LockStore => {
  let calls = 0
  const maybeUnheard = <A>(call: Effect.Effect<A, LockError.BackendFailure>) =>
    Effect.suspend(() =>
      ++calls > 3
        ? call
        : Effect.andThen(
          call,
          Effect.fail(
            new LockError.BackendFailure({ backend: "file", operation: "acquire", kind: "NoReply", retryable: true })
          )
        )
    )
  return {
    ...store,
    tryAcquire: (claim) => maybeUnheard(store.tryAcquire(claim)),
    release: (key, token) => maybeUnheard(store.release(key, token))
  }
}

const program = conformance.serve((argument) => {
  const [flaw, directory] = argument.split(":")
  if (flaw === "alone") return InMemoryBackend.makeStore
  if (flaw === "unheard") return Effect.map(FileBackend.makeStore({ directory }), unheard)
  const lateness = 3_000 * numberIn(directory)
  return withSkew({ monotonic: () => -lateness })(FileBackend.makeStore({ directory }))
})

await Effect.runPromise(program)
