import { assert, describe, it } from "@effect/vitest"
import { Cause, Exit } from "effect"
import { Failures, isFailure } from "../../src/internal/engine/failures.ts"
import { failure } from "./parts.ts"

describe("Failures", () => {
  const failures = new Failures("fake")

  it("name the backend, the operation, the key and what has happened", () => {
    const all = [
      failures.noReply("extend", "key"),
      failures.noReply("acquire", "key", "too late"),
      failures.closed("release", "key"),
      failures.unshared("key"),
      failures.untransferable("key"),
      failures.unlisted("prefix")
    ]
    assert.deepStrictEqual(
      all.map(({ backend, key, kind, operation, retryable }) => [backend, operation, key, kind, retryable]),
      [
        ["fake", "extend", "key", "NoReply", true],
        ["fake", "acquire", "key", "NoReply", true],
        ["fake", "release", "key", "Closed", false],
        ["fake", "acquire", "key", "Unsupported", false],
        ["fake", "acquire", "key", "Unsupported", false],
        ["fake", "list", undefined, "Unsupported", false]
      ]
    )
    assert.deepStrictEqual(all.slice(0, 2).map(({ description }) => description), ["no reply in time", "too late"])
    assert.isTrue(all.every(isFailure))
    assert.isFalse(isFailure({ _tag: "BackendFailure" }))
  })

  it("are what the store itself says, and say of all else what it was", () => {
    const own = failure({ kind: "Loading" })
    assert.strictEqual(failures.of("acquire", "key", Exit.fail(own)), own)
    const both = Exit.failCause(Cause.combine(Cause.die("defect"), Cause.fail(own)))
    assert.strictEqual(failures.of("acquire", "key", both), own)
    const others = [Exit.succeed("OK"), Exit.fail("typed"), Exit.die("defect"), Exit.interrupt()]
    const said = others.map((exit) => failures.of("acquire", "key", exit))
    assert.deepStrictEqual(said.map(({ kind, retryable }) => [kind, retryable]), others.map(() => ["Unknown", false]))
    assert.deepStrictEqual(said.map(({ cause }) => cause), [undefined, "typed", "defect", undefined])
    assert.include(said[0].description, "OK")
    assert.include(said[3].description, "interrupted from within")
  })
})
