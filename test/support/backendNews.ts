/** What a backend tells of itself. */
import { type Context, Effect, type Scope, Stream } from "effect"
import { Lock, type LockBackend } from "effect-lock"

/** The tags of its events that are about the backend, as they come. */
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
