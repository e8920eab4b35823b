/** The server, as the operations of a store see it: its statements and its clock. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { BackendFailure } from "../../LockError.ts"
import { ServerClock } from "../serverClock.ts"
import { monotonicMillis } from "../time.ts"
import { numberOf } from "./answers.ts"
import * as Failure from "./failure.ts"
import { deadlineMillis, type Link, type OnEnd, type Row } from "./link.ts"
import * as Statements from "./statements.ts"
import type { Table } from "./table.ts"

export interface Server {
  readonly statements: Statements.Statements
  readonly serverClock: ServerClock
  readonly now: () => number
  readonly wallMillis: () => number
  /** Whether our own settings for the planner are in force (see `connections.ts`). */
  readonly isTuned: Link["isTuned"]
  /** Runs a statement and calls back once. */
  readonly ask: Link["run"]
  /** The same, for a statement whose rows have the server's clock in their third column. */
  readonly askTimed: Link["run"]
  /** The same, as an effect. `decode` returns undefined if the answer is not understood. */
  readonly look: <A>(
    operation: string,
    key: string | undefined,
    text: string,
    parameters: ReadonlyArray<unknown>,
    decode: (rows: ReadonlyArray<Row>) => A | undefined
  ) => Effect.Effect<A, BackendFailure>
  /** The latest time, by the server's clock, at which a claim that is sent now may be executed. */
  readonly latest: () => string | null
  /** Runs it after so many milliseconds, unless the store has been closed. */
  readonly later: (millis: number, task: () => void) => void
  /** Runs until it ends, or the store is closed. */
  readonly fork: (task: Effect.Effect<void>) => void
  readonly failure: (operation: string, key: string | undefined, error: unknown) => BackendFailure
}

/** `answering` is called after each answer of the server has been handled. */
export const make = Effect.fnUntraced(function*(
  link: Link,
  table: Table,
  answering: () => void
): Effect.fn.Return<Server, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const fork = yield* FiberSet.makeRuntime<never>()
  const now = () => monotonicMillis(clock)
  const serverClock = new ServerClock()

  const failure = (operation: string, key: string | undefined, error: unknown) =>
    Failure.make(table, operation, key, error)

  const ask = (text: string, parameters: ReadonlyArray<unknown>, onEnd: OnEnd): void =>
    link.run(text, parameters, (rows, error) => {
      onEnd(rows, error)
      if (rows !== undefined) answering()
    })

  return {
    statements: Statements.make(table),
    serverClock,
    now,
    isTuned: link.isTuned,
    wallMillis: () => clock.currentTimeMillisUnsafe(),
    ask,
    askTimed: (text, parameters, onEnd) => {
      const sentAt = now()
      ask(text, parameters, (rows, error) => {
        if (rows !== undefined && rows.length > 0) serverClock.observe(sentAt, now(), numberOf(rows[0][2]))
        onEnd(rows, error)
      })
    },
    look: (operation, key, text, parameters, decode) =>
      Effect.callback((resume) =>
        ask(text, parameters, (rows, error) => {
          if (rows === undefined) return resume(Effect.fail(failure(operation, key, error)))
          const value = decode(rows)
          resume(
            value === undefined ? Effect.fail(failure(operation, key, new Failure.Strange())) : Effect.succeed(value)
          )
        })
      ),
    latest: () => {
      const micros = serverClock.latest(now() + deadlineMillis)
      return micros === undefined ? null : String(micros)
    },
    later: (millis, task) => void fork(Effect.andThen(Effect.sleep(Duration.millis(millis)), Effect.sync(task))),
    fork: (task) => void fork(task),
    failure
  }
})

/** The length of a lease, as a parameter of a statement. */
export const leaseOf = (expiresMillis: number): string => String(Math.ceil(expiresMillis))

/**
 * The pauses, in milliseconds, before a row that was locked is tried again: a row stays locked for
 * as long as a commit takes.
 */
export const pauses = [1, 2, 5, 10, 20, 40, 80, 160]
