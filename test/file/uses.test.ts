/** What programs do with locks in files, between two processes. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { LockBackend } from "effect-lock"
import { directory } from "../support/directory.ts"
import { uses } from "../support/uses.ts"
import { storeIn } from "./support.ts"

describe("in files", { concurrent: true }, () => {
  const backends = Effect.gen(function*() {
    const path = yield* directory
    const backend = Effect.flatMap(storeIn(path), LockBackend.make)
    return { one: yield* backend, other: yield* backend }
  })
  for (const { name, run } of uses(backends)) it.live(name, () => Effect.scoped(run))
})
