/** Asks a backend once when it is built, so that a missing server is told at once and not when a lock has waited for it. */
import { Data, Effect, Layer } from "effect"
import { Lock, type LockBackend } from "effect-lock"

class Missing extends Data.TaggedError("Missing")<{ readonly message: string }> {}

/** `needs` says what has to be there, such as `a Redis at REDIS_URL`. */
export const reachable = <E>(
  backend: Layer.Layer<LockBackend.LockBackend, E>,
  needs = "the server that LOCK_URL names"
): Layer.Layer<LockBackend.LockBackend, E | Missing> => {
  const missing = (why: string) => new Missing({ message: `This example needs ${needs}: ${why}` })
  const ask = Lock.inspect("example").pipe(
    Effect.mapError((error) => missing(error.message)),
    Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => Effect.fail(missing("it does not answer")) })
  )
  return Layer.provideMerge(Layer.effectDiscard(ask), backend)
}
