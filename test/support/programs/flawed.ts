/** Stores that are right within a process and wrong between processes: `flawed.ts <flaw>:<directory>` */
import { Effect } from "effect"
import { InMemoryBackend } from "effect-lock"
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

const program = conformance.serve((argument) => {
  const [flaw, directory] = argument.split(":")
  if (flaw === "alone") return InMemoryBackend.makeStore
  const lateness = 3_000 * numberIn(directory)
  return withSkew({ monotonic: () => -lateness })(FileBackend.makeStore({ directory }))
})

await Effect.runPromise(program)
