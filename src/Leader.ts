/**
 * Leader election among processes: campaign for ever, work while leading, stop when leadership is
 * lost, campaign again.
 *
 * - {@link lead} runs an effect whenever this process leads.
 * - {@link layer} builds services that live only while it does.
 * - {@link resign} steps down, from inside the work.
 * - {@link current} and {@link changes} tell any process who leads.
 *
 * **Details**
 *
 * - The leader holds the lock on the key. Two processes lead at the same time only within the
 *   limits of any lease: a process that is paused past the end of its lease does not know it until
 *   it runs again. Pass the lease's fencing token along with writes.
 * - When a leader dies, nobody leads until its lease has ended, at most `expires` later, and a
 *   waiter has noticed. When one stops or resigns in an orderly way, the next leads as soon as it
 *   is notified.
 * - The first to come leads. There is no priority and no preferred process.
 *
 * **Example** (A daemon with one leader)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Leader } from "effect-lock"
 *
 * const sweep = Effect.succeed("swept") // for instance Effect.never, with work forked around it
 *
 * const program = sweep.pipe(
 *   Leader.lead("sweeper", { expires: "5 seconds" }),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => "swept"
 * ```
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type * as Stream from "effect/Stream"
import { invalid, isTimeout, kinds, read, toWholeMillis } from "./internal/options.ts"
import { isFunction } from "./internal/reentry.ts"
import { ask } from "./internal/request.ts"
import { interrupted } from "./internal/work.ts"
import * as Lock from "./Lock.ts"
import type { LockBackend } from "./LockBackend.ts"
import type { LockOptions } from "./LockConfig.ts"
import { type Holder, isLockError, LockError } from "./LockError.ts"

/**
 * The current term, for the work of a leader.
 *
 * **Example** (Handing it to somebody outside)
 *
 * ```ts
 * import { Deferred, Effect } from "effect"
 * import { InMemoryBackend, Leader } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const leading = yield* Deferred.make<Leader.Leadership["Service"]>()
 *   const work = Effect.flatMap(Leader.Leadership, (leadership) => Deferred.succeed(leading, leadership))
 *   yield* Leader.lead(work, "reports")
 *   return (yield* Deferred.await(leading)).lease.key
 * })
 *
 * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => "reports"
 * ```
 *
 * @category services
 * @since 0.2.0
 */
export class Leadership extends Context.Service<Leadership, {
  /** The lease of this term, with its fencing token. */
  readonly lease: Lock.Lease
  /**
   * Steps down: the work is interrupted, its finalizers run, the key is released, and others have
   * `rest` to acquire it before this process campaigns again. It never returns; after the term it
   * changes nothing.
   */
  readonly resign: Effect.Effect<never>
}>()("effect-lock/Leader/Leadership") {}

/**
 * The options of a lock, without a `timeout` since a campaign has no end, and what happens after a
 * term.
 *
 * @category models
 * @since 0.2.0
 */
export interface LeadOptions extends Omit<LockOptions, "timeout"> {
  /**
   * Whether and when to campaign again after the work has failed; the schedule's
   * input is the failure. Meanwhile others may lead. Default: never, the failure is
   * the result. A schedule that ends makes the last failure the result.
   */
  readonly restart?: Schedule.Schedule<unknown, unknown> | undefined
  /**
   * How long a leader that has resigned waits before it campaigns again, so that others can acquire
   * the key. Default 1 second, which is longer than the waiters of any backend sleep.
   */
  readonly rest?: Duration.Input | undefined
}

type Step = (input: unknown) => Pull.Pull<unknown, never, unknown>

interface Terms {
  readonly lock: LockOptions
  readonly restMillis: number
  readonly restart: Schedule.Schedule<unknown, unknown> | undefined
}

const decode = (key: string, options: LeadOptions | undefined): Terms | LockError =>
  read(options, ({ awaitRelease, expires, renew, rest = 1_000, restart, retry }) => {
    const restMillis = toWholeMillis(rest)
    if (!isTimeout(restMillis) || restMillis === Infinity) {
      return invalid("rest", rest, `a finite duration of zero or more, such as "1 second"`)
    }
    if (restart !== undefined && !Schedule.isSchedule(restart)) return invalid("restart", restart, kinds.retry.expected)
    const lock: LockOptions = { expires, retry, renew, awaitRelease, timeout: Infinity }
    const asking = ask(key, lock)
    return asking instanceof LockError ? asking : { lock, restMillis, restart }
  })

