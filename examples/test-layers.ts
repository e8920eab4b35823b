/**
 * Testing a program that locks: the same program on the scripted backend, with
 * time under control and trouble on demand.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Fiber, Layer } from "effect"
import { Lock, OpenBackend } from "effect-lock"
import { TestBackend } from "effect-lock/testing"
import { TestClock } from "effect/testing"

/** The program under test: rebuilds an index, at most one at a time. */
const rebuild = Effect.sleep("2 minutes").pipe(
  Effect.as("rebuilt"),
  Lock.withLock("index", { expires: "30 seconds", timeout: "10 seconds" }),
  Effect.catchReason("LockError", "LockTimeout", () => Effect.succeed("somebody else is rebuilding")),
  Effect.catchReason("LockError", "LockLost", () => Effect.succeed("stopped half way"))
)

const check = (what: string, actual: string, expected: string) =>
  Console.log(`${actual === expected ? "ok  " : "FAIL"} ${what}: ${actual}`)

/** Each test has its own backend and its own clock. */
const test = <A, E>(body: Effect.Effect<A, E, TestBackend.TestBackend | Layer.Success<typeof TestBackend.layer>>) =>
  body.pipe(Effect.provide(Layer.provideMerge(Layer.fresh(TestBackend.layer), TestClock.layer())))

const program = Effect.gen(function*() {
  yield* test(Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(rebuild)
    yield* TestClock.adjust("2 minutes")
    yield* check("renews while it works", yield* Fiber.join(fiber), "rebuilt")
    const backend = yield* TestBackend.TestBackend
    const calls = yield* backend.calls
    yield* Console.log(`     calls: ${Array.from(new Set(calls.map((call) => call.operation))).join(", ")}`)
  }))

  yield* test(Effect.gen(function*() {
    const backend = yield* TestBackend.TestBackend
    yield* backend.hold("index")
    const fiber = yield* Effect.forkChild(rebuild)
    yield* TestClock.adjust("10 seconds")
    yield* check("gives up after its timeout", yield* Fiber.join(fiber), "somebody else is rebuilding")
  }))

  yield* test(Effect.gen(function*() {
    const backend = yield* TestBackend.TestBackend
    const fiber = yield* Effect.forkChild(rebuild)
    yield* TestClock.adjust("1 minute")
    yield* backend.steal("index")
    yield* TestClock.adjust("10 seconds")
    yield* check("stops when the lock is lost", yield* Fiber.join(fiber), "stopped half way")
  }))

  // Where locking must not matter at all
  const open = yield* Effect.succeed("ran").pipe(Lock.withLock("index"), Effect.provide(OpenBackend.layer))
  yield* check("open backend", open, "ran")
})

program.pipe(NodeRuntime.runMain)
