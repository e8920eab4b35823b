/**
 * A test suite for a `LockStore`: its contract, and the guarantees of a lock over it, with faults
 * between the two.
 *
 * It depends on no test framework: {@link conformance} returns named cases, and {@link register}
 * passes them to a function like vitest's `it`.
 *
 * **Example** (Checking a store)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend } from "effect-lock"
 * import { conformance } from "effect-lock/testing"
 *
 * const cases = conformance.conformance({
 *   name: "memory",
 *   time: "test",
 *   make: Effect.map(InMemoryBackend.makeStore, (store) => ({ one: store, other: store }))
 * })
 * const first = cases[0]
 *
 * first.name // => "a free key is acquired"
 * await Effect.runPromise(Effect.scoped(first.run)) // => undefined
 * ```
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { type Bench, immediately, isWrong, type Process, type Run, wrong } from "../internal/testing/case.ts"
import { contract } from "../internal/testing/cases/contract.ts"
import { amongProcesses } from "../internal/testing/cases/processes.ts"
import { promises } from "../internal/testing/cases/promises.ts"
import { sharing } from "../internal/testing/cases/sharing.ts"
import * as Contender from "../internal/testing/contender.ts"
import * as Lateness from "../internal/testing/lateness.ts"
import * as Token from "../internal/token.ts"
import * as LockBackend from "../LockBackend.ts"
import type { LockStore } from "../LockStore.ts"
import type { Operation } from "./TestBackend.ts"
import * as TestBackend from "./TestBackend.ts"

/**
 * A violation of the contract, with the name of the case that found it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConformanceFailure extends Schema.TaggedError<ConformanceFailure>()("ConformanceFailure", {
  /** The name of the store, as given to the suite. */
  store: Schema.String,
  /** The name of the case, which says what must hold. */
  name: Schema.String,
  /** What was seen instead. */
  description: Schema.String,
  /** What the case failed or died with; absent if it saw a wrong result. */
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    return `${this.store}: ${this.name}: ${this.description}`
  }
}

/**
 * How to cause the faults of a real connection. An absent fault is scripted in front of the store,
 * as in `TestBackend`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Faults {
  /** The next call of the operation to `one` is executed and never answered. */
  readonly lostReply?: ((operation: Operation) => Effect.Effect<void>) | undefined
  /** The next call of the operation to `one` is executed at once, and answered with this delay. */
  readonly lateReply?: ((operation: Operation, by: Duration.Duration) => Effect.Effect<void>) | undefined
  /** The next call of the operation to `one` is neither executed nor answered. */
  readonly lostRequest?: ((operation: Operation) => Effect.Effect<void>) | undefined
  /** The next call of the operation to `one` is executed with this delay. */
  readonly lateRequest?: ((operation: Operation, by: Duration.Duration) => Effect.Effect<void>) | undefined
  /** The key is taken from its holder, and held by another. */
  readonly steal?: ((key: string) => Effect.Effect<void>) | undefined
  /** From now on `one` is unreachable. */
  readonly down?: Effect.Effect<void> | undefined
  /** From now on `one` is reachable again. */
  readonly up?: Effect.Effect<void> | undefined
}

/**
 * A program that makes stores on the same data in separate processes. It is run by Node, and calls
 * {@link serve}.
 *
 * @category models
 * @since 0.2.0
 */
export interface Program {
  /** The program's file, as a path or a `file:` URL. */
  readonly module: string | URL
  /** The argument for its store, such as a port or a directory. Default `""`. */
  readonly argument?: string | undefined
  /**
   * Options for Node, such as `["--import", "tsx"]` for a program in TypeScript.
   * Default: those of this process.
   */
  readonly execArgv?: ReadonlyArray<string> | undefined
}

/**
 * Two stores on the same data, as in two processes, how to break the first, and how to make more of
 * them in real processes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  /** The store that has the faults. */
  readonly one: LockStore
  /** A second store on the same data; the same one for a store in memory. */
  readonly other: LockStore
  /** How to break `one`. Default: scripts in front of it. */
  readonly faults?: Faults | undefined
  /**
   * How to make the store in separate processes. Two stores in one process share its clock, memory
   * and event loop, so some errors only show between processes. Cases start the program up to three
   * times, pause it and kill it, in real time.
   *
   * Default: the cases for processes are skipped and pass, as they do in test time.
   */
  readonly program?: Program | undefined
}

