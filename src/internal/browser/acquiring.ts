/** Acquiring keys: by a claim, by accepting an offer, and by transfer from another token. */
import * as Effect from "effect/Effect"
import type { BackendFailure } from "../../LockError.ts"
import type { Acquired, Attempt, Claim, Grant } from "../../LockStore.ts"
import * as Changes from "./changes.ts"
import type { Ground } from "./ground.ts"
import type { Listener, Waiting } from "./waiting.ts"

export interface Acquiring {
  readonly tryAcquire: (claim: Claim) => Effect.Effect<Attempt, BackendFailure>
  readonly accept: (token: string, listener: Listener) => Effect.Effect<void>
  readonly transfer: (from: string, claim: Claim) => Effect.Effect<Attempt, BackendFailure>
}

const heldBy = ({ remaining, token, waiters }: Changes.Held): Attempt => ({
  _tag: "Held",
  token,
  remainingMillis: remaining,
  waiters
})

export const make = ({ areGone, update }: Ground, waiting: Waiting, now: () => number): Acquiring => {
  const tryAcquire: Acquiring["tryAcquire"] = (asked) => {
    const { expiresMillis: expires, key, outlives = false, share, token, wait } = asked
    const listener = waiting.of(token)
    if (listener !== undefined) Object.assign(listener, { expires, outlives })
    return Effect.flatMap(
      update("acquire", key, (record, view, tab, nextToken): Changes.Change<Acquired | Changes.Held> => {
        const { answer, ...change } = Changes.claim(record, { token, tab, expires, wait, outlives, share }, view)
        return { answer: answer._tag === "Acquired" ? { ...answer, fencingToken: nextToken() } : answer, ...change }
      }),
      (answer): Effect.Effect<Attempt, BackendFailure> => {
        if (answer._tag === "Acquired") return Effect.succeed(answer)
        const held = heldBy(answer)
        if (listener !== undefined) {
          // It may wait no longer.
          if (waiting.of(token) === listener) waiting.watchOnly(listener, answer.tabs)
          return Effect.succeed(held)
        }
        // A claim that does not wait finds out now who is gone, and tries again.
        return Effect.flatMap(
          areGone("acquire", key, answer.tabs),
          (are) => are ? tryAcquire(asked) : Effect.succeed(held)
        )
      }
    )
  }

  /**
   * Accepts an offer at once, and not when the waiter gets to it: browsers throttle the timers of a
   * hidden tab, but not its messages.
   */
  const accept: Acquiring["accept"] = (token, listener) => {
    const { expires: leaseMillis, key, outlives } = listener
    const sinceMillis = now()
    const notify = (grant: Grant | undefined): void => {
      if (waiting.of(token) === listener) listener.notify(grant)
    }
    return update("acquire", key, (record, view, tab, nextToken): Changes.Change<Grant | undefined> => {
      const { answer, next } = Changes.accept(record, { token, tab, expires: leaseMillis, outlives }, view)
      return { answer: answer ? { fencingToken: nextToken(), sinceMillis, leaseMillis } : undefined, next }
    }).pipe(
      Effect.map(notify),
      // The waiter then claims by itself, and gets the error.
      Effect.catch(() => Effect.sync(() => notify(undefined)))
    )
  }

  const transfer: Acquiring["transfer"] = (from, { expiresMillis: expires, key, outlives = false, token }) =>
    update("acquire", key, (record, view, tab, nextToken): Changes.Change<Attempt> => {
      const { answer, next } = Changes.transfer(record, from, { token, tab, expires, outlives }, view)
      if (answer._tag === "Held") return { answer: heldBy(answer), next }
      return { answer: { _tag: "Acquired", fencingToken: nextToken() }, next }
    })

  return { tryAcquire, accept, transfer }
}
