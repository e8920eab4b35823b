/**
 * One at a time, across fibers, processes and hosts.
 *
 * - {@link withLock} runs an effect while holding a lock.
 * - {@link once} runs an effect only if nobody else is running it.
 * - {@link acquire} and {@link tryAcquire} give a lease for the life of a scope.
 * - {@link inspect} and {@link forceRelease} are for operators.
 *
 * Which locks these are is decided by the layer that provides `LockBackend`; how
 * long they last and how long to wait, by the options of the call over the
 * defaults of `LockConfig`.
 *
 * **Details**
 *
 * - A lock is a *lease*: it ends by itself when its holder has crashed. Renewal
 *   is on by default, so `expires` says how long a crash blocks others, not how
 *   long the work may take.
 * - Fibers that wait in one process are served in order, and are one contender
 *   towards the others.
 * - A lock is not reentrant: asking again for a key that the same fiber holds
 *   waits for the timeout.
 * - Every call can fail with a `LockError`; see there for the four reasons.
 * - With a tracer in place, waiting and holding are spans, `Lock.wait` and
 *   `Lock.hold`. The metrics `lock_wait`, `lock_hold`, `lock_attempts_total`,
 *   `lock_timeouts_total`, `lock_held`, `lock_lost_total` and
 *   `lock_release_failures_total` have the backend's name as their only attribute.
 *
 * **Example** (A critical section)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const charge = (order: number) =>
 *   Effect.succeed(`charged ${order}`).pipe(
 *     Lock.withLock(`order-${order}`, { expires: "30 seconds", timeout: "5 seconds" })
 *   )
 *
 * await Effect.runPromise(Effect.provide(charge(7), InMemoryBackend.layer)) // => "charged 7"
 * ```
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { constVoid, dual, identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { toHolder } from "./internal/holder.ts"
import { request as makeRequest } from "./internal/request.ts"
import type { Lease } from "./Lease.ts"
import { type Busy, LockBackend, type Restore, type Taken } from "./LockBackend.ts"
import { LockConfig, type LockOptions, type LockRequest } from "./LockConfig.ts"
import { type Holder, LockError, LockTimeout } from "./LockError.ts"

export type {
  /**
   * See `Lease`.
   *
   * @since 0.1.0
   */
  Lease
} from "./Lease.ts"

/**
 * The work to run under a lock: an effect, or a function that wants the lease,
 * for its fencing token or to extend it.
 *
 * @category models
 * @since 0.1.0
 */
export type Work<A, E, R> = Effect.Effect<A, E, R> | ((lease: Lease) => Effect.Effect<A, E, R>)

type Backend = LockBackend["Service"]

/** The services of a fiber are those of its effect. */
const contextOf = <R>(fiber: Fiber.Fiber<unknown, unknown>) => fiber.context as Context.Context<R>

const isWork = (u: unknown): boolean => typeof u === "function" || Effect.isEffect(u)

const span = <A, E, R>(
  fiber: Fiber.Fiber<unknown, unknown>,
  name: string,
  backend: Backend,
  request: LockRequest,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => isTraced(fiber) ? Effect.withSpan(effect, name, attributes(backend, request)) : effect

const attributes = (backend: Backend, { key }: LockRequest) => ({
  attributes: { "lock.backend": backend.name, "lock.key": key }
})

/** Without a tracer and without a parent nobody could see a span. */
const isTraced = ({ cache }: Fiber.Fiber<unknown, unknown>): boolean =>
  cache.tracerEnabled && (cache.tracer !== undefined || cache.span !== undefined)

const timedOut = (backend: Backend, request: LockRequest, busy: Busy): Effect.Effect<never, LockError> => {
  const fail = (holder: Holder | undefined) =>
    Effect.fail(
      new LockError({
        reason: new LockTimeout({
          key: request.key,
          timeout: Duration.millis(request.timeoutMillis),
          waited: Duration.millis(busy.waitedMillis),
          holder
        })
      })
    )
  // Not every store says who holds the key when it refuses it, and the time is up.
  return busy.occupant !== undefined ? fail(toHolder(busy.occupant)) : Effect.flatMap(
    Effect.orElseSucceed(Effect.timeout(backend.inspect(request.key), "250 millis"), Option.none<Holder>),
    (holder) => fail(Option.getOrUndefined(holder))
  )
}

/**
 * Runs work on a fiber of its own, because only so can losing the lease be an
 * error instead of an interruption. Acts at once: work that needs no waiting is
 * done when this returns, and its result is an `Exit`.
 */
const guard = <A, E, R>(
  taken: Taken,
  work: Effect.Effect<A, E, R>,
  context: Context.Context<R>,
  restore: Restore
): Effect.Effect<A, E | LockError> => {
  // A caller that may not be interrupted restores nothing, and passes that on.
  const fiber = Effect.runForkWith(context)(work, restore === identity ? { uninterruptible: true } : undefined)
  const exit = fiber.pollUnsafe()
  if (exit !== undefined) return finish(taken, taken.settle(exit))
  const settled = Effect.callback<A, E | LockError>((resume) => {
    const unwatch = taken.watch(() => fiber.interruptUnsafe())
    fiber.addObserver((exit) => {
      unwatch()
      resume(taken.settle(exit))
    })
  })
  return Effect.onExitPrimitive(
    restore(settled),
    () =>
      fiber.pollUnsafe() === undefined
        ? Effect.flatMap(Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber)), (exit) =>
          finish(taken, defects(exit)))
        : taken.giveBack(),
    true
  )
}

