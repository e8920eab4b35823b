/** Asks a backend once when it is built, so that a missing server is told at once and not when a lock has waited for it. */
import { Console, Data, Effect, Layer } from "effect"
import { Lock, LockBackend, type LockError } from "effect-lock"

class Missing extends Data.TaggedError("Missing")<{ readonly message: string }> {}

/** `needs` says what has to be there, such as `a Redis at REDIS_URL`. */
export const reachable = <E extends { readonly message: string }>(
  backend: Layer.Layer<LockBackend.LockBackend, E>,
  needs = "the server that LOCK_URL names"
): Layer.Layer<LockBackend.LockBackend, Missing> => {
  const missing = (why: string) => new Missing({ message: `This example needs ${needs}: ${why}` })
  // Without a URL, or with one that says too little
  const told = Layer.catch(
    backend,
    ({ message }) => Layer.effect(LockBackend.LockBackend, Effect.fail(missing(message)))
  )
  const isSilent = ({ reason }: LockError.LockError) => reason._tag === "BackendFailure" && reason.kind === "NoReply"
  const inspect = Lock.inspect("example")
  const ask = inspect.pipe(
    // Something is there, and may only be slow
    Effect.catchIf(isSilent, ({ message }) =>
      Effect.andThen(
        Console.error(`Waiting for ${needs}: ${message}`),
        Effect.retry(inspect, { while: isSilent })
      )),
    Effect.mapError((error) => missing(error.message)),
    Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => Effect.fail(missing("it does not answer")) })
  )
  return Layer.provideMerge(Layer.effectDiscard(ask), told)
}
