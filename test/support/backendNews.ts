/** The events of a backend about itself. */
import { type Context, Effect, type Scope, Stream } from "effect"
import { Lock, type LockBackend } from "effect-lock"

/** Collects the tags of the events that are about the backend, as they arrive. */
export const backendNews = (
  locks: Context.Context<LockBackend.LockBackend>
): Effect.Effect<ReadonlyArray<string>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const told: Array<string> = []
    const events = Stream.runForEach(Lock.events, ({ _tag }) =>
      Effect.sync(() => {
        if (_tag.startsWith("Backend")) told.push(_tag)
      }))
    yield* Effect.forkScoped(Effect.provide(events, locks), { startImmediately: true })
    return told
  })
