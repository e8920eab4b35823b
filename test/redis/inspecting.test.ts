/** Looks at a key that is had alone and shared by turns, and so is another at each look. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Notices } from "../../src/internal/notices.ts"
import * as Failure from "../../src/internal/redis/failure.ts"
import * as Inspecting from "../../src/internal/redis/inspecting.ts"
import * as Scripts from "../../src/internal/redis/scripts.ts"
import type { Command, Transport } from "../../src/internal/redis/transport.ts"

const wrongType = new Error("WRONGTYPE Operation against a key holding the wrong kind of value")

/** A server that says of the key what it is, and at the next command that it is the other, so many times. */
const turning = (times: number, type: string) => {
  const asked: Array<string> = []
  let isAlone = true
  const answer = ({ script }: Command): unknown => {
    asked.push(String(script))
    switch (script) {
      case "type":
        isAlone = --times < 0
        return type
      case "get":
        return isAlone ? "token" : wrongType
      default:
        return script === "pttl" ? 1000 : 0
    }
  }
  const send = (command: Command) => {
    const reply = answer(command)
    if (reply === wrongType) command.fail(reply)
    else command.succeed(reply)
  }
  const transport = { send, servers: undefined } as Partial<Transport> as Transport
  const { inspect } = Inspecting.make({
    transport,
    scripts: Scripts.scriptsFor(true, false),
    prefix: "lock:",
    strict: false,
    now: () => 0,
    failure: (operation, key, cause) => Failure.make("redis", operation, key, cause),
    notices: new Notices()
  })
  return { asked, inspect }
}

describe("a key that changes from one look to the next", () => {
  it.effect("is a lock, whose holder is found", () =>
    Effect.gen(function*() {
      const { inspect } = turning(10, "string")
      const holder = yield* Effect.flatMap(inspect("key"), Effect.fromOption)
      assert.strictEqual(holder.token, "token")
    }))

  it.effect("is looked at again if it was free", () =>
    Effect.gen(function*() {
      const { inspect } = turning(10, "none")
      const holder = yield* Effect.flatMap(inspect("key"), Effect.fromOption)
      assert.strictEqual(holder.token, "token")
    }))

  it.effect("is none if it never was one, and is asked for once", () =>
    Effect.gen(function*() {
      const { asked, inspect } = turning(Infinity, "list")
      assert.strictEqual((yield* Effect.flip(inspect("key"))).kind, "WrongType")
      assert.strictEqual(asked.filter((command) => command === "type").length, 1)
    }))
})
