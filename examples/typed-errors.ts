/**
 * The five ways a lock can fail, each told apart by the compiler.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { Lock } from "effect-lock"
import { TestBackend } from "effect-lock/testing"

const charge = Effect.delay(Effect.succeed("charged"), "20 millis")

/** Every reason has its own answer; none is left in the error channel. */
const chargeSafely = (order: string, options?: { readonly expires?: number }) =>
  charge.pipe(
    Lock.withLock(`order-${order}`, { timeout: "50 millis", ...options }),
    Effect.catchReasons("LockError", {
      LockTimeout: (reason) => Effect.succeed(`busy: ${reason.message}`),
      LockLost: (reason) => Effect.succeed(`lost: ${reason.message}`),
      BackendFailure: (reason) => Effect.succeed(`down: ${reason.message}`),
      LockReentered: (reason) => Effect.succeed(`ours: ${reason.message}`),
      InvalidOptions: (reason) => Effect.succeed(`wrong: ${reason.message}`)
    })
  )

const program = Effect.gen(function*() {
  const backend = yield* TestBackend.TestBackend

  yield* Console.log(yield* chargeSafely("free"))

  yield* backend.hold("order-held")
  yield* Console.log(yield* chargeSafely("held"))

  const stolen = Effect.never.pipe(
    Lock.withLock("order-stolen", { expires: "1 second" }),
    Effect.catchReason("LockError", "LockLost", (reason) => Effect.succeed(`lost: ${reason.message}`))
  )
  const [message] = yield* Effect.all([stolen, Effect.delay(backend.steal("order-stolen"), "10 millis")], {
    concurrency: "unbounded"
  })
  yield* Console.log(message)

  yield* backend.down
  yield* Console.log(yield* chargeSafely("down"))
  yield* backend.up

  const nested = Lock.withLock(chargeSafely("ours"), "order-ours")
  yield* Console.log(yield* nested)

  yield* Console.log(yield* chargeSafely("wrong", { expires: -1 }))
})

program.pipe(Effect.provide(TestBackend.layer), NodeRuntime.runMain)