const finish = <A, E>(taken: Taken, exit: Exit.Exit<A, E>): Effect.Effect<A, E> => {
  const rest = taken.giveBack()
  return rest === undefined ? exit : Effect.andThen(rest, exit)
}

/** What finalizers of interrupted work died of, so that it is not lost. */
const defects = (exit: Exit.Exit<unknown, unknown>): Exit.Exit<void> => {
  const reasons = exit._tag === "Failure" ? exit.cause.reasons.filter(Cause.isDieReason) : []
  return reasons.length === 0 ? Exit.void : Exit.failCause(Cause.fromReasons(reasons))
}

type Complete = (config: LockConfig) => LockRequest | LockError

/**
 * Calls `f` in an uninterruptible region with the backend and the completed
 * request, which are looked up anew only when the services are others than last time.
 */
const withRequest = <A, E, R>(
  complete: Complete,
  f: (
    backend: Backend,
    request: LockRequest,
    restore: Restore,
    fiber: Fiber.Fiber<unknown, unknown>
  ) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | LockError, R | LockBackend> => {
  let last: Context.Context<LockBackend> | undefined
  let backend: Backend
  let request: LockRequest | LockError
  return Effect.uninterruptibleMask<A, E | LockError, R>((restore) => {
    const fiber = Fiber.getCurrent()!
    const context = contextOf<LockBackend>(fiber)
    if (context !== last) {
      request = complete(Context.get(context, LockConfig))
      backend = Context.get(context, LockBackend)
      last = context
    }
    return request instanceof LockError ? Exit.fail(request) : f(backend, request, restore, fiber)
  })
}

/** Takes, guards, gives back: the life of a lock. */
const bracket = <A, E, R, B, E2>(
  work: Work<A, E, R>,
  complete: Complete,
  onDone: (work: Effect.Effect<A, E, R>) => Effect.Effect<B, E, R>,
  onBusy: (backend: Backend, request: LockRequest, busy: Busy) => Effect.Effect<B, E2>
): Effect.Effect<B, E | E2 | LockError, R | LockBackend> => {
  const use = (
    backend: Backend,
    request: LockRequest,
    restore: Restore,
    fiber: Fiber.Fiber<unknown, unknown>,
    taken: Taken | Busy
  ): Effect.Effect<B, E | E2 | LockError> => {
    if (taken._tag === "Busy") return onBusy(backend, request, taken)
    const effect = onDone(typeof work === "function" ? Effect.suspend(() => work(taken)) : work)
    return guard(taken, span(fiber, "Lock.hold", backend, request, effect), contextOf<R>(fiber), restore)
  }
  return withRequest<B, E | E2 | LockError, R>(complete, (backend, request, restore, fiber) => {
    const taking = span(fiber, "Lock.wait", backend, request, backend.take(request, restore))
    return isSuccess(taking)
      ? use(backend, request, restore, fiber, taking.value)
      : Effect.flatMap(taking, (taken) => use(backend, request, restore, fiber, taken))
  })
}

/** Of all effects only an exit has this tag, and this is several times faster than looking for its type id. */
const isSuccess = <A, E>(effect: Effect.Effect<A, E>): effect is Exit.Success<A, E> =>
  (effect as Partial<Exit.Exit<A, E>>)._tag === "Success"

/**
 * Runs an effect while holding the lock on a key.
 *
 * **Details**
 *
 * Waits for the lock as long as `timeout` says (default 60 seconds), holds it
 * for as long as the effect runs, and gives it back whatever the outcome. The
 * effect's own success, failure, defect or interruption comes out unchanged. A
 * release that fails because the backend is down is logged, counted and tried
 * again; it never replaces a result.
 *
 * The effect runs on a fiber of its own with the caller's services. If the lease
 * is lost, that fiber is interrupted and its finalizers run before the error
 * comes out. Fibers that it forks as children end with it.
 *
 * **Errors**
 *
 * - `LockTimeout`: somebody else had the lock until the timeout
 * - `LockLost`: the lease ended before the effect did
 * - `BackendFailure`: the backend could not answer within the timeout
 * - `InvalidOptions`: an option, or the key, makes no sense
 *
 * **Gotchas**
 *
 * An effect that cannot be interrupted delays `LockLost` until it has finished.
 *
 * **Example** (With the fencing token)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const write = Lock.withLock("table-1")((lease) => Effect.succeed({ row: 1, fence: lease.fencingToken }))
 *
 * await Effect.runPromise(Effect.provide(write, InMemoryBackend.layer)) // => { row: 1, fence: 1 }
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const withLock: {
  (
    key: string,
    options?: LockOptions
  ): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>
  <A, E, R>(
    work: Work<A, E, R>,
    key: string,
    options?: LockOptions
  ): Effect.Effect<A, E | LockError, R | LockBackend>
} = /* #__PURE__ */ dual(
  (args) => isWork(args[0]),
  <A, E, R>(work: Work<A, E, R>, key: string, options?: LockOptions) =>
    bracket(work, makeRequest(key, options), identity<Effect.Effect<A, E, R>>, timedOut)
)

/**
 * The options of {@link once}: those of a lock, except that `timeout` is zero
 * unless given, and whether a taken lock is a failure.
 *
 * @category models
 * @since 0.1.0
 */
export interface OnceOptions extends LockOptions {
  /** Fail with `LockTimeout` when the lock is taken, instead of giving `Option.none`. */
  readonly failIfLocked?: boolean | undefined
}

type Quiet = OnceOptions & { readonly failIfLocked?: false | undefined }
type Loud = OnceOptions & { readonly failIfLocked: true }

/**
 * Runs an effect only if nobody else is running it under the same key:
 * `Option.some` of its result, or `Option.none` when the lock is taken.
 *
 * **Details**
 *
 * With `failIfLocked: true` the result is not wrapped, and a taken lock fails
 * with `LockTimeout`. A `LockError` from inside the effect, be it for the same
 * key, always comes out as it is.
 *
 * The key is free again when the effect has finished; what is to happen once per
 * day needs the day in its key and a record that it was done.
 *
 * **Errors**
 *
 * - `LockTimeout`: only with `failIfLocked`
 * - `LockLost`, `BackendFailure`, `InvalidOptions`: as for {@link withLock}
 *
 * **Example** (A job that must not overlap itself)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const job = Effect.delay(Effect.succeed("report"), "10 millis").pipe(Lock.once("nightly-report"))
 *
 * const program = Effect.all([job, job], { concurrency: "unbounded" }).pipe(Effect.provide(InMemoryBackend.layer))
 *
 * await Effect.runPromise(program) // => [Option.some("report"), Option.none()]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const once: {
  (key: string, options: Loud): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>
  (
    key: string,
    options?: Quiet
  ): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<Option.Option<A>, E | LockError, R | LockBackend>
  <A, E, R>(work: Work<A, E, R>, key: string, options: Loud): Effect.Effect<A, E | LockError, R | LockBackend>
  <A, E, R>(
    work: Work<A, E, R>,
    key: string,
    options?: Quiet
  ): Effect.Effect<Option.Option<A>, E | LockError, R | LockBackend>
} = /* #__PURE__ */ dual(
  (args) => isWork(args[0]),
  <A, E, R>(work: Work<A, E, R>, key: string, options?: OnceOptions) => {
    const complete = makeRequest(key, { ...options, timeout: options?.timeout ?? 0 })
    return options?.failIfLocked === true
      ? bracket(work, complete, identity, timedOut)
      : bracket<A, E, R, Option.Option<A>, never>(work, complete, Effect.asSome, () => Effect.succeedNone)
  }
) as never

/** Takes, and gives back when the scope ends. */
const scoped = <A, E>(
  complete: Complete,
  onTaken: (lease: Lease) => A,
  onBusy: (backend: Backend, request: LockRequest, busy: Busy) => Effect.Effect<A, E>
): Effect.Effect<A, E | LockError, LockBackend | Scope.Scope> =>
  withRequest(complete, (backend, request, restore, fiber) =>
    Effect.flatMap(
      span(fiber, "Lock.wait", backend, request, backend.take(request, restore)),
      (taken): Effect.Effect<A, E, Scope.Scope> => {
        if (taken._tag === "Busy") return restore(onBusy(backend, request, taken))
        taken.watch(constVoid)
        return Effect.as(
          Effect.andThen(
            isTraced(fiber) ? Effect.makeSpanScoped("Lock.hold", attributes(backend, request)) : Effect.void,
            Effect.flatMap(Effect.scope, (scope) => Scope.addFinalizer(scope, taken.release))
          ),
          onTaken(taken)
        )
      }
    ))

/**
 * Takes the lock for the life of the scope.
 *
 * **Details**
 *
 * The lease renews itself (unless `renew` is off) until the scope ends, which
 * releases it. Nobody interrupts the caller when the lease is lost: race the
 * work with `lease.lost`, or use {@link withLock}, which does.
 *
 * **Errors**
 *
 * - `LockTimeout`: somebody else had the lock until the timeout
 * - `BackendFailure`: the backend could not answer within the timeout
 * - `InvalidOptions`: an option, or the key, makes no sense
 *
 * **Example** (A lease in a scope)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const lease = yield* Lock.acquire("leader", { expires: "5 seconds" })
 *   return yield* Effect.raceFirst(Effect.succeed(`leading as ${lease.fencingToken}`), lease.lost)
 * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layer))
 *
 * await Effect.runPromise(program) // => "leading as 1"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const acquire = (
  key: string,
  options?: LockOptions
): Effect.Effect<Lease, LockError, LockBackend | Scope.Scope> =>
  scoped(makeRequest(key, options), identity<Lease>, timedOut)

/**
 * Takes the lock for the life of the scope if it is free now: one attempt, and
 * `Option.none` when somebody else has it or is waiting for it in this process.
 *
 * Fails with `BackendFailure` when the backend cannot say, and with
 * `InvalidOptions` when an option, or the key, makes no sense.
 *
 * **Example** (Leading if nobody else does)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const first = yield* Lock.tryAcquire("leader")
 *   const second = yield* Lock.tryAcquire("leader")
 *   return [Option.isSome(first), Option.isSome(second)]
 * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layer))
 *
 * await Effect.runPromise(program) // => [true, false]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const tryAcquire = (
  key: string,
  options?: Omit<LockOptions, "timeout" | "retry">
): Effect.Effect<Option.Option<Lease>, LockError, LockBackend | Scope.Scope> =>
  scoped<Option.Option<Lease>, never>(
    makeRequest(key, { ...options, timeout: 0 }),
    Option.some,
    () => Effect.succeedNone
  )

/**
 * Who holds the lock on a key, since when, for how long if nobody renews it, and
 * how many wait, as far as the backend can tell. `Option.none` when it is free.
 *
 * Fails with `BackendFailure` when the backend cannot say.
 *
 * **Example** (Looking at a lock)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Lock.inspect("key").pipe(
 *   Effect.map((holder) => Option.isSome(holder)),
 *   Lock.withLock("key"),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => true
 * ```
 *
 * @category utilities
 * @since 0.1.0
 */
export const inspect = (key: string): Effect.Effect<Option.Option<Holder>, LockError, LockBackend> =>
  withRequest(
    makeRequest(key),
    (backend, request, restore) => restore(backend.inspect(request.key))
  )

/**
 * Frees a key whoever holds it, and says whether somebody did. The holder is
 * told that its lock is lost: at once in this process, at its next renewal in
 * another. For operators who know that the holder is gone or stuck.
 *
 * Only the holder seen is removed, never one that came after it. Fails with
 * `BackendFailure` when the backend cannot be reached.
 *
 * **Example** (Taking a lock away)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.never.pipe(
 *   Lock.withLock("stuck"),
 *   Effect.catchReason("LockError", "LockLost", (reason) => Effect.succeed(reason.why)),
 *   Effect.zip(Effect.delay(Lock.forceRelease("stuck"), "5 millis"), { concurrent: true }),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => ["Taken", true]
 * ```
 *
 * @category utilities
 * @since 0.1.0
 */
export const forceRelease = (key: string): Effect.Effect<boolean, LockError, LockBackend> =>
  withRequest(
    makeRequest(key),
    (backend, request, restore) => restore(backend.forceRelease(request.key))
  )
