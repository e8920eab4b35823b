/**
 * A backend that misbehaves on demand, for tests of programs that lock.
 *
 * {@link layer} provides a `LockBackend`, the real engine over a store in
 * memory, together with {@link TestBackend}, which plays the other processes
 * (`hold`, `free`, `steal`, `drop`), the network (`fail`, `delay`,
 * `delayRequest`, `loseReply`, `loseRequest`, `down`, `up`) and the witness
 * (`calls`). Time is Effect's `Clock`, so `TestClock` drives leases and delays.
 *
 * **Details**
 *
 * - Keys are as the backend sees them: with the prefix of `LockConfig`, if one is set.
 * - A script is for one {@link Operation} or for `"any"`, and stays until it has
 *   served `times` calls or until `heal`. Of several that fit a call the oldest serves.
 * - A renewal is an `extend`, the end of a lock a `release`, and giving up an
 *   attempt is one too.
 *
 * **Example** (Somebody else has the key)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock } from "effect-lock"
 * import { TestBackend } from "effect-lock/testing"
 *
 * const report = Effect.succeed("report").pipe(
 *   Lock.withLock("nightly", { timeout: 0 }),
 *   Effect.catchReason("LockError", "LockTimeout", () => Effect.succeed("busy"))
 * )
 *
 * const program = Effect.gen(function*() {
 *   const test = yield* TestBackend.TestBackend
 *   yield* test.hold("nightly")
 *   const first = yield* report
 *   yield* test.free("nightly")
 *   return [first, yield* report]
 * }).pipe(Effect.provide(TestBackend.layer))
 *
 * await Effect.runPromise(program) // => ["busy", "report"]
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as InMemoryBackend from "../InMemoryBackend.ts"
import { monotonicMillis } from "../internal/time.ts"
import * as Token from "../internal/token.ts"
import * as LockBackend from "../LockBackend.ts"
import { BackendFailure, type FailureKind } from "../LockError.ts"
import type { Attempt, Grant, LockStore } from "../LockStore.ts"

/**
 * What the engine asks of a store, and so what can be scripted. Renewing many
 * leases in one call counts as `"extend"`.
 *
 * @category models
 * @since 0.1.0
 */
export type Operation = "tryAcquire" | "extend" | "release" | "inspect" | "listen" | "exchange"

/**
 * How the store answered a call; `"Unanswered"` as long as it has not.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | "Unanswered"
  | "Failed"
  | "Acquired"
  | "Held"
  | "Extended"
  | "Lost"
  | "Released"
  | "NotHeld"
  | "Inspected"
  | "Listening"

/**
 * A call that the store has seen. `at` is when it was made, in milliseconds of
 * the monotonic clock, which `TestClock` starts at zero.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly operation: Operation
  readonly key: string
  readonly token: string | undefined
  readonly at: number
  readonly outcome: Outcome
}

/**
 * How many calls a script serves. Default: all, until `heal`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptOptions {
  readonly times?: number | undefined
}

/**
 * A failure to script: by default `"Unreachable"` and retryable, of a call that
 * was not executed. With `executed` the store does what it was asked and only
 * the answer is a failure.
 *
 * @category models
 * @since 0.1.0
 */
export interface FailOptions extends ScriptOptions {
  readonly kind?: FailureKind | undefined
  readonly retryable?: boolean | undefined
  readonly executed?: boolean | undefined
}

/**
 * The other processes, the network, and the witness.
 *
 * - `store` is the scripted store. `LockBackend.make(store)` is one more process on it.
 * - `hold` takes a key as another process, for as long as `for` says or until
 *   `free`; `free` gives it back and says whether it was so held.
 * - `steal` takes a key away from whoever has it and holds it as another process
 *   (if the store has a queue, whoever is first in it has the key instead);
 *   `drop` makes the store forget it. The holder finds out at its next renewal.
 * - `fail` answers calls with a failure; `delay` executes a call at once and
 *   answers late; `delayRequest` executes it late; `loseReply` executes it and
 *   never answers; `loseRequest` does neither.
 * - `heal` forgets the scripts of an operation, or all. Calls under way stay as they are.
 * - `down` fails every call as unreachable, until `up`.
 * - `calls` are the calls made so far, failed ones included, oldest first.
 *
 * @category services
 * @since 0.1.0
 */