/**
 * The lease of the term was lost. A `LockLost` of another lock inside the work is already a failure
 * of the work.
 */
const isLoss = (reason: Cause.Reason<unknown>): boolean =>
  Cause.isFailReason(reason) && isLockError(reason.error) && reason.error.reason._tag === "LockLost"

/**
 * The work, unless it resigns. A failure of its finalizers then is the result. It is a child fiber,
 * and not part of the race, so that it is noticed when it asks for its own key.
 */
const unless = <A, E, R>(
  resigned: Effect.Effect<Option.Option<never>>,
  work: Effect.Effect<A, E, R>
): Effect.Effect<Option.Option<A>, E, R> =>
  Effect.flatMap(
    Effect.forkChild(work, { startImmediately: true }),
    (fiber) =>
      Effect.onExit(Effect.raceFirst(Effect.asSome(Fiber.join(fiber)), resigned), (exit) => {
        const isItsOwn = Exit.isSuccess(exit) ? Option.isSome(exit.value) : !Cause.hasInterruptsOnly(exit.cause)
        if (isItsOwn) return Effect.void
        return Effect.flatten(interrupted(fiber))
      })
  )

/**
 * Runs an effect whenever this process leads. See each overload for the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export const lead: {
  /**
   * Runs an effect, or the effect of a function of the lease, whenever this process leads. See the
   * overload that takes the key first.
   *
   * @category combinators
   * @since 0.2.0
   */
  <A, E, R>(
    work: Lock.Work<A, E, R>,
    key: string,
    options?: LeadOptions
  ): Effect.Effect<A, E | LockError, Exclude<R, Leadership> | LockBackend>
  /**
   * Runs an effect whenever this process leads: campaigns for the key, for ever; while
   * it leads, runs the effect; when leadership is lost, interrupts it, waits for its
   * finalizers, and campaigns again.
   *
   * **Details**
   *
   * The call ends when the effect does, with its result; the effect of a daemon never ends. A
   * failure ends the call, too, unless `restart` says to campaign again; so does a failure of its
   * finalizers, however the term ended. Interrupting the call interrupts the effect and releases
   * the key at once.
   *
   * The effect runs as under `Lock.withLock`, with the {@link Leadership} of the term. An
   * uninterruptible effect goes on after a loss until it ends; only then does a new campaign start.
   *
   * While the backend is unreachable, the campaign goes on.
   *
   * **Errors**
   *
   * - `BackendFailure`: the backend cannot answer, with a failure that does not go away by itself,
   *   or has been closed
   * - `LockTimeout`: only if a `retry` schedule has ended
   * - `LockReentered`: the work around the call holds the key
   * - `InvalidOptions`: an option or the key is invalid
   *
   * **Example** (Again after a failure)
   *
   * ```ts
   * import { Effect, Schedule } from "effect"
   * import { InMemoryBackend, Leader } from "effect-lock"
   *
   * let terms = 0
   * const work = Effect.suspend(() => ++terms < 3 ? Effect.fail("no disk") : Effect.succeed(`in term ${terms}`))
   *
   * const program = work.pipe(
   *   Leader.lead("cleaner", { restart: Schedule.spaced("1 milli") }),
   *   Effect.provide(InMemoryBackend.layer)
   * )
   *
   * await Effect.runPromise(program) // => "in term 3"
   * ```
   *
   * @category combinators
   * @since 0.2.0
   */
  (
    key: string,
    options?: LeadOptions
  ): <A, E, R>(
    work: Lock.Work<A, E, R>
  ) => Effect.Effect<A, E | LockError, Exclude<R, Leadership> | LockBackend>
} = /* #__PURE__ */ dual(
  (args) => typeof args[0] === "function" || Effect.isEffect(args[0]),
  <A, E, R>(
    work: Lock.Work<A, E, R>,
    key: string,
    options?: LeadOptions
  ): Effect.Effect<A, E | LockError, Exclude<R, Leadership> | LockBackend> => {
    const terms = decode(key, options)
    return terms instanceof LockError ? Exit.fail(terms) : campaign(work, key, terms)
  }
)