/**
 * What to check, and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<E> {
  /** The name of the store, for messages. */
  readonly name: string
  /** Makes new stores for each case; its scope closes after the case. If it fails, the case fails. */
  readonly make: Effect.Effect<Subject, E, Scope.Scope>
  /**
   * Whether cases run in real time (`"real"`, the default), or with their own `TestClock`
   * (`"test"`), for a store that uses Effect's `Clock`.
   */
  readonly time?: "real" | "test" | undefined
  /**
   * The length of most leases. Default 1 second. If a case fails in real time while this process is
   * late by more than a twentieth of it, that says nothing about the store, and the case is run
   * again, up to five times in all.
   */
  readonly lease?: Duration.Input | undefined
  /** The shortest lease that the store can keep. Default 50 millis. */
  readonly smallest?: Duration.Input | undefined
  /**
   * How much longer than asked the store may keep a lease. Default 0 in test time, 100 millis in
   * real time.
   */
  readonly grain?: Duration.Input | undefined
}

/**
 * A case: one thing that must hold.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConformanceCase {
  /** What must hold. */
  readonly name: string
  /**
   * How many processes it starts, if there is a {@link Program}; 0 for most. Cases can run
   * concurrently, except those that start processes: these slow others down, which then blame the
   * store.
   */
  readonly processes: number
  /** Runs the case. It only needs a scope, and provides its own clock. */
  readonly run: Effect.Effect<void, ConformanceFailure, Scope.Scope>
}

/**
 * The cases for a store: first the contract of `LockStore`, then the guarantees of `Lock` over it.
 * Cases for optional operations that the store lacks pass.
 *
 * **Example** (All that a store gets wrong)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, type LockStore } from "effect-lock"
 * import { conformance } from "effect-lock/testing"
 *
 * const deaf = (store: LockStore.LockStore): LockStore.LockStore => ({
 *   ...store,
 *   release: (key, token) => Effect.as(store.release(key, token), true)
 * })
 * const cases = conformance.conformance({
 *   name: "deaf",
 *   time: "test",
 *   make: Effect.map(InMemoryBackend.makeStore, (store) => ({ one: deaf(store), other: deaf(store) }))
 * })
 *
 * const program = Effect.gen(function*() {
 *   const failures: Array<string> = []
 *   for (const { run } of cases) {
 *     yield* run.pipe(
 *       Effect.scoped,
 *       Effect.catchTag("ConformanceFailure", (failure) => Effect.sync(() => failures.push(failure.name)))
 *     )
 *   }
 *   return failures.includes("a release by another token is refused and changes nothing")
 * })
 *
 * await Effect.runPromise(program) // => true
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const conformance = <E>(options: Options<E>): ReadonlyArray<ConformanceCase> =>
  [...contract, ...sharing, ...promises, ...amongProcesses].map(({ name, processes = 0, run }) => ({
    name,
    processes,
    run: prepare(options, name, processes, run)
  }))

/** The timeout for the framework. Each case ends earlier by itself, and then says what it saw. */
const timeoutMillis = 300_000

/**
 * Passes cases to a function like vitest's `it`, with a timeout as the third argument: cases of a
 * wrong store may take longer than most tests.
 *
 * **Example** (As tests)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend } from "effect-lock"
 * import { conformance } from "effect-lock/testing"
 *
 * const names: Array<string> = []
 * const it = (name: string, _test: () => Promise<void>) => names.push(name)
 *
 * conformance.register(it, conformance.conformance({
 *   name: "memory",
 *   time: "test",
 *   make: Effect.map(InMemoryBackend.makeStore, (store) => ({ one: store, other: store }))
 * }))
 * names.length > 20 // => true
 * ```
 *
 * @category utilities
 * @since 0.1.0
 */
export const register = (
  it: (name: string, test: () => Promise<void>, timeoutMillis: number) => unknown,
  cases: ReadonlyArray<ConformanceCase>
): void => {
  for (const { name, run } of cases) it(name, () => Effect.runPromise(Effect.scoped(run)), timeoutMillis)
}