export class TestBackend extends Context.Service<TestBackend, {
  readonly store: LockStore
  readonly hold: (key: string, options?: { readonly for?: Duration.Input | undefined }) => Effect.Effect<void>
  readonly free: (key: string) => Effect.Effect<boolean>
  readonly steal: (key: string, options?: { readonly for?: Duration.Input | undefined }) => Effect.Effect<void>
  readonly drop: (key: string) => Effect.Effect<void>
  readonly fail: (operation: Operation | "any", options?: FailOptions) => Effect.Effect<void>
  readonly delay: (operation: Operation | "any", by: Duration.Input, options?: ScriptOptions) => Effect.Effect<void>
  readonly delayRequest: (
    operation: Operation | "any",
    by: Duration.Input,
    options?: ScriptOptions
  ) => Effect.Effect<void>
  readonly loseReply: (operation: Operation | "any", options?: ScriptOptions) => Effect.Effect<void>
  readonly loseRequest: (operation: Operation | "any", options?: ScriptOptions) => Effect.Effect<void>
  readonly heal: (operation?: Operation | "any") => Effect.Effect<void>
  readonly down: Effect.Effect<void>
  readonly up: Effect.Effect<void>
  readonly calls: Effect.Effect<ReadonlyArray<Call>>
}>()("effect-lock/testing/TestBackend") {}

/** What happens to a call on its way; `execute` may run it now, later, or never. `end` is when the test is over. */
type Fault = <A, R>(
  execute: Effect.Effect<A, BackendFailure, R>,
  failure: FailureOf,
  end: Effect.Effect<void>
) => Effect.Effect<A, BackendFailure, R>

type FailureOf = (kind: FailureKind, retryable: boolean) => BackendFailure

interface Script {
  readonly operation: Operation | "any"
  readonly fault: Fault
  left: number
}

type Recorded = { -readonly [K in keyof Call]: Call[K] }

/** As long as anybody: longer than tests last, and short enough for every store. */
const longest = Duration.days(28)