const campaign = Effect.fnUntraced(function*<A, E, R>(
  work: Lock.Work<A, E, R>,
  key: string,
  { lock, restMillis, restart }: Terms
): Effect.fn.Return<A, E | LockError, Exclude<R, Leadership> | LockBackend> {
  let step: Step | undefined
  while (true) {
    const term = (lease: Lock.Lease): Effect.Effect<Exit.Exit<Option.Option<A>, E>, never, Exclude<R, Leadership>> =>
      Effect.suspend(() => {
        const resigned = Deferred.makeUnsafe<Option.Option<never>>()
        const resign = Effect.suspend(() => {
          Deferred.doneUnsafe(resigned, Exit.succeed(Option.none()))
          // Also where its caller may not be interrupted: it would wait for an end that waits for it.
          return Effect.interruptible(Effect.never)
        })
        const effect = isFunction(work) ? work(lease) : work
        return Effect.exit(unless(
          Deferred.await(resigned),
          Effect.provideService(effect, Leadership, { lease, resign })
        ))
      })
    const ended = yield* Effect.exit(Lock.withLock(term, key, lock))
    let exit: Exit.Exit<Option.Option<A>, E | LockError>
    if (Exit.isSuccess(ended)) exit = ended.value
    else {
      const { reasons } = ended.cause
      const rest = reasons.filter((reason) => !isLoss(reason))
      if (rest.length === reasons.length) return yield* Effect.failCause(ended.cause)
      if (rest.length === 0) continue
      exit = Exit.failCause(Cause.fromReasons(rest))
    }
    if (Exit.isSuccess(exit)) {
      if (Option.isSome(exit.value)) return exit.value.value
      yield* Effect.sleep(Duration.millis(restMillis))
      continue
    }
    const failure = Cause.findErrorOption(exit.cause)
    if (restart === undefined || Option.isNone(failure)) return yield* Effect.failCause(exit.cause)
    step ??= (yield* Schedule.toStepWithSleep(restart)) as Step
    const again = yield* Pull.catchDone(Effect.as(step(failure.value), true), () => Effect.succeed(false))
    if (!again) return yield* Effect.failCause(exit.cause)
  }
})

/**
 * Steps down. It is called by the work of a leader, and interrupts it. See {@link Leadership}.
 *
 * **Example** (Two terms)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Leader } from "effect-lock"
 *
 * let terms = 0
 * const work = Effect.suspend(() => ++terms === 1 ? Leader.resign : Effect.succeed(`in term ${terms}`))
 *
 * const program = Leader.lead(work, "cleaner", { rest: "1 milli" })
 *
 * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => "in term 2"
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export const resign: Effect.Effect<never, never, Leadership> = /* #__PURE__ */ Effect.flatMap(
  Leadership,
  (leadership) => leadership.resign
)

/** A layer has no caller that it could fail, so it goes on. */
const patiently = Schedule.min([Schedule.exponential("1 second", 2), Schedule.spaced("30 seconds")])

/** A failure so long after the last one is another problem, and starts the schedule anew. */
const apartMillis = 5 * 60_000

