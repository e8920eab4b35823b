import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import { Look } from "../../src/internal/engine/look.ts"
import { failure, HandPort } from "./parts.ts"

const make = (at: number, until: number) => {
  const port = new HandPort()
  port.passTo(at)
  const look = new Look(port.port, "key", at)
  port.passTo(until)
  return { port, look }
}

const started = (look: Look, at: number) => Effect.forkDetach(look.result(at), { startImmediately: true })

describe("Look", () => {
  it.effect("says what the store knows of the holder, if it was answered already or is then", () =>
    Effect.gen(function*() {
      for (const isEarly of [true, false]) {
        const { look, port } = make(10, 60)
        assert.deepStrictEqual([port.last.operation, port.last.key], ["inspect", "key"])
        if (isEarly) port.last.answer(Option.some({ token: "t" }) as never)
        const fiber = yield* started(look, 60)
        if (!isEarly) port.last.answer(Option.some({ token: "t" }) as never)
        yield* Effect.yieldNow
        assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed({ token: "t" }))
      }
    }))

  it.effect("says nothing where nobody has the key, or it failed", () =>
    Effect.gen(function*() {
      for (const reply of [Option.none(), failure({ operation: "inspect" })]) {
        const { look, port } = make(0, 10)
        port.last.answer(reply as never)
        assert.deepStrictEqual((yield* started(look, 10)).pollUnsafe(), Exit.succeed(undefined))
      }
    }))

  it.effect("takes twice as long as the attempt, at least 10 ms more, and never longer than the store's patience", () =>
    Effect.gen(function*() {
      for (const [at, end] of [[60, 120], [2, 12], [900, 1_000]]) {
        const { look, port } = make(0, at)
        const fiber = yield* started(look, at)
        port.passTo(end - 1)
        yield* Effect.yieldNow
        assert.isUndefined(fiber.pollUnsafe())
        port.passTo(end)
        yield* Effect.yieldNow
        assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed(undefined))
      }
    }))
})
