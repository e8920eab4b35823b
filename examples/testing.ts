/**
 * Tests of a program that locks, as they look in your own suite: trouble comes from
 * `TestBackend`, time from `TestClock`, so that every test is exact and takes no time.
 *
 * With `@effect/vitest` each of them is an `it.effect`, whose `TestClock` is there
 * already; here a few lines stand for the test framework.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Exit, Fiber, Layer } from "effect"
import { Lock } from "effect-lock"
import { TestBackend } from "effect-lock/testing"
import { TestClock } from "effect/testing"
import { deepStrictEqual as equal } from "node:assert"

// ---------------------------------------------------------------------------
// The program under test
// ---------------------------------------------------------------------------

const makePayout = () => {
  const log: Array<string> = []
  const note = (line: string) => Effect.sync(() => void log.push(line))
  const run = note("transfer begins").pipe(
    Effect.andThen(Effect.sleep("20 seconds")),
    Effect.andThen(note("transfer done")),
    Effect.onInterrupt(() => note("transfer rolled back")),
    Lock.withLock("payout", { expires: "9 seconds", timeout: "5 seconds" }),
    Effect.as("paid"),
    Effect.catchReasons("LockError", {
      LockTimeout: () => Effect.succeed("somebody else pays"),
      LockLost: () => Effect.succeed("stopped"),
      BackendFailure: () => Effect.succeed("try tomorrow")
    })
  )
  return { log, run }
}

// ---------------------------------------------------------------------------
// The tests
// ---------------------------------------------------------------------------

const tests = {
  "pays, and renews the lock for as long as it takes": Effect.gen(function*() {
    const { log, run } = makePayout()
    const backend = yield* TestBackend.TestBackend
    const fiber = yield* Effect.forkChild(run)
    yield* TestClock.adjust("20 seconds")
    equal(yield* Fiber.join(fiber), "paid")
    equal(log, ["transfer begins", "transfer done"])
    const renewals = (yield* backend.calls).filter((call) => call.operation === "extend")
    equal(renewals.map((call) => [Math.round(call.at / 1000), call.outcome]).slice(0, 2), [[3, "Extended"], [
      6,
      "Extended"
    ]])
  }),

  "waits for another process, and pays when that one has finished": Effect.gen(function*() {
    const { run } = makePayout()
    const backend = yield* TestBackend.TestBackend
    yield* backend.hold("payout", { for: "3 seconds" })
    const fiber = yield* Effect.forkChild(run)
    yield* TestClock.adjust("30 seconds")
    equal(yield* Fiber.join(fiber), "paid")
  }),

  "pays nothing when another process takes too long": Effect.gen(function*() {
    const { log, run } = makePayout()
    const backend = yield* TestBackend.TestBackend
    yield* backend.hold("payout")
    const fiber = yield* Effect.forkChild(run)
    yield* TestClock.adjust("5 seconds")
    equal(yield* Fiber.join(fiber), "somebody else pays")
    equal(log, [])
  }),

  "rides out a short outage": Effect.gen(function*() {
    const { run } = makePayout()
    const backend = yield* TestBackend.TestBackend
    const fiber = yield* Effect.forkChild(run)
    yield* TestClock.adjust("2 seconds")
    yield* backend.down
    yield* TestClock.adjust("4 seconds")
    yield* backend.up
    yield* TestClock.adjust("14 seconds")
    equal(yield* Fiber.join(fiber), "paid")
  }),

  "rolls back when an outage outlasts the lease": Effect.gen(function*() {
    const { log, run } = makePayout()
    const backend = yield* TestBackend.TestBackend
    const fiber = yield* Effect.forkChild(run)
    yield* TestClock.adjust("2 seconds")
    yield* backend.down
    yield* TestClock.adjust("9 seconds")
    equal(yield* Fiber.join(fiber), "stopped")
    equal(log, ["transfer begins", "transfer rolled back"])
  }),

  "leaves nothing behind when a reply is lost": Effect.gen(function*() {
    const { run } = makePayout()
    const backend = yield* TestBackend.TestBackend
    yield* backend.loseReply("tryAcquire", { times: 1 })
    const fiber = yield* Effect.forkChild(run)
    yield* TestClock.adjust("1 minute")
    equal(yield* Fiber.join(fiber), "paid")
    // hold dies if the key is still taken
    yield* backend.hold("payout")
  })
}

// ---------------------------------------------------------------------------
// What a test framework does
// ---------------------------------------------------------------------------

const fresh = Layer.provideMerge(Layer.fresh(TestBackend.layer), TestClock.layer())

const program = Effect.gen(function*() {
  let failed = 0
  for (const [name, test] of Object.entries(tests)) {
    const exit = yield* Effect.exit(Effect.provide(test, fresh, { local: true }))
    yield* Console.log(Exit.isSuccess(exit) ? `ok   ${name}` : `FAIL ${name}\n${String(exit.cause)}`)
    if (Exit.isFailure(exit)) failed++
  }
  yield* Console.log(`${Object.keys(tests).length - failed} passed, ${failed} failed`)
})

program.pipe(NodeRuntime.runMain)