/**
 * Run by the {@link Program} of a {@link Subject}: makes a store from the argument, and executes
 * the suite's orders until the suite ends.
 *
 * **Example** (A program for a store on files)
 *
 * ```ts no-run
 * import { Effect } from "effect"
 * import * as FileBackend from "effect-lock/FileBackend"
 * import { conformance } from "effect-lock/testing"
 *
 * await Effect.runPromise(conformance.serve((directory) => FileBackend.makeStore({ directory })))
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export const serve = <E>(
  makeStore: (argument: string) => Effect.Effect<LockStore, E, Scope.Scope>
): Effect.Effect<void, E> => Effect.scoped(Contender.serve(makeStore))

const prepare = <E>(
  options: Options<E>,
  name: string,
  processes: number,
  run: Run
): ConformanceCase["run"] => {
  const inTestTime = options.time === "test"
  const millis = (input: Duration.Input | undefined, otherwise: number) =>
    input === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(input))
  const lease = millis(options.lease, 1_000)
  const smallest = millis(options.smallest, 50)
  const elapse = (millis: number) =>
    inTestTime ? TestClock.testClockWith((clock) => clock.adjust(millis)) : Effect.sleep(millis)
  const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1_000_000)

  const eventually: Bench["eventually"] = Effect.fnUntraced(function*(what, within, check) {
    const until = (yield* now) + within
    while (!(yield* check)) {
      if ((yield* now) >= until) return yield* wrong(`${what}: not within ${within} ms`)
      yield* elapse(Math.min(10, smallest / 5))
    }
  })
  const end: Bench["end"] = Effect.fnUntraced(function*(what, within, fiber) {
    yield* eventually(what, within, Effect.sync(() => fiber.pollUnsafe() !== undefined))
    return fiber.pollUnsafe()!
  })

  const body = Effect.fnUntraced(function*(scope: Scope.Scope, slack: number) {
    const { faults, one, other, program } = yield* options.make
    const test = yield* TestBackend.make(one)
    const nextToken = Token.make(() => 0)
    const once = { times: 1 }
    yield* run({
      one,
      other,
      program: inTestTime ? undefined : program,
      faulty: test.store,
      faults: {
        lostReply: faults?.lostReply ?? ((operation) => test.loseReply(operation, once)),
        lateReply: faults?.lateReply ?? ((operation, by) => test.delay(operation, by, once)),
        lostRequest: faults?.lostRequest ?? ((operation) => test.loseRequest(operation, once)),
        lateRequest: faults?.lateRequest ?? ((operation, by) => test.delayRequest(operation, by, once)),
        steal: faults?.steal ?? test.steal,
        down: faults?.down ?? test.down,
        up: faults?.up ?? test.up
      },
      asked: (operation, key) =>
        Effect.map(
          test.calls,
          (calls) => calls.filter((call) => call.operation === operation && call.key === key).length
        ),
      lease,
      smallest,
      grain: millis(options.grain, inTestTime ? 0 : 100),
      slack,
      patience: millis(one.patience, 1_000),
      key: `conformance-${nextToken()}`,
      token: nextToken,
      now,
      elapse,
      process: (store) =>
        Effect.map(
          LockBackend.make(store),
          (backend): Process => (effect) => Effect.provideService(effect, LockBackend.LockBackend, backend)
        ),
      eventually,
      end
    }).pipe(Scope.provide(scope))
  })

  // Closing a backend may take time too, and in test time somebody has to let it pass.
  const once = Effect.fnUntraced(function*(slack: number) {
    const scope = yield* Scope.make()
    const exit = yield* Effect.exit(Scope.provide(body(scope, slack), scope))
    const closing = yield* Effect.forkChild(Scope.close(scope, exit), immediately)
    const closed = yield* end("the backend closes", 60_000, closing)
    return yield* Exit.isFailure(exit) ? exit : closed
  })

  return Effect.catchCause(
    // What goes wrong here goes wrong on purpose.
    Effect.provideService(
      // What a case has seen on a machine that was late says nothing, but for who had a key beside whom.
      inTestTime
        ? Effect.provide(once(0), TestClock.layer())
        // On such a machine servers are late as well, by nobody knows how much.
        : processes === 0
        ? Lateness.punctually(Math.min(lease / 20, 30), 5)((tried) => once(500 * 3 ** tried))
        : once(10_000),
      References.MinimumLogLevel,
      "None"
    ),
    (cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>)
      const error: unknown = Cause.squash(cause)
      const description = isWrong(error) ? error.description : error instanceof Error ? error.message : String(error)
      return Effect.fail(
        new ConformanceFailure({
          store: options.name,
          name,
          description,
          cause: isWrong(error) ? undefined : error
        })
      )
    }
  )
}
