/** What a contender asks of the store, and what comes of it. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Restore } from "../LockBackend.ts"
import type { BackendFailure } from "../LockError.ts"
import type { Attempt, Grant } from "../LockStore.ts"
import type { Call } from "./call.ts"
import * as Calls from "./calls.ts"
import type { Contender, Reply } from "./contender.ts"
import type { Engine } from "./engine.ts"

/**
 * Sends a claim and waits for the reply, until `cutAt` or for the store's
 * patience at the longest. A claim is never interrupted: one whose reply we
 * gave up on may still be executed, and stays with the contender.
 */
export const ask = (
  engine: Engine,
  contender: Contender,
  wait: boolean,
  sentAt: number,
  cutAt: number,
  restore: Restore
): Effect.Effect<Reply> => {
  const { callbacks, direct } = engine.shortcuts
  const send = (fork: Calls.Fork | undefined): Effect.Effect<Reply> => {
    const { expiresMillis, key, token } = contender
    if (engine.closed) return Exit.succeed(Calls.closedFailure(engine, "acquire", key))
    sending(engine, contender, sentAt)
    const claim = { key, token, expiresMillis, wait }
    if (direct !== undefined) return heard(contender, wait, direct.tryAcquire(claim, sentAt))
    const call = Calls.tryAcquire(engine, claim, fork)
    const until = Math.min(cutAt, sentAt + Math.min(engine.patience, expiresMillis))
    return reply(engine, contender, "acquire", wait, call, until, restore)
  }
  if (callbacks !== undefined || direct !== undefined) return send(undefined)
  // The store's spans belong to the caller.
  return Effect.withFiber(({ context }) => send(Effect.runForkWith(context)))
}

export const sending = (engine: Engine, contender: Contender, sentAt: number): void => {
  engine.meter.attempted()
  contender.askedAt = sentAt
  contender.doubtful = true
}

/** What comes of an operation that may get the contender the key. */
export const reply = (
  engine: Engine,
  contender: Contender,
  operation: "acquire" | "release",
  wait: boolean,
  call: Call<Attempt, BackendFailure>,
  until: number,
  restore: Restore
): Effect.Effect<Reply> => {
  const answered = (exit: Exit.Exit<Attempt, BackendFailure> | undefined): Effect.Effect<Reply> =>
    exit?._tag === "Success"
      ? heard(contender, wait, exit.value)
      : Calls.toFailure(engine, exit, operation, contender.key)
  if (call.exit !== undefined) return answered(call.exit)
  contender.sent(call)
  return restore(Effect.callback<Reply>((resume) => call.wait(until, (exit) => resume(answered(exit)))))
}

/** The store has answered. A claim that it refused leaves nothing there, unless it may wait or others are out. */
const heard = (contender: Contender, wait: boolean, attempt: Attempt): Exit.Exit<Reply> => {
  if (attempt._tag === "Held" && !wait && contender.unanswered.length === 0) contender.doubtful = false
  return Exit.succeed(attempt)
}

/** Has the store tell us of news. Failing to is no failure: then we ask as the schedule says. */
export const listen = (engine: Engine, contender: Contender, until = Infinity): Effect.Effect<void> => {
  const scope = Scope.makeUnsafe()
  const { key, token } = contender
  const notify = (grant: Grant | undefined) => contender.notify(grant)
  contender.listening = scope
  const listening = () => Scope.provide(engine.store.listen!(key, token, notify), scope)
  return Effect.asVoid(Effect.exit(Calls.bounded(engine, "listen", key, listening, until)))
}

export const endListening = (engine: Engine, contender: Contender): void => {
  if (contender.listening === undefined) return
  Calls.start(engine, Scope.close(contender.listening, Exit.void))
  contender.listening = undefined
}
