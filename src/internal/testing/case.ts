/** A case of the conformance suite: what it runs with, and how it reports what is wrong. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type * as LockBackend from "../../LockBackend.ts"
import type { BackendFailure, LockError } from "../../LockError.ts"
import type { LockStore } from "../../LockStore.ts"
import type { Operation } from "../../testing/TestBackend.ts"
import type * as Contender from "./contender.ts"

/** Trouble of `faulty`, made by what the suite was given or by a script in front of the store. */
export interface Faults {
  readonly lostReply: (operation: Operation) => Effect.Effect<void>
  readonly lateReply: (operation: Operation, by: Duration.Duration) => Effect.Effect<void>
  readonly lostRequest: (operation: Operation) => Effect.Effect<void>
  readonly lateRequest: (operation: Operation, by: Duration.Duration) => Effect.Effect<void>
  readonly steal: (key: string) => Effect.Effect<void>
  readonly down: Effect.Effect<void>
  readonly up: Effect.Effect<void>
}

/** What a case runs with. */
export interface Bench {
  readonly one: LockStore
  readonly other: LockStore
  /** `one`, with faults. */
  readonly faulty: LockStore
  readonly faults: Faults
  /** How often `faulty` was asked for the key. */
  readonly asked: (operation: Operation, key: string) => Effect.Effect<number>
  readonly lease: number
  readonly smallest: number
  readonly grain: number
  /** How late an answer may be that comes at once. */
  readonly slack: number
  readonly patience: number
  readonly key: string
  readonly token: () => string
  readonly now: Effect.Effect<number>
  readonly elapse: (millis: number) => Effect.Effect<void>
  readonly program: Contender.Program | undefined
  /** A process on a store, closed with the case. */
  readonly process: (store: LockStore) => Effect.Effect<Process, never, Scope.Scope>
  /** Lets time pass until the check holds. */
  readonly eventually: <E>(
    what: string,
    within: number,
    check: Effect.Effect<boolean, E>
  ) => Effect.Effect<void, E | Wrong>
  /** Lets time pass until the fiber has ended. */
  readonly end: <A, E>(what: string, within: number, fiber: Fiber.Fiber<A, E>) => Effect.Effect<Exit.Exit<A, E>, Wrong>
}

export type Process = <A, E>(effect: Effect.Effect<A, E, LockBackend.LockBackend>) => Effect.Effect<A, E>

export type Run = (bench: Bench) => Effect.Effect<void, Wrong | BackendFailure | LockError, Scope.Scope>

export interface Case {
  readonly name: string
  readonly processes?: number
  readonly run: Run
}

/** What is wrong, in words; a plain value because it is made for every look of a wait. */
export interface Wrong {
  readonly _tag: "Wrong"
  readonly description: string
}

export const wrong = (description: string): Effect.Effect<never, Wrong> => Effect.fail({ _tag: "Wrong", description })

const show = (value: unknown): string => typeof value === "string" ? JSON.stringify(value) : String(value)

export const same = <A>(what: string, actual: A, expected: A): Effect.Effect<void, Wrong> =>
  Object.is(actual, expected) ? Effect.void : wrong(`${what}: expected ${show(expected)}, got ${show(actual)}`)

export const that = (what: string, holds: boolean): Effect.Effect<void, Wrong> => holds ? Effect.void : wrong(what)

export const immediately = { startImmediately: true } as const

export const isWrong = (error: unknown): error is Wrong =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "Wrong"

/** A case for a store whose keys may be shared. */
export const ifShares = (run: Run): Run => (bench) => bench.one.shares === true ? run(bench) : Effect.void
