/**
 * Calls to a store, as the rest of the engine wants them: none waits longer than
 * the store's patience, none is interrupted half way, each ends as an answer or
 * as a failure with the right words, and all of them are known until they end.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { BackendFailure, LockError } from "../LockError.ts"
import type { Attempt, Claim } from "../LockStore.ts"
import { Call, type Running } from "./call.ts"
import { type Engine, now, patienceEnds } from "./engine.ts"

export type Operation = "acquire" | "extend" | "release" | "inspect" | "listen"

export type Fork = <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>

/** Delays that grow by `factor` up to a limit, in milliseconds. */
export const backoff = (first: number, factor: number, limit: number): Schedule.Schedule<unknown> =>
  Schedule.min([
    Schedule.exponential(Duration.millis(first), factor),
    Schedule.spaced(Duration.millis(limit))
  ])

/** How a failed release is tried again, until the lease has ended by itself. */
const persistent = backoff(20, 2, 1_000)

/** A token that has to be released. */
export interface Debt {
  readonly key: string
  readonly token: string
  fiber?: Fiber.Fiber<void> | undefined
}

/** Starts an effect at once and keeps it known until it ends. */
export const start = <A, E>(engine: Engine, effect: Effect.Effect<A, E>, fork: Fork = engine.fork): Call<A, E> => {
  const call = new Call<A, E>(engine)
  const fiber = fork(effect)
  call.fiber = fiber
  fiber.addObserver((exit) => call.settle(exit))
  return call
}

export const tryAcquire = (engine: Engine, claim: Claim, fork: Fork | undefined): Call<Attempt, BackendFailure> => {
  const { shortcuts: { callbacks }, store } = engine
  if (callbacks === undefined) return start(engine, Effect.suspend(() => store.tryAcquire(claim)), fork)
  const call = new Call<Attempt, BackendFailure>(engine)
  callbacks.tryAcquire(claim, call)
  return call
}

export const startRelease = (engine: Engine, key: string, token: string): Call<boolean, BackendFailure> => {
  const { shortcuts: { callbacks }, store } = engine
  if (callbacks === undefined) return start(engine, Effect.suspend(() => store.release(key, token)))
  const call = new Call<boolean, BackendFailure>(engine)
  callbacks.release(key, token, call)
  return call
}

/** How something ends, or undefined when it has not by `until`. Interrupting the wait leaves it alone. */
export const outcome = <A, E>(
  { alarms }: Engine,
  running: Running<A, E>,
  until: number
): Effect.Effect<Exit.Exit<A, E> | undefined> =>
  Effect.callback((resume) => {
    let ended = false
    const alarm = { index: -1, ring: () => resume(Effect.undefined) }
    running.addObserver((exit) => {
      ended = true
      alarms.cancel(alarm)
      resume(Effect.succeed(exit))
    })
    if (!ended) alarms.set(alarm, until)
    return Effect.sync(() => alarms.cancel(alarm))
  })

/** Runs an operation within the store's patience, until `until` at the longest. */
export const bounded = <A>(
  engine: Engine,
  operation: Operation,
  key: string,
  run: () => Effect.Effect<A, BackendFailure>,
  until = Infinity,
  begin: () => Call<A, BackendFailure> = () => start(engine, Effect.suspend(run))
): Effect.Effect<A, BackendFailure> =>
  Effect.suspend(() => {
    if (engine.closed) return Effect.fail(closedFailure(engine, operation, key))
    if (engine.shortcuts.direct !== undefined) return run()
    const call = begin()
    return call.exit ?? Effect.callback<A, BackendFailure>((resume) => {
      call.wait(
        Math.min(until, patienceEnds(engine)),
        (exit) => resume(exit ?? Effect.fail(noReply(engine, operation, key)))
      )
      return Effect.sync(() => call.leave())
    })
  })

/** Releases a token, within the store's patience. */
export const release = (engine: Engine, key: string, token: string): Effect.Effect<boolean, BackendFailure> =>
  bounded(
    engine,
    "release",
    key,
    () => engine.store.release(key, token),
    Infinity,
    () => startRelease(engine, key, token)
  )

/**
 * Releases a token, again and again, until the store confirms or `until` has
 * passed. What is still owed when the backend closes is asked for once more.
 */
export const insist = (engine: Engine, key: string, token: string, until: number): Fiber.Fiber<void> => {
  const { debts } = engine
  const debt: Debt = { key, token }
  if (!engine.closed) debts.add(debt)
  const fiber = engine.fork(Effect.ignore(Effect.retry(
    release(engine, key, token),
    Schedule.while(persistent, () => !engine.closed && now(engine) < until)
  )))
  debt.fiber = fiber
  fiber.addObserver(() => {
    if (!engine.closed) debts.delete(debt)
  })
  return fiber
}

/**
 * Of an engine that is closed: waits for the operations that are running as long
 * as the store's patience, and frees the tokens that may remain, as long again.
 */
export const close = Effect.fnUntraced(function*(engine: Engine, tokens: ReadonlyArray<Debt>) {
  const { out } = engine
  const debts = [...tokens, ...engine.debts]
  yield* Fiber.interruptAll(debts.flatMap(({ fiber }) => fiber ?? []))
  const until = patienceEnds(engine)
  for (const call of Array.from(out)) yield* outcome(engine, call, until)
  for (const { fiber } of Array.from(out)) fiber?.interruptUnsafe()
  // A claim that was still out may have been executed by now.
  const releases = debts.map(({ key, token }) => startRelease(engine, key, token))
  const end = patienceEnds(engine)
  for (const release of releases) yield* outcome(engine, release, end)
  for (const { fiber } of releases) fiber?.interruptUnsafe()
  // What a store that calls back has not answered by now is nobody's any more.
  out.clear()
  engine.debts.clear()
})

/**
 * Why an operation has no answer: none came in time, it failed, or the backend
 * was closed, as only that interrupts one. A defect goes on.
 */
export const toFailure = (
  engine: Engine,
  exit: Exit.Failure<unknown, BackendFailure> | undefined,
  operation: Operation,
  key: string
): Effect.Effect<BackendFailure> => {
  if (exit === undefined) return Exit.succeed(noReply(engine, operation, key))
  const error = Cause.findErrorOption(exit.cause)
  if (Option.isSome(error)) return Exit.succeed(error.value)
  if (Cause.hasInterruptsOnly(exit.cause)) return Exit.succeed(closedFailure(engine, operation, key))
  return Exit.failCause(exit.cause as Cause.Cause<never>)
}

const failure = (
  { store }: Engine,
  operation: Operation,
  key: string,
  kind: "NoReply" | "Closed",
  description: string
): BackendFailure =>
  new BackendFailure({ backend: store.name, operation, kind, retryable: kind === "NoReply", key, description })

export const noReply = (
  engine: Engine,
  operation: Operation,
  key: string,
  description = "no reply in time"
): BackendFailure => failure(engine, operation, key, "NoReply", description)

export const closedFailure = (engine: Engine, operation: Operation, key: string): BackendFailure =>
  failure(engine, operation, key, "Closed", "the backend has been closed")

export const toLockError = (reason: BackendFailure): LockError => new LockError({ reason })

/** A lock call that ends in a failure of the store. */
export const failWith = (reason: BackendFailure): Exit.Exit<never, LockError> => Exit.fail(toLockError(reason))
