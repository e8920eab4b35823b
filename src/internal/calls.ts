/**
 * Calls to a store, as the rest of the engine wants them: none waits longer than
 * the store's patience, none is interrupted half way, each ends as an answer or
 * as a failure with the right words, and all of them are known until they end.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { BackendFailure } from "../LockError.ts"
import type { Attempt, Claim, LockStore } from "../LockStore.ts"
import type { Alarms } from "./alarms.ts"
import { type Book, Call, type Running } from "./call.ts"

export type Operation = "acquire" | "extend" | "release" | "inspect" | "listen"

export type Fork = <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>

/** How a failed release is tried again, until the lease has ended by itself. */
const persistent: Schedule.Schedule<unknown> = Schedule.min([
  Schedule.exponential(Duration.millis(20), 2),
  Schedule.spaced(Duration.seconds(1))
])

/** A token that has to be released. */
export interface Debt {
  readonly key: string
  readonly token: string
  fiber?: Fiber.Fiber<void> | undefined
}

export class Calls implements Book {
  /** How long to wait for a reply, in milliseconds. */
  readonly patience: number
  closed = false
  readonly alarms: Alarms
  readonly out = new Set<Call<unknown, unknown>>()
  private readonly store: LockStore
  private readonly fork: Fork
  private readonly debts = new Set<Debt>()

  constructor(store: LockStore, alarms: Alarms, fork: Fork) {
    this.store = store
    this.alarms = alarms
    this.fork = fork
    this.patience = Duration.toMillis(store.patience ?? Duration.seconds(1))
  }

  get size(): number {
    return this.out.size + this.debts.size
  }

  /** Starts an effect at once and keeps it known until it ends. */
  start<A, E>(effect: Effect.Effect<A, E>, fork: Fork = this.fork): Call<A, E> {
    const call = new Call<A, E>(this)
    const fiber = fork(effect)
    call.fiber = fiber
    fiber.addObserver((exit) => call.settle(exit))
    return call
  }

  tryAcquire(claim: Claim, fork: Fork | undefined): Call<Attempt, BackendFailure> {
    const { callbacks } = this.store
    if (callbacks === undefined) return this.start(Effect.suspend(() => this.store.tryAcquire(claim)), fork)
    const call = new Call<Attempt, BackendFailure>(this)
    callbacks.tryAcquire(claim, call)
    return call
  }

  startRelease(key: string, token: string): Call<boolean, BackendFailure> {
    const { callbacks } = this.store
    if (callbacks === undefined) return this.start(Effect.suspend(() => this.store.release(key, token)))
    const call = new Call<boolean, BackendFailure>(this)
    callbacks.release(key, token, call)
    return call
  }

  /** How something ends, or undefined when it has not by `until`. Interrupting the wait leaves it alone. */
  outcome<A, E>(running: Running<A, E>, until: number): Effect.Effect<Exit.Exit<A, E> | undefined> {
    return Effect.callback((resume) => {
      let ended = false
      const alarm = { index: -1, ring: () => resume(Effect.undefined) }
      running.addObserver((exit) => {
        ended = true
        this.alarms.cancel(alarm)
        resume(Effect.succeed(exit))
      })
      if (!ended) this.alarms.set(alarm, until)
      return Effect.sync(() => this.alarms.cancel(alarm))
    })
  }

  /** Runs an operation within the store's patience, until `until` at the longest. */
  bounded<A>(
    operation: Operation,
    key: string,
    call: () => Effect.Effect<A, BackendFailure>,
    until = Infinity
  ): Effect.Effect<A, BackendFailure> {
    return this.within(operation, key, call, () => this.start(Effect.suspend(call)), until)
  }

  /** Releases a token, within the store's patience. */
  release(key: string, token: string): Effect.Effect<boolean, BackendFailure> {
    const call = () => this.store.release(key, token)
    return this.within("release", key, call, () => this.startRelease(key, token), Infinity)
  }

  private within<A>(
    operation: Operation,
    key: string,
    call: () => Effect.Effect<A, BackendFailure>,
    start: () => Call<A, BackendFailure>,
    until: number
  ): Effect.Effect<A, BackendFailure> {
    return Effect.suspend(() => {
      if (this.closed) return Effect.fail(this.closedFailure(operation, key))
      if (this.store.direct !== undefined) return call()
      const made = start()
      return made.exit ?? Effect.callback<A, BackendFailure>((resume) => {
        made.wait(
          Math.min(until, this.alarms.now() + this.patience),
          (exit) => resume(exit ?? Effect.fail(this.noReply(operation, key)))
        )
        return Effect.sync(() => made.leave())
      })
    })
  }

  /**
   * Releases a token, again and again, until the store confirms or `until` has
   * passed. What is still owed when the backend closes is asked for once more.
   */
  insist(key: string, token: string, until: number): Fiber.Fiber<void> {
    const debt: Debt = { key, token, fiber: undefined }
    if (!this.closed) this.debts.add(debt)
    const fiber = this.fork(Effect.ignore(Effect.retry(
      this.release(key, token),
      Schedule.while(persistent, () => !this.closed && this.alarms.now() < until)
    )))
    debt.fiber = fiber
    fiber.addObserver(() => {
      if (!this.closed) this.debts.delete(debt)
    })
    return fiber
  }

  /**
   * Refuses new operations, waits for those that are running as long as the
   * store's patience, and frees the tokens that may remain, as long again.
   */
  readonly close = Effect.fnUntraced({ self: this }, function*(this: Calls, tokens: ReadonlyArray<Debt>) {
    this.closed = true
    const debts = [...tokens, ...this.debts]
    yield* Fiber.interruptAll(debts.flatMap(({ fiber }) => fiber ?? []))
    const until = this.alarms.now() + this.patience
    for (const call of Array.from(this.out)) yield* this.outcome(call, until)
    for (const { fiber } of Array.from(this.out)) fiber?.interruptUnsafe()
    // A claim that was still out may have been executed by now.
    const releases = debts.map(({ key, token }) => this.startRelease(key, token))
    const end = this.alarms.now() + this.patience
    for (const release of releases) yield* this.outcome(release, end)
    for (const { fiber } of releases) fiber?.interruptUnsafe()
    // What a store that calls back has not answered by now is nobody's any more.
    this.out.clear()
    this.debts.clear()
  })

  /** A failure stays one, a defect goes on; only closing the backend interrupts an operation. */
  toFailure(cause: Cause.Cause<BackendFailure>, operation: Operation, key: string): Effect.Effect<BackendFailure> {
    const error = Cause.findErrorOption(cause)
    if (Option.isSome(error)) return Effect.succeed(error.value)
    if (Cause.hasInterruptsOnly(cause)) return Effect.succeed(this.closedFailure(operation, key))
    return Effect.failCause(cause as Cause.Cause<never>)
  }

  noReply(operation: Operation, key: string, description = "no reply in time"): BackendFailure {
    return this.failure(operation, key, "NoReply", description)
  }

  closedFailure(operation: Operation, key: string): BackendFailure {
    return this.failure(operation, key, "Closed", "the backend has been closed")
  }

  private failure(
    operation: Operation,
    key: string,
    kind: "NoReply" | "Closed",
    description: string
  ): BackendFailure {
    return new BackendFailure({
      backend: this.store.name,
      operation,
      kind,
      retryable: kind === "NoReply",
      key,
      description
    })
  }
}