/**
 * Puts scripts in front of a store, be it a real one. `hold`, `free`, `steal`
 * and `drop` go to the store past the scripts, and die if it fails.
 *
 * **Example** (Two processes on one store)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock, LockBackend } from "effect-lock"
 * import { TestBackend } from "effect-lock/testing"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* InMemoryBackend.makeStore
 *   const test = yield* TestBackend.make(store)
 *   const well = yield* LockBackend.make(store)
 *   const ill = yield* LockBackend.make(test.store)
 *   yield* test.down
 *   const attempt = Lock.withLock(Effect.succeed("done"), "key", { timeout: 0 }).pipe(
 *     Effect.catchReason("LockError", "BackendFailure", (reason) => Effect.succeed(reason.kind))
 *   )
 *   return yield* Effect.forEach([well, ill], (backend) =>
 *     Effect.provideService(attempt, LockBackend.LockBackend, backend))
 * }).pipe(Effect.scoped)
 *
 * await Effect.runPromise(program) // => ["done", "Unreachable"]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (store: LockStore): Effect.Effect<TestBackend["Service"]> =>
  Effect.map(makeEnding(store), ([test]) => test)

/** With the effect that lets everything on its way arrive at once, and ends the wait for what never does. */
const makeEnding = (store: LockStore): Effect.Effect<readonly [TestBackend["Service"], end: Effect.Effect<void>]> =>
  Effect.map(Effect.service(Clock.Clock), (clock) => {
    const end = Latch.makeUnsafe()
    const calls: Array<Recorded> = []
    const others = new Map<string, string>()
    const nextToken = Token.make(() => clock.currentTimeMillisUnsafe())
    let scripts: Array<Script> = []
    let isDown = false
    let muted: Array<() => void> | undefined

    const script = (operation: Operation | "any", options: ScriptOptions | undefined, fault: Fault) =>
      Effect.sync(() => {
        scripts.push({ operation, fault, left: options?.times ?? Infinity })
      })

    const nextFault = (operation: Operation): Fault => {
      if (isDown) return failing({})
      const found = scripts.find((one) => one.left > 0 && (one.operation === operation || one.operation === "any"))
      if (found === undefined) return passing
      if (--found.left === 0) scripts = scripts.filter((one) => one !== found)
      return found.fault
    }

    const call = <A, R>(
      operation: Operation,
      holdings: ReadonlyArray<{ readonly key: string; readonly token: string | undefined }>,
      execute: Effect.Effect<A, BackendFailure, R>,
      outcomeOf: (answer: A, index: number) => Outcome
    ): Effect.Effect<A, BackendFailure, R> =>
      Effect.suspend(() => {
        const at = monotonicMillis(clock)
        const recorded = holdings.map(({ key, token }): Recorded => ({
          operation,
          key,
          token,
          at,
          outcome: "Unanswered"
        }))
        calls.push(...recorded)
        const fault = nextFault(operation)
        const failure: FailureOf = (kind, retryable) =>
          new BackendFailure({
            backend: store.name,
            operation,
            kind,
            retryable,
            key: holdings[0]?.key,
            description: "as the test has it"
          })
        return Effect.onExit(fault(execute, failure, end.await), (exit) =>
          Effect.sync(() => {
            recorded.forEach((one, index) => {
              if (exit._tag === "Success") one.outcome = outcomeOf(exit.value, index)
              else if (exit.cause.reasons.some(({ _tag }) => _tag !== "Interrupt")) one.outcome = "Failed"
            })
          }))
      })

    const hearing = (notify: (grant: Grant | undefined) => void) => (grant: Grant | undefined): void => {
      if (muted === undefined) notify(grant)
      else muted.push(() => notify(grant))
    }

    const { exchange, extendAll, listen } = store
    const scripted: LockStore = {
      ...store,
      // Its calls suspend when a script says so.
      direct: undefined,
      callbacks: undefined,
      drift: store.direct === undefined ? store.drift : 0,
      tryAcquire: (claim) => call("tryAcquire", [claim], store.tryAcquire(claim), attempted),
      extend: (holding) => call("extend", [holding], store.extend(holding), extended),
      release: (key, token) =>
        call("release", [{ key, token }], store.release(key, token), (was) => was ? "Released" : "NotHeld"),
      inspect: (key) => call("inspect", [{ key, token: undefined }], store.inspect(key), () => "Inspected"),
      listen: listen === undefined ?
        undefined :
        (key, token, notify) =>
          call("listen", [{ key, token }], listen(key, token, hearing(notify)), () => "Listening"),
      extendAll: extendAll === undefined ?
        undefined :
        (holdings) => call("extend", holdings, extendAll(holdings), (answers, index) => extended(answers[index])),
      exchange: exchange === undefined ?
        undefined :
        (token, claim) => call("exchange", [claim], exchange(token, claim), attempted)
    }

    const longestHere = Math.min(
      Duration.toMillis(longest),
      store.maxExpires === undefined ? Infinity : Duration.toMillis(store.maxExpires)
    )

    const tryHold = (key: string, options: { readonly for?: Duration.Input | undefined } | undefined) =>
      Effect.suspend(() => {
        const token = others.get(key) ?? nextToken()
        const expiresMillis = options?.for === undefined
          ? longestHere
          : Duration.toMillis(Duration.fromInputUnsafe(options.for))
        return Effect.map(Effect.orDie(store.tryAcquire({ key, token, expiresMillis, wait: false })), (attempt) => {
          if (attempt._tag === "Held") return false
          others.set(key, token)
          return true
        })
      })

    const drop = Effect.fnUntraced(function*(key: string) {
      others.delete(key)
      const occupant = yield* store.inspect(key)
      if (Option.isSome(occupant)) yield* store.release(key, occupant.value.token)
    }, Effect.orDie)

    const test: TestBackend["Service"] = {
      store: scripted,
      hold: (key, options) =>
        Effect.flatMap(
          tryHold(key, options),
          (holds) =>
            holds ? Effect.void : Effect.die(new Error(`TestBackend.hold: "${key}" is held already, use steal`))
        ),
      free: (key) =>
        Effect.suspend(() => {
          const token = others.get(key)
          others.delete(key)
          return token === undefined ? Effect.succeed(false) : Effect.orDie(store.release(key, token))
        }),
      steal: (key, options) =>
        Effect.suspend(() => {
          // A waiter that heard of the key would be faster than we are.
          const news: Array<() => void> = []
          muted = news
          return Effect.ensuring(
            Effect.andThen(drop(key), tryHold(key, options)),
            Effect.sync(() => {
              muted = undefined
              for (const tell of news) tell()
            })
          )
        }),
      drop,
      fail: (operation, options) => script(operation, options, failing(options ?? {})),
      delay: (operation, by, options) => script(operation, options, answeringLate(Duration.fromInputUnsafe(by))),
      delayRequest: (operation, by, options) => script(operation, options, arrivingLate(Duration.fromInputUnsafe(by))),
      loseReply: (operation, options) => script(operation, options, losingReply),
      loseRequest: (operation, options) => script(operation, options, losingRequest),
      heal: (operation) =>
        Effect.sync(() => {
          scripts = operation === undefined ? [] : scripts.filter((one) => one.operation !== operation)
        }),
      down: Effect.sync(() => {
        isDown = true
      }),
      up: Effect.sync(() => {
        isDown = false
      }),
      calls: Effect.sync(() => calls.map(snapshot))
    }
    return [test, Effect.asVoid(end.open)]
  })

