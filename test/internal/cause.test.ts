import { assert, describe, it } from "@effect/vitest"
import { inspect } from "node:util"
import { messageOf, rebuild } from "../../src/internal/cause.ts"

describe("the cause of a failure", () => {
  it("keeps the words of an error and of what caused it, and nothing that hangs on them", () => {
    const inner = Object.assign(new TypeError("socket closed"), { code: "ECONNRESET", command: { args: ["hunter2"] } })
    const outer = Object.assign(new Error("could not read", { cause: inner }), {
      url: "redis://:hunter2@host",
      code: 7
    })
    outer.name = "CacheError"
    const clean = rebuild(outer)
    assert.deepStrictEqual([clean.name, clean.message, clean.stack], [outer.name, outer.message, outer.stack])
    assert.isFalse("code" in clean)
    assert.deepInclude(clean.cause, { name: "TypeError", message: "socket closed", code: "ECONNRESET" })
    assert.include(inspect(outer, { depth: 9 }), "hunter2")
    assert.notInclude(inspect(clean, { depth: 9, showHidden: true }), "hunter2")
  })

  it("may be anything, also its own cause", () => {
    const own = new Error("again")
    own.cause = own
    assert.strictEqual(rebuild(own).message, "again")
    assert.strictEqual(rebuild("busy").message, "busy")
    assert.strictEqual(rebuild(undefined).message, "undefined")
    assert.strictEqual(rebuild({ token: "hunter2" }).message, "something that is no error")
    assert.strictEqual(rebuild({ message: "told" }).message, "told")
  })

  it("of a name with several addresses is that of the first", () => {
    const refused = new AggregateError([new Error("connect ECONNREFUSED ::1:6379"), new Error("other")])
    assert.strictEqual(messageOf(refused), "connect ECONNREFUSED ::1:6379")
    assert.strictEqual(messageOf(new AggregateError([])), "")
  })
})