/**
 * Services that live only while this process leads. See each overload for the
 * details.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer: {
  /**
   * Services that live only while this process leads. See the overload that takes the key first.
   *
   * @category layers
   * @since 0.2.0
   */
  <A, E, R>(
    services: Layer.Layer<A, E, R>,
    key: string,
    options?: LeadOptions
  ): Layer.Layer<never, LockError, Exclude<R, Leadership> | LockBackend>
  /**
   * Services that live only while this process leads: they are built when a term begins, and closed
   * when it ends.
   *
   * **Details**
   *
   * The campaign runs in the background for as long as the layer lives, which is built at once and
   * provides nothing. Anything that ends a term early, such as a failure while building or a
   * defect, is logged, and a new campaign starts after the delay of `restart` (default: 1 second,
   * growing to 30 seconds, and from the start again after five minutes without a failure). When the
   * schedule ends there is no new campaign, and the log says so. A program that only leads can use
   * `Layer.launch(services).pipe(Leader.lead(key))`, which fails when the services do.
   *
   * **Errors**
   *
   * - `InvalidOptions`: an option or the key is invalid
   *
   * **Example** (A background job of the leader)
   *
   * ```ts
   * import { Deferred, Effect, Layer } from "effect"
   * import { InMemoryBackend, Leader } from "effect-lock"
   *
   * const program = Effect.gen(function*() {
   *   const started = yield* Deferred.make<string>()
   *   const job = Layer.effectDiscard(Effect.forkScoped(Deferred.succeed(started, "the leader's job runs")))
   *   const app = job.pipe(Leader.layer("jobs"), Layer.provide(InMemoryBackend.layer))
   *   return yield* Effect.provide(Deferred.await(started), app)
   * })
   *
   * await Effect.runPromise(program) // => "the leader's job runs"
   * ```
   *
   * @category layers
   * @since 0.2.0
   */
  (
    key: string,
    options?: LeadOptions
  ): <A, E, R>(services: Layer.Layer<A, E, R>) => Layer.Layer<never, LockError, Exclude<R, Leadership> | LockBackend>
} = /* #__PURE__ */ dual(
  (args) => Layer.isLayer(args[0]),
  <A, E, R>(
    services: Layer.Layer<A, E, R>,
    key: string,
    options?: LeadOptions
  ): Layer.Layer<never, LockError, Exclude<R, Leadership> | LockBackend> => {
    const terms = decode(key, options)
    if (terms instanceof LockError) return Layer.effectDiscard(Exit.fail(terms))
    const { restart = patiently } = terms
    const leading = Effect.gen(function*() {
      let step = yield* Schedule.toStep(restart)
      let last = 0
      while (true) {
        const exit = yield* Effect.exit(
          campaign<never, E, R>(Layer.launch(services), key, { ...terms, restart: undefined })
        )
        // An interrupted fiber does not get here, and services that are launched never succeed.
        if (Exit.isSuccess(exit)) return
        const now = yield* Clock.currentTimeMillis
        if (restart === patiently && now - last > apartMillis) step = yield* Schedule.toStep(restart)
        last = now
        const pause = yield* Pull.catchDone(
          Effect.map(step(now, Cause.squash(exit.cause)), ([, pause]) => pause),
          () => Effect.undefined
        )
        const next = pause === undefined ? "no new campaign, as `restart` has ended" : "a new campaign"
        yield* Effect.logError(`What runs while leading "${key}" has ended, and there will be ${next}`, exit.cause)
        if (pause === undefined) return
        yield* Effect.sleep(pause)
      }
    })
    return Layer.effectDiscard(Effect.forkScoped(leading))
  }
)

/**
 * Who leads, that is, who holds the lock on the key; `Option.none` if nobody does. Any process can
 * ask.
 *
 * Fails with `BackendFailure` if the backend cannot say, and with `InvalidOptions` if the key is
 * invalid.
 *
 * **Example** (Asking)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Leader } from "effect-lock"
 *
 * const program = Leader.current("jobs").pipe(
 *   Effect.map(Option.isSome),
 *   Leader.lead("jobs"),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => true
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export const current = (key: string): Effect.Effect<Option.Option<Holder>, LockError, LockBackend> => Lock.inspect(key)

/**
 * Who leads: first the current leader, then each later one that is seen, and `Option.none` while
 * nobody leads. It takes no part in the election. See `Lock.changes`.
 *
 * **Example** (The first term of somebody)
 *
 * ```ts
 * import { Effect, Fiber, Option, Stream } from "effect"
 * import { InMemoryBackend, Leader } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const watch = yield* Leader.changes("jobs").pipe(
 *     Stream.map(Option.isSome),
 *     Stream.take(2),
 *     Stream.runCollect,
 *     Effect.forkChild({ startImmediately: true })
 *   )
 *   yield* Leader.lead(Effect.sleep("2 millis"), "jobs")
 *   return yield* Fiber.join(watch)
 * })
 *
 * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => [false, true]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export const changes = (
  key: string,
  options?: Lock.WatchOptions
): Stream.Stream<Option.Option<Holder>, LockError, LockBackend> => Lock.changes(key, options)
