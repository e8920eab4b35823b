import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { InMemoryBackend, LockBackend, LockError } from "effect-lock"
import { rights } from "../../cli/src/doctor.ts"

/** A place where keys can be had alone, and sharing them fails so. */
const failing = (kind: LockError.FailureKind) =>
  LockBackend.layer(Effect.map(InMemoryBackend.makeStore, (store) => ({
    ...store,
    tryAcquire: (claim) =>
      claim.share === undefined ? store.tryAcquire(claim) : Effect.fail(
        new LockError.BackendFailure({
          backend: "file",
          operation: "acquire",
          kind,
          retryable: false,
          description: "!"
        })
      )
  })))

describe("what the doctor says of sharing and listing", () => {
  for (const [kind, todo] of [["Unauthorized", /rights/], ["OutOfMemory", /^mend/], ["ReadOnly", /^mend/]] as const) {
    it.live(`where sharing fails by ${kind}`, () =>
      Effect.gen(function*() {
        const { check, found, todo: said, verdict } = yield* Effect.provide(rights("key"), failing(kind))
        assert.deepStrictEqual([check, verdict], ["rights", "warning"])
        assert.include(found, `(${kind})`)
        assert.match(said ?? "", todo)
      }))
  }

  it.live("says of what a store has not that it is not there, and no more", () =>
    Effect.gen(function*() {
      const finding = yield* Effect.provide(rights("key"), failing("Unsupported"))
      assert.deepStrictEqual(finding, { check: "rights", verdict: "ok", found: "take a lock, list locks" })
    }))
})
