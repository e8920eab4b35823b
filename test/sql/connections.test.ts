/** Connections of our own, to a server that refuses them: all of them, or more than some. */
import type { PgConnection } from "@effect/sql-pg/PgConnection"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { PassThrough } from "node:stream"
import * as Connections from "../../src/internal/sql/connections.ts"

/** A server that takes so many connections at a time, whose statements end when they are told to. */
const serverOf = Effect.fnUntraced(function*(room: number) {
  const server = { asked: 0, open: 0, room, end: yield* Deferred.make<void>() }
  const flood = yield* Deferred.make<never>()
  const connection = { queryValues: () => Effect.as(Deferred.await(server.end), []) } as unknown as PgConnection
  const link = yield* Connections.make({
    max: 3,
    socket: () => new PassThrough(),
    open: () =>
      Effect.gen(function*() {
        if (++server.asked > 50) return yield* Effect.andThen(Deferred.die(flood, "asked without end"), Effect.never)
        yield* Effect.yieldNow
        if (server.open >= server.room) return yield* Effect.fail(new Error("too many clients"))
        server.open++
        yield* Scope.addFinalizer(yield* Effect.scope, Effect.sync(() => server.open--))
        return connection
      })
  })
  const run = (text: string) =>
    Effect.callback<string>((resume) =>
      link.run(text, [], (rows, error) => resume(Effect.succeed(rows === undefined ? (error as Error).message : text)))
    )
  return {
    server,
    run: (...texts: ReadonlyArray<string>) =>
      Effect.raceFirst(Effect.forEach(texts, run, { concurrency: "unbounded" }), Deferred.await(flood))
  }
})

describe("connections to a server", () => {
  it.effect("that refuses all fail all that wait, and are not tried again meanwhile", () =>
    Effect.gen(function*() {
      const { run, server } = yield* serverOf(0)
      const refusal = "too many clients"
      assert.deepStrictEqual(yield* run("a", "b", "c", "d"), [refusal, refusal, refusal, refusal])
      assert.isAtMost(server.asked, 3)
      // Nor is the next call made to wait.
      assert.deepStrictEqual(yield* run("e", "f"), [refusal, refusal])
      server.room = 3
      yield* Deferred.succeed(server.end, undefined)
      assert.deepStrictEqual(yield* run("g", "h"), ["g", "h"])
    }).pipe(Effect.scoped))

  it.effect("that takes no more of them leave the work to those that are there", () =>
    Effect.gen(function*() {
      const { run, server } = yield* serverOf(1)
      const all = yield* Effect.forkChild(run("a", "b", "c", "d"), { startImmediately: true })
      yield* TestClock.adjust("900 millis")
      assert.isAtMost(server.asked, 3)
      yield* Deferred.succeed(server.end, undefined)
      assert.deepStrictEqual(yield* Fiber.join(all), ["a", "b", "c", "d"])
      // Another one is tried after a while.
      server.room = 2
      server.end = yield* Deferred.make<void>()
      yield* TestClock.adjust("1 second")
      const more = yield* Effect.forkChild(run("e", "f"), { startImmediately: true })
      yield* TestClock.adjust("10 millis")
      assert.strictEqual(server.open, 2)
      yield* Deferred.succeed(server.end, undefined)
      assert.deepStrictEqual(yield* Fiber.join(more), ["e", "f"])
    }).pipe(Effect.scoped))
})