const attempted = (attempt: Attempt): Outcome => attempt._tag

const extended = (answer: boolean): Outcome => answer ? "Extended" : "Lost"

const snapshot = (call: Recorded): Call => ({ ...call })

const passing: Fault = (execute) => execute

const failing = (options: FailOptions): Fault => (execute, failure) => {
  const fail = Effect.suspend(() => Effect.fail(failure(options.kind ?? "Unreachable", options.retryable ?? true)))
  return options.executed === true ? Effect.andThen(Effect.exit(execute), fail) : fail
}

const answeringLate = (by: Duration.Duration): Fault => (execute, _failure, end) =>
  Effect.flatMap(Effect.exit(execute), (exit) => Effect.andThen(Effect.timeoutOption(end, by), exit))

// A request on its way arrives also when nobody waits for its answer any more.
const arrivingLate = (by: Duration.Duration): Fault => (execute, _failure, end) =>
  Effect.flatMap(
    Effect.forkDetach(Effect.andThen(Effect.timeoutOption(end, by), execute), { startImmediately: true }),
    Fiber.join
  )

const losingReply: Fault = (execute, failure, end) =>
  Effect.andThen(Effect.exit(execute), losingRequest(execute, failure, end))

const losingRequest: Fault = (_execute, failure, end) =>
  Effect.andThen(end, Effect.suspend(() => Effect.fail(failure("NoReply", true))))

/**
 * A `LockBackend` over a store in memory, with scripts in front of it, and the
 * {@link TestBackend} that writes them. Every build has its own state.
 *
 * **Example** (A lock that is stolen)
 *
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { Lock } from "effect-lock"
 * import { TestBackend } from "effect-lock/testing"
 * import { TestClock } from "effect/testing"
 *
 * const program = Effect.gen(function*() {
 *   const test = yield* TestBackend.TestBackend
 *   const work = Effect.never.pipe(
 *     Lock.withLock("key", { expires: "3 seconds" }),
 *     Effect.catchReason("LockError", "LockLost", (reason) => Effect.succeed(reason.why))
 *   )
 *   const fiber = yield* Effect.forkChild(work, { startImmediately: true })
 *   yield* test.steal("key")
 *   // Told at the next renewal, after a third of the lease
 *   yield* TestClock.adjust("1 second")
 *   return yield* Fiber.join(fiber)
 * }).pipe(Effect.provide(TestBackend.layer), Effect.provide(TestClock.layer()))
 *
 * await Effect.runPromise(program) // => "Taken"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<LockBackend.LockBackend | TestBackend> = Layer.effectContext(
  Effect.gen(function*() {
    const [test, end] = yield* makeEnding(yield* InMemoryBackend.makeStore)
    const backend = yield* LockBackend.make(test.store)
    // Before the backend closes, or it would wait for calls that a clock in the test's hands never ends.
    yield* Effect.addFinalizer(() => end)
    return Context.make(TestBackend, test).pipe(Context.add(LockBackend.LockBackend, backend))
  })
)
