/** Scripts that decide what happens to the calls of a store. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { BackendFailure, FailureKind } from "../../LockError.ts"

export type FailureOf = (kind: FailureKind, retryable: boolean) => BackendFailure

/**
 * What happens to a call; `execute` may run it now, later, or never. `end` completes when the test
 * is over.
 */
export type Fault = <A, R>(
  execute: Effect.Effect<A, BackendFailure, R>,
  failure: FailureOf,
  end: Effect.Effect<void>
) => Effect.Effect<A, BackendFailure, R>

const passing: Fault = (execute) => execute

export const failing = (options: {
  readonly kind?: FailureKind | undefined
  readonly retryable?: boolean | undefined
  readonly executed?: boolean | undefined
}): Fault =>
(execute, failure) => {
  const fail = Effect.suspend(() => Effect.fail(failure(options.kind ?? "Unreachable", options.retryable ?? true)))
  return options.executed === true ? Effect.andThen(Effect.exit(execute), fail) : fail
}

export const answeringLate = (by: Duration.Duration): Fault => (execute, _failure, end) =>
  Effect.flatMap(Effect.exit(execute), (exit) => Effect.andThen(Effect.timeoutOption(end, by), exit))

// A request in flight arrives even if nobody waits for its answer any more.
export const arrivingLate = (by: Duration.Duration): Fault => (execute, _failure, end) =>
  Effect.flatMap(
    Effect.forkDetach(Effect.andThen(Effect.timeoutOption(end, by), execute), { startImmediately: true }),
    Fiber.join
  )

export const losingReply: Fault = (execute, failure, end) =>
  Effect.andThen(Effect.exit(execute), losingRequest(execute, failure, end))

export const losingRequest: Fault = (_execute, failure, end) =>
  Effect.andThen(end, Effect.suspend(() => Effect.fail(failure("NoReply", true))))

interface Script<Operation> {
  readonly operation: Operation | "any"
  readonly fault: Fault
  left: number
}

export class Scripts<Operation extends string> {
  /** Every call fails, whatever the scripts say. */
  isDown = false
  private scripts: ReadonlyArray<Script<Operation>> = []

  add(operation: Operation | "any", times: number | undefined, fault: Fault): void {
    this.scripts = [...this.scripts, { operation, fault, left: times ?? Infinity }]
  }

  /** Removes the scripts of an operation, or all. */
  heal(operation?: Operation | "any"): void {
    this.scripts = operation === undefined ? [] : this.scripts.filter((one) => one.operation !== operation)
  }

  /** What happens to the next call. */
  next(operation: Operation): Fault {
    if (this.isDown) return failing({})
    const found = this.scripts.find((one) => one.left > 0 && (one.operation === operation || one.operation === "any"))
    if (found === undefined) return passing
    if (--found.left === 0) this.scripts = this.scripts.filter((one) => one !== found)
    return found.fault
  }
}
