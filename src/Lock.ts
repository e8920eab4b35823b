/**
 * One at a time, across fibers, processes and hosts.
 *
 * - {@link withLock} runs an effect while holding a lock.
 * - {@link once} runs an effect only if nobody else is running it.
 * - {@link acquire} and {@link tryAcquire} give a lease for the life of a scope.
 * - {@link withSharedLock} and {@link withPermits} share a key: read/write locks and semaphores.
 * - {@link withLocks} takes several keys, and {@link guard} works under a lease that one has.
 * - {@link detach} and {@link adopt} hand a lock over from one holder to another.
 * - {@link changes} and {@link awaitFree} watch a key without taking it.
 * - {@link inspect}, {@link holders}, {@link list}, {@link events} and {@link forceRelease} are for operators.
 *
 * The layer that provides `LockBackend` decides where the locks live. The options of a call, on top
 * of the defaults of `LockConfig`, decide how long a lease lasts and how long to wait for it.
 *
 * **Details**
 *
 * - A lock is a *lease*: it expires if its holder crashes. Renewal is on by default, so `expires`
 *   limits how long a crash blocks others, not how long the work may take.
 * - Fibers that wait in one process are served in order, and compete with other processes as one
 *   waiter.
 * - A lock is not reentrant: a call that would wait for a key that the work around it already holds
 *   fails at once with `LockReentered`. With the option `reenter` it runs under the lease that is
 *   already held.
 * - Every call can fail with a `LockError`, which lists the reasons. Its stack names the
 *   `Effect.fn` and `Effect.withSpan` in which the call was made.
 * - With a tracer there are two spans: `Lock.wait` starts before the first attempt and fails on a
 *   timeout; `Lock.hold` ends when the lease is released, and fails when it is lost. Their
 *   attributes are `lock.key`, `lock.backend` and `lock.owner`.
 * - The metrics `lock_wait_duration_seconds`, `lock_hold_duration_seconds`, `lock_held`,
 *   `lock_waiters`, `lock_backend_connected`, `lock_attempts_total`, `lock_timeouts_total`,
 *   `lock_lost_total`, `lock_hand_overs_total`, `lock_release_failures_total`,
 *   `lock_renewals_total` (by `outcome`: `renewed`, `lost`, `failed`) and
 *   `lock_backend_failures_total` (by `kind`, as in `BackendFailure`) have the name of the
 *   `backend` as an attribute, but never a key.
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
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { isGuard } from "./internal/guard.ts"
import { decodeExtension, invalid, kinds, read } from "./internal/options.ts"
import { isFunction } from "./internal/reentry.ts"
import { ask, type Asking } from "./internal/request.ts"
import * as Section from "./internal/section.ts"
import { servicesOf } from "./internal/services.ts"
import * as Several from "./internal/several.ts"
import * as Watching from "./internal/watching.ts"
import { under } from "./internal/work.ts"
import type { Lease } from "./Lease.ts"
import type { LockBackend, Refusal } from "./LockBackend.ts"
import type { LockOptions, LockRequest, SectionOptions, ShareOptions } from "./LockConfig.ts"
import { type Holder, LockError } from "./LockError.ts"
import type { LockEvent } from "./LockEvent.ts"

export type {
  /**
   * See `Lease`.
   *
   * @since 0.1.0
   */
  Lease
} from "./Lease.ts"

/**
 * The work to run under a lock: an effect, or a function of the lease, which can read its fencing
 * token or extend it.
 *
 * @category models
 * @since 0.1.0
 */
export type Work<A, E, R> = Effect.Effect<A, E, R> | ((lease: Lease) => Effect.Effect<A, E, R>)

const isWork = (u: unknown): boolean => typeof u === "function" || Effect.isEffect(u)

type Combinator = ReturnType<typeof dual>

/**
 * Takes the work as the first argument, or later in a pipeline. Like `dual`, which would cost a
 * tenth of a call in memory.
 */
const workFirst = <First extends Combinator>(call: First): Combinator & First => {
  const either: Combinator = (first, second, third) =>
    isWork(first) ? call(first, second, third) : (work: unknown) => call(work, first, second)
  return either as Combinator & First
}

/** Calls `f` with the backend, and with the request on top of the defaults in force. */
const withRequest = <A, E, R>(
  asking: Asking | LockError,
  f: (backend: LockBackend["Service"], request: LockRequest) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | LockError, R | LockBackend> =>
  asking instanceof LockError ? Exit.fail(asking) : Effect.withFiber<A, E, R | LockBackend>((fiber) => {
    const { backend, defaults } = servicesOf(fiber)
    return f(backend, asking.over(defaults))
  })

/** Runs work under the lock; in place, on a backend that nobody has decorated. */
const use = <A, E, R, E2, R2>(
  asking: Asking | LockError,
  work: Work<A, E, R>,
  refused: (refusal: Refusal) => Effect.Effect<A, E2, R2>
): Effect.Effect<A, E | E2 | LockError, R | R2 | LockBackend> => {
  if (asking instanceof LockError) return Exit.fail(asking)
  return Effect.uninterruptibleMask<A, E | E2 | LockError, R | R2>((restore) => {
    const caller = Fiber.getCurrent()!
    const { backend, defaults, taker } = servicesOf(caller)
    const request = asking.over(defaults)
    if (taker === undefined) return restore(backend.use<A, E | E2, R | R2>(request, work, refused))
    return Section.use<A, E | E2, R | R2>(taker, request, work, refused, caller, restore)
  })
}

/** An error never shows a lease: it has a token in it. */
const aLease = "a lease, as Lock.acquire gives it"

/** The failure of a call that wanted the lock. */
const fail = (refusal: Refusal): Effect.Effect<never, LockError> => refusal.fail

const none = (): Effect.Effect<Option.Option<never>> => Effect.succeedNone

/**
 * Runs an effect while holding the lock on a key.
 *
 * Waits for the lock for up to `timeout` (default 60 seconds), holds it while the effect runs, and
 * releases it whatever the outcome. See each overload for the details.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withLock: {
  /**
   * Runs an effect, or what a function makes of the lease, while holding the lock
   * on a key.
   *
   * **Details**
   *
   * Waits for the lock for up to `timeout` (default 60 seconds), holds it while the effect runs,
   * and releases it whatever the outcome. The effect's own success, failure, defect or interruption
   * is passed on unchanged. A release that fails because the backend is down is logged, counted and
   * retried; it never replaces the result.
   *
   * The effect runs on a fiber of its own with the caller's services. If the lease is lost, that
   * fiber is interrupted, and its finalizers run before the call fails. Child fibers that it forks
   * end with it.
   *
   * **Errors**
   *
   * - `LockTimeout`: somebody else had the lock until the timeout
   * - `LockLost`: the lease ended before the effect did
   * - `LockReentered`: the work around the call already holds the key, so waiting would never end
   * - `BackendFailure`: the backend could not answer within the timeout
   * - `InvalidOptions`: an option or the key is invalid
   *
   * **Gotchas**
   *
   * An effect that cannot be interrupted delays `LockLost` until it has finished. Nothing limits
   * how long the work may hold the lock. Put `Effect.timeout("1 minute")` inside of this to limit
   * it: the lock is released once the work has stopped.
   *
   * **Example** (With the fencing token)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { InMemoryBackend, Lock } from "effect-lock"
   *
   * const write = Lock.withLock((lease) => Effect.succeed({ row: 1, fence: lease.fencingToken }), "table-1")
   *
   * const program = Effect.provide(Effect.map(write, ({ fence }) => fence > 0), InMemoryBackend.layer)
   *
   * await Effect.runPromise(program) // => true
   * ```
   *
   * @category combinators
   * @since 0.1.0
   */
  <A, E, R>(
    work: Work<A, E, R>,
    key: string,
    options?: SectionOptions
  ): Effect.Effect<A, E | LockError, R | LockBackend>
  /**
   * Runs an effect while holding the lock on a key.
   *
   * **Details**
   *
   * Waits for the lock for up to `timeout` (default 60 seconds), holds it while the effect runs,
   * and releases it whatever the outcome. The effect's own success, failure, defect or interruption
   * is passed on unchanged. A release that fails because the backend is down is logged, counted and
   * retried; it never replaces the result.
   *
   * The effect runs on a fiber of its own with the caller's services. If the lease is lost, that
   * fiber is interrupted, and its finalizers run before the call fails. Child fibers that it forks
   * end with it.
   *
   * **Errors**
   *
   * - `LockTimeout`: somebody else had the lock until the timeout
   * - `LockLost`: the lease ended before the effect did
   * - `LockReentered`: the work around the call already holds the key, so waiting would never end
   * - `BackendFailure`: the backend could not answer within the timeout
   * - `InvalidOptions`: an option or the key is invalid
   *
   * **Gotchas**
   *
   * An effect that cannot be interrupted delays `LockLost` until it has finished. Nothing limits
   * how long the work may hold the lock. Put `Effect.timeout("1 minute")` inside of this to limit
   * it: the lock is released once the work has stopped.
   *
   * **Example** (In a pipeline)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { InMemoryBackend, Lock } from "effect-lock"
   *
   * const charge = Effect.succeed("charged").pipe(Lock.withLock("order-7", { timeout: "5 seconds" }))
   *
   * await Effect.runPromise(Effect.provide(charge, InMemoryBackend.layer)) // => "charged"
   * ```
   *
   * @category combinators
   * @since 0.1.0
   */
  (
    key: string,
    options?: SectionOptions
  ): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>
} = /* #__PURE__ */ workFirst(
  <A, E, R>(work: Work<A, E, R>, key: string, options?: SectionOptions) => use(ask(key, options), work, fail)
)

/**
 * The options of {@link once}: those of a lock, except that `timeout` defaults to zero, and whether
 * a lock that is taken is a failure.
 *
 * @category models
 * @since 0.1.0
 */
export interface OnceOptions extends SectionOptions, ShareOptions {
  /**
   * What to do when the lock is taken. Default false: the result is `Option.none`,
   * and otherwise `Option.some` of the effect's own. With `true` the result is not
   * wrapped, and a taken lock fails with `LockTimeout`.
   */
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
 * With `failIfLocked: true` the result is not wrapped, and a taken lock fails with `LockTimeout`. A
 * `LockError` from inside the effect, even one about the same key, is always passed on as it is.
 *
 * The key is free again when the effect has finished, but no sooner than after `atLeast`: make that
 * longer than the clocks of the hosts that start the job at the same time may differ. A job that
 * must run once per day needs the day in its key, and a record that it has been done.
 *
 * **Errors**
 *
 * - `LockTimeout`: only with `failIfLocked`
 * - `LockReentered`: only with a `timeout`, if the work around the call holds the key
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
 * **Example** (A job that others fire a little later)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const job = Effect.succeed("report").pipe(Lock.once("nightly-report", { atLeast: "1 minute" }))
 *
 * const program = Effect.all([job, Effect.delay(job, "10 millis")]).pipe(Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(program) // => [Option.some("report"), Option.none()]
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const once: {
  /**
   * Runs an effect, or what a function makes of the lease, only if nobody else is
   * running it under the same key, and fails with `LockTimeout` when the lock is
   * taken: its result is not wrapped.
   *
   * @category combinators
   * @since 0.1.0
   */
  <A, E, R>(work: Work<A, E, R>, key: string, options: Loud): Effect.Effect<A, E | LockError, R | LockBackend>
  /**
   * Runs an effect, or what a function makes of the lease, only if nobody else is
   * running it under the same key: `Option.some` of its result, or `Option.none`
   * when the lock is taken.
   *
   * Fails with `LockLost`, `BackendFailure` or `InvalidOptions` as `withLock` does.
   *
   * @category combinators
   * @since 0.1.0
   */
  <A, E, R>(
    work: Work<A, E, R>,
    key: string,
    options?: Quiet
  ): Effect.Effect<Option.Option<A>, E | LockError, R | LockBackend>
  /**
   * Runs an effect, or what a function makes of the lease, only if nobody else is running it under
   * the same key. Whether the result is wrapped depends on the value of `failIfLocked`.
   *
   * @category combinators
   * @since 0.2.0
   */
  <A, E, R>(
    work: Work<A, E, R>,
    key: string,
    options?: OnceOptions
  ): Effect.Effect<A | Option.Option<A>, E | LockError, R | LockBackend>
  /**
   * Runs an effect only if nobody else is running it under the same key, and fails
   * with `LockTimeout` when the lock is taken: its result is not wrapped.
   *
   * @category combinators
   * @since 0.1.0
   */
  (key: string, options: Loud): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>
  /**
   * Runs an effect only if nobody else is running it under the same key:
   * `Option.some` of its result, or `Option.none` when the lock is taken.
   *
   * Fails with `LockLost`, `BackendFailure` or `InvalidOptions` as `withLock` does.
   *
   * @category combinators
   * @since 0.1.0
   */
  (
    key: string,
    options?: Quiet
  ): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<Option.Option<A>, E | LockError, R | LockBackend>
  /**
   * Runs an effect only if nobody else is running it under the same key. Whether the result is
   * wrapped depends on the value of `failIfLocked`.
   *
   * @category combinators
   * @since 0.2.0
   */
  (
    key: string,
    options?: OnceOptions
  ): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A | Option.Option<A>, E | LockError, R | LockBackend>
} = /* #__PURE__ */ workFirst(
  <A, E, R>(work: Work<A, E, R>, key: string, options?: OnceOptions) => {
    const asking = ask(key, options, undefined, false)
    if (asking instanceof LockError || asking.failIfLocked) return use(asking, work, fail)
    const some = (lease: Lease) => Effect.asSome(isFunction(work) ? work(lease) : work)
    return use<Option.Option<A>, E, R, never, never>(asking, some, none)
  }
)

/**
 * Runs an effect while sharing the lock on a key with others that share it: the
 * read side of a lock whose write side is {@link withLock}. See each overload for
 * the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export const withSharedLock: {
  /**
   * Runs an effect, or what a function makes of the lease, while sharing the lock on a key. Like
   * the overload that takes the key first.
   *
   * @category combinators
   * @since 0.2.0
   */
  <A, E, R>(
    work: Work<A, E, R>,
    key: string,
    options?: SectionOptions
  ): Effect.Effect<A, E | LockError, R | LockBackend>
  /**
   * Runs an effect while sharing the lock on a key.
   *
   * **Details**
   *
   * It is held together with all others that share it, like a read lock: it excludes only
   * {@link withLock} on the same key. Requests are served in order of arrival, so a stream of readers
   * cannot starve a writer: readers that arrive later queue behind it.
   *
   * Otherwise it works like {@link withLock}. A reader's fencing token is greater than that of
   * every writer before it and less than that of every later one, so it says how fresh the data
   * that was read is.
   *
   * **Errors**
   *
   * - `LockTimeout`, `LockLost`, `BackendFailure`, `InvalidOptions`: as for {@link withLock}
   * - `LockReentered`: the work around the call already holds the key, so waiting would never end
   * - `BackendFailure` of kind `Unsupported`: the backend supports only one holder per key
   *
   * **Example** (Two readers at the same time)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { InMemoryBackend, Lock } from "effect-lock"
   *
   * const reader = Effect.delay(Lock.holders("page"), "5 millis").pipe(
   *   Effect.map((holders) => holders.length),
   *   Effect.tap(Effect.sleep("5 millis")),
   *   Lock.withSharedLock("page")
   * )
   *
   * const program = Effect.all([reader, reader], { concurrency: "unbounded" })
   *
   * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => [2, 2]
   * ```
   *
   * @category combinators
   * @since 0.2.0
   */
  (
    key: string,
    options?: SectionOptions
  ): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>
} = /* #__PURE__ */ workFirst(
  <A, E, R>(work: Work<A, E, R>, key: string, options?: SectionOptions) =>
    use(ask(key, options, { share: true }), work, fail)
)

/**
 * The options of {@link withPermits}: those of a lock, and how many permits there are.
 *
 * @category models
 * @since 0.2.0
 */
export interface PermitOptions extends SectionOptions {
  /**
   * The most permits that may be held at the same time, including those of this call. An integer of
   * at least 1.
   */
  readonly limit: number
  /** How many permits this call takes: an integer from 1 to `limit`. Default 1. */
  readonly permits?: number | undefined
}

/**
 * Runs an effect while holding permits of a key: a semaphore across processes. See
 * each overload for the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export const withPermits: {
  /**
   * Runs an effect, or what a function makes of the lease, while holding permits of a key. Like the
   * overload that takes the key first.
   *
   * @category combinators
   * @since 0.2.0
   */
  <A, E, R>(
    work: Work<A, E, R>,
    key: string,
    options: PermitOptions
  ): Effect.Effect<A, E | LockError, R | LockBackend>
  /**
   * Runs an effect while holding permits of a key, of which at most `limit` are held at the same
   * time.
   *
   * **Details**
   *
   * The limit belongs to the call. No limit is stored for a key, so none can be out of date after a
   * deploy; if calls give different limits, each waits until its own is respected. Each holder has
   * a lease of its own, so the permits of a crashed holder come back when its lease expires.
   * Requests are served in order of arrival: one that needs more permits than are free holds up
   * those behind it, so it cannot starve. Readers ({@link withSharedLock}) count as one permit
   * each, and {@link withLock} excludes both.
   *
   * Do not fence with the tokens of permits: their holders overlap, so storage must not reject the
   * lower of two.
   *
   * **Errors**
   *
   * - `LockTimeout`, `LockLost`, `BackendFailure`: as for {@link withLock}
   * - `LockReentered`: the work around the call already holds the key, so waiting would never end
   * - `BackendFailure` of kind `Unsupported`: the backend supports only one holder per key
   * - `InvalidOptions`: also for `permits` that are not an integer from 1 to `limit`
   *
   * **Example** (At most two at a time)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { InMemoryBackend, Lock } from "effect-lock"
   *
   * let inside = 0
   * const call = Effect.gen(function*() {
   *   inside++
   *   yield* Effect.sleep("2 millis")
   *   return inside--
   * }).pipe(Lock.withPermits("api", { limit: 2 }))
   *
   * const program = Effect.all([call, call, call, call], { concurrency: "unbounded" })
   *
   * const seen = await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer))
   * Math.max(...seen) // => 2
   * ```
   *
   * @category combinators
   * @since 0.2.0
   */
  (
    key: string,
    options: PermitOptions
  ): <A, E, R>(work: Work<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>
} = /* #__PURE__ */ workFirst(
  <A, E, R>(work: Work<A, E, R>, key: string, options: PermitOptions) =>
    use(
      read(options, (options) => ask(key, options, { share: { limit: options.limit, permits: options.permits } })),
      work,
      fail
    )
)

/**
 * The work to run under several locks: an effect, or a function of the leases, which come in the
 * order of the keys.
 *
 * @category models
 * @since 0.2.0
 */
export type WorkOfSeveral<A, E, R> =
  | Effect.Effect<A, E, R>
  | ((leases: ReadonlyArray<Lease>) => Effect.Effect<A, E, R>)

/**
 * Runs an effect while holding the locks on several keys. See each overload for
 * the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export const withLocks: {
  /**
   * Runs an effect, or what a function makes of the leases, while holding the locks on several
   * keys. The leases come in the order of the keys. Otherwise like the overload that takes the keys
   * first.
   *
   * @category combinators
   * @since 0.2.0
   */
  <A, E, R>(
    work: WorkOfSeveral<A, E, R>,
    keys: ReadonlyArray<string>,
    options?: LockOptions
  ): Effect.Effect<A, E | LockError, R | LockBackend>
  /**
   * Runs an effect while holding the locks on several keys.
   *
   * **Details**
   *
   * All keys are requested at once, 256 at a time if there are more. If one is taken, those that
   * sort after it are released before waiting for it. No call ever holds a key while waiting for
   * one that sorts before it, so calls for the same keys in any order cannot deadlock. A key that
   * is given twice is taken once. `timeout` applies to all keys together. Losing any of the leases
   * interrupts the effect and fails with `LockLost`; one that the effect itself releases or
   * detaches is not lost. When the effect ends, all keys are released at once.
   *
   * Meanwhile `Lock.once` and `Lock.tryAcquire` elsewhere may find a key taken for a short moment.
   *
   * **Errors**
   *
   * - `LockTimeout`: one of the keys, which it names, stayed with another holder
   * - `LockLost`, `LockReentered`, `BackendFailure`: as for {@link withLock}
   * - `InvalidOptions`: an option or a key is invalid, or there are no keys
   *
   * **Example** (A transfer between two accounts)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { InMemoryBackend, Lock } from "effect-lock"
   *
   * const transfer = (from: string, to: string) =>
   *   Effect.delay(Effect.succeed(`${from} to ${to}`), "1 millis").pipe(
   *     Lock.withLocks([`account-${from}`, `account-${to}`], { timeout: "5 seconds" })
   *   )
   *
   * const program = Effect.all([transfer("a", "b"), transfer("b", "a")], { concurrency: "unbounded" }).pipe(
   *   Effect.provide(InMemoryBackend.layer)
   * )
   *
   * await Effect.runPromise(program) // => ["a to b", "b to a"]
   * ```
   *
   * @category combinators
   * @since 0.2.0
   */
  (
    keys: ReadonlyArray<string>,
    options?: LockOptions
  ): <A, E, R>(work: WorkOfSeveral<A, E, R>) => Effect.Effect<A, E | LockError, R | LockBackend>
} = /* #__PURE__ */ workFirst(
  <A, E, R>(
    work: WorkOfSeveral<A, E, R>,
    keys: ReadonlyArray<string>,
    options?: LockOptions
  ): Effect.Effect<A, E | LockError, R | LockBackend> => {
    if (!Array.isArray(keys) || keys.length === 0) {
      return Exit.fail(invalid("keys", keys, "a list of keys that is not empty"))
    }
    // A list may have holes, which `map` leaves as they are.
    const asking = Array.from(keys, (key) => ask(key, options))
    const wrong = asking.find((one) => one instanceof LockError)
    if (wrong !== undefined) return Exit.fail(wrong)
    return Effect.withFiber<A, E | LockError, R | LockBackend>((fiber) => {
      const { backend, defaults } = servicesOf(fiber)
      return Several.use(backend, (asking as ReadonlyArray<Asking>).map((one) => one.over(defaults)), work)
    })
  }
)

/**
 * Runs an effect under a lease that is already held. See each overload for the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export const guard: {
  /**
   * Runs an effect under a lease that is already held, from {@link acquire} or {@link tryAcquire}:
   * as {@link withLock} does, but without taking or releasing the lock.
   *
   * **Details**
   *
   * If the lease is lost or released, the effect is interrupted, its finalizers run, and the call
   * fails with `LockLost`; if it is lost already, the effect does not start. Work that never yields
   * only fails once it has ended.
   *
   * **Errors**
   *
   * - `LockLost`: the lease ended before the effect did
   * - `InvalidOptions`: it is not a lease
   *
   * **Example** (A lease in a scope)
   *
   * ```ts
   * import { Effect } from "effect"
   * import { InMemoryBackend, Lock } from "effect-lock"
   *
   * const program = Effect.gen(function*() {
   *   const lease = yield* Lock.acquire("report")
   *   yield* Effect.forkChild(Effect.delay(Lock.forceRelease("report"), "5 millis"))
   *   return yield* Effect.never.pipe(
   *     Lock.guard(lease),
   *     Effect.catchReason("LockError", "LockLost", (reason) => Effect.succeed(reason.why))
   *   )
   * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layer))
   *
   * await Effect.runPromise(program) // => "Taken"
   * ```
   *
   * @category combinators
   * @since 0.2.0
   */
  (lease: Lease): <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LockError, R>
  /**
   * Runs an effect under a lease that is already held. Like the overload that takes only the lease.
   *
   * @category combinators
   * @since 0.2.0
   */
  <A, E, R>(work: Effect.Effect<A, E, R>, lease: Lease): Effect.Effect<A, E | LockError, R>
} = /* #__PURE__ */ dual(
  2,
  <A, E, R>(work: Effect.Effect<A, E, R>, lease: Lease): Effect.Effect<A, E | LockError, R> => {
    if (typeof lease !== "object" || lease === null) return Exit.fail(invalid("lease", typeof lease, aLease))
    if (isGuard(lease)) return under([lease], work)
    return Effect.isEffect(lease.lost)
      ? Effect.raceFirst(lease.lost, work)
      : Exit.fail(invalid("lease", typeof lease, aLease))
  }
)

/**
 * Takes the lock for the life of the scope.
 *
 * **Details**
 *
 * The lease renews itself (unless `renew` is off) until the scope closes, which releases it. The
 * caller is not interrupted when the lease is lost: run the work under {@link guard}, or race it
 * with `lease.lost`.
 *
 * **Errors**
 *
 * - `LockTimeout`: somebody else had the lock until the timeout
 * - `LockReentered`: the work around the call already holds the key, so waiting would never end
 * - `BackendFailure`: the backend could not answer within the timeout; of kind `Unsupported`: it
 *   does not support `share`
 * - `InvalidOptions`: an option or the key is invalid
 *
 * **Example** (A lease in a scope)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const lease = yield* Lock.acquire("leader", { expires: "5 seconds" })
 *   return yield* Lock.guard(lease)(Effect.succeed(`leading as ${lease.fencingToken}`))
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
  options?: ShareOptions
): Effect.Effect<Lease, LockError, LockBackend | Scope.Scope> =>
  withRequest(ask(key, options), (backend, request) => backend.acquire(request, fail))

/**
 * Takes the lock for the life of the scope if it is free now: one attempt, and `Option.none` if
 * somebody else holds it, or is waiting for it in this process.
 *
 * Fails with `BackendFailure` if the backend cannot answer, and with `InvalidOptions` if an option
 * or the key is invalid.
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
  options?: Omit<ShareOptions, "timeout" | "retry">
): Effect.Effect<Option.Option<Lease>, LockError, LockBackend | Scope.Scope> =>
  withRequest(
    ask(key, options, { timeout: 0 }),
    (backend, request) =>
      Effect.map(backend.acquire(request, none), (taken) => Option.isOption(taken) ? taken : Option.some(taken))
  )

/**
 * A lock on its way from one holder to another: what {@link detach} gives and {@link adopt} takes.
 * It is a schema, so that it can go through a queue or a database.
 *
 * **Example** (Through a queue)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const encode = Schema.encodeEffect(Schema.fromJsonString(Lock.Ticket))
 * const decode = Schema.decodeEffect(Schema.fromJsonString(Lock.Ticket))
 *
 * const program = Effect.gen(function*() {
 *   const lease = yield* Lock.acquire("order-7")
 *   const message = yield* Effect.flatMap(Lock.detach(lease), encode)
 *   return (yield* decode(message)).key
 * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(program) // => "order-7"
 * ```
 *
 * @category models
 * @since 0.2.0
 */
export class Ticket extends Schema.Class<Ticket>("effect-lock/Ticket")({
  /** The key as the backend sees it, with the configured prefix. */
  key: Schema.String,
  /**
   * Whoever has the token and can reach the backend can adopt the lock. Nothing else in the ticket
   * is secret.
   */
  token: Schema.String,
  /** The fencing token of the holder that detached the lock; its successor's is greater. */
  fencingToken: Schema.Int,
  /** How long the lease of the adopter lasts, unless {@link adopt} says otherwise. */
  expires: Schema.DurationFromMillis,
  /** How long the lock can be adopted, counted from when the ticket was made. */
  goodFor: Schema.DurationFromMillis
}) {}

/**
 * How to detach a lock.
 *
 * @category models
 * @since 0.2.0
 */
export interface DetachOptions {
  /** How long the lock can be adopted. Default, and at least: as long as the lease was taken for. */
  readonly for?: Duration.Input | undefined
}

/**
 * Detaches a lock from its holder without freeing the key. Neither the end of the scope nor that of
 * `withLock`'s work releases it then: nobody can take the key until {@link adopt} takes the lock
 * over, or until `for` has passed.
 *
 * **Details**
 *
 * The lease is renewed first, so that the ticket has all of `for` to arrive (by default, and at
 * least, as long as the lease was taken for). Work that `Lock.guard` runs under the lease fails
 * with `LockLost`, whose `why` is `"Released"`. If detaching fails, the holder keeps the lease. A
 * caller that is interrupted at the very moment of detaching gets no ticket, and the key stays
 * taken until `for` has passed.
 *
 * **Errors**
 *
 * - `LockLost`: the lease is no longer ours
 * - `BackendFailure`: the backend did not answer; of kind `Unsupported`: its locks cannot change
 *   hands
 * - `InvalidOptions`: the duration is invalid, the key is shared, or the lease was not made by this
 *   library
 *
 * **Example** (From one fiber to another)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const ticket = yield* Lock.withLock((lease) => Lock.detach(lease, { for: "1 minute" }), "order-7")
 *   const meanwhile = yield* Lock.once(Effect.void, "order-7")
 *   const lease = yield* Lock.adopt(ticket)
 *   const done = yield* Lock.guard(lease)(Effect.succeed("done"))
 *   return [Option.isSome(meanwhile), done]
 * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(program) // => [false, "done"]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export const detach = (lease: Lease, options?: DetachOptions): Effect.Effect<Ticket, LockError> =>
  Effect.suspend(() => {
    if (typeof lease !== "object" || lease === null || !isGuard(lease)) {
      return Exit.fail(invalid("lease", typeof lease, "a lease that this library made"))
    }
    if (lease.share !== undefined) return Exit.fail(invalid("lease", lease.key, "a lease that has its key alone"))
    const { expiresMillis, fencingToken, key, token } = lease
    const wanted = read(options, ({ for: millis = expiresMillis }) => Result.merge(decodeExtension(millis)))
    if (wanted instanceof LockError) return Exit.fail(wanted)
    const goodFor = Math.max(wanted, expiresMillis)
    return Effect.as(
      lease.detach(goodFor),
      new Ticket({
        key,
        token,
        fencingToken,
        expires: Duration.millis(expiresMillis),
        goodFor: Duration.millis(goodFor)
      })
    )
  })

/**
 * Takes over a detached lock by its {@link Ticket}, in any fiber, process or host, for the life of
 * the scope: the lease renews itself and is released like one of {@link acquire}. The first to
 * adopt it gets it, with a fencing token greater than the previous holder's.
 *
 * **Errors**
 *
 * - `LockLost`: it was adopted already, the ticket has expired, or the key was taken away
 * - `BackendFailure`: the backend could not answer within the `timeout`; if it executed the attempt
 *   all the same, the key is released. Of kind `Unsupported`: its locks cannot change hands
 * - `InvalidOptions`: an option is invalid, or it is not a ticket
 *
 * **Example** (Once)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const ticket = yield* Lock.withLock((lease) => Lock.detach(lease), "order-7")
 *   yield* Lock.adopt(ticket)
 *   return yield* Lock.adopt(ticket).pipe(
 *     Effect.as("twice"),
 *     Effect.catchReason("LockError", "LockLost", (reason) => Effect.succeed(reason.why))
 *   )
 * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(program) // => "Taken"
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const adopt = (
  ticket: Ticket,
  options?: Omit<LockOptions, "retry">
): Effect.Effect<Lease, LockError, LockBackend | Scope.Scope> =>
  isTicket(ticket)
    ? withRequest(
      read(options, (options) => {
        const { expires = ticket.expires } = options
        return ask(ticket.key, options, { expires })
      }),
      // The ticket's key has the prefix already.
      (backend, request) => backend.adopt(ticket.token, { ...request, key: ticket.key })
    )
    // An error never shows a lease: it has a token in it.
    : Exit.fail(invalid("ticket", typeof ticket, "a Ticket, as Lock.detach gives it"))

const isTicket = (u: unknown): boolean => Predicate.hasProperty(u, "token") && typeof u.token === "string"

/**
 * Who holds the lock on a key, since when, how long the lease lasts if nobody renews it, and how
 * many wait, as far as the backend knows. `Option.none` if it is free.
 *
 * Fails with `BackendFailure` if the backend cannot answer, and with `InvalidOptions` if the key is
 * invalid.
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
  withRequest(ask(key), (backend, request) => backend.inspect(request.key))

/**
 * All holders of the lock on a key: none, the only one, or those who share it, with their permits.
 * The one whose lease ends first comes first.
 *
 * Fails with `BackendFailure` if the backend cannot answer, and with `InvalidOptions` if the key is
 * invalid.
 *
 * **Example** (How many permits are out)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Lock.holders("api").pipe(
 *   Effect.map((holders) => holders.map(({ permits }) => permits)),
 *   Lock.withPermits("api", { limit: 5, permits: 2 }),
 *   Effect.provide(InMemoryBackend.layer)
 * )
 *
 * await Effect.runPromise(program) // => [2]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export const holders = (key: string): Effect.Effect<ReadonlyArray<Holder>, LockError, LockBackend> =>
  withRequest(ask(key), (backend, request) => backend.holders(request.key))

/**
 * How to watch a key.
 *
 * @category models
 * @since 0.2.0
 */
export interface WatchOptions {
  /**
   * When to look. Default: every second. It also looks when the backend notifies of a change, and
   * when the lease that was seen expires. When the schedule ends, so does the watch.
   */
  readonly look?: Schedule.Schedule<unknown> | undefined
}

interface Watch extends WatchOptions {
  readonly asking: Asking
}

const watchOf = (key: string, options: AwaitFreeOptions | undefined): Watch | LockError =>
  read(options, ({ look, timeout }) => {
    if (look !== undefined && kinds.retry.decode(look) === undefined) return invalid("look", look, kinds.retry.expected)
    const asking = ask(key, { timeout })
    return asking instanceof LockError ? asking : { asking, look }
  })

/**
 * Who holds the lock on a key: first the current holder, then each other one that is seen;
 * `Option.none` while it is free.
 *
 * **Details**
 *
 * It neither waits for the key nor takes it. Memory, files, PostgreSQL (except through a pooler)
 * and a single Redis server (version 6 or later) notify of a change at once; other backends are
 * polled as often as `look` says. A holder that comes and goes between two looks is not seen. A
 * process that passes its lease among its own fibers counts as one holder, and a renewal is no
 * change.
 *
 * While the backend is unreachable it emits nothing, and goes on looking.
 *
 * **Errors**
 *
 * - `BackendFailure`: the backend cannot answer, and will not recover by itself
 * - `InvalidOptions`: the key or an option is invalid
 *
 * **Example** (Free, taken, free)
 *
 * ```ts
 * import { Effect, Fiber, Option, Stream } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const watch = yield* Lock.changes("door").pipe(
 *     Stream.map(Option.isSome),
 *     Stream.take(3),
 *     Stream.runCollect,
 *     Effect.forkChild({ startImmediately: true })
 *   )
 *   yield* Lock.withLock(Effect.sleep("5 millis"), "door")
 *   return yield* Fiber.join(watch)
 * })
 *
 * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => [false, true, false]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export const changes = (
  key: string,
  options?: WatchOptions
): Stream.Stream<Option.Option<Holder>, LockError, LockBackend> => {
  const watch = watchOf(key, options)
  return watch instanceof LockError ? Stream.fail(watch) : Stream.unwrap(withRequest(
    watch.asking,
    (backend, request) => Effect.succeed(Watching.changes(backend, request.key, watch.look))
  ))
}

/**
 * How to wait until a key is seen free, and for how long.
 *
 * @category models
 * @since 0.2.0
 */
export interface AwaitFreeOptions extends WatchOptions, Pick<LockOptions, "timeout"> {}

/**
 * Waits until the lock on a key is seen free, without taking it.
 *
 * **Details**
 *
 * Somebody else may take it in the next moment, and a key that passes from one waiter to the next
 * may never be seen free. To work under the lock, use {@link withLock}.
 *
 * **Errors**
 *
 * - `LockTimeout`: it was not seen free within `timeout` (default 60 seconds, or as `LockConfig`
 *   says), or before `look` ended
 * - `BackendFailure`: the backend cannot answer, and will not recover by itself
 * - `InvalidOptions`: the key or an option is invalid
 *
 * **Example** (When the import is over)
 *
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const done: Array<string> = []
 *   const job = Effect.delay(Effect.sync(() => done.push("import")), "5 millis").pipe(Lock.withLock("import"))
 *   const fiber = yield* Effect.forkChild(job, { startImmediately: true })
 *   yield* Lock.awaitFree("import", { timeout: "10 seconds" })
 *   done.push("report")
 *   yield* Fiber.join(fiber)
 *   return done
 * })
 *
 * await Effect.runPromise(Effect.provide(program, InMemoryBackend.layer)) // => ["import", "report"]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export const awaitFree = (
  key: string,
  options?: AwaitFreeOptions
): Effect.Effect<void, LockError, LockBackend> => {
  const watch = watchOf(key, options)
  return watch instanceof LockError
    ? Exit.fail(watch)
    : withRequest(watch.asking, (backend, request) => Watching.awaitFree(backend, request, watch.look))
}

/**
 * A held key and its holder.
 *
 * @category models
 * @since 0.2.0
 */
export interface Held {
  /** The key, without the `keyPrefix` of `LockConfig`. */
  readonly key: string
  /** Who holds it. */
  readonly holder: Holder
}

/**
 * Which locks to list.
 *
 * @category models
 * @since 0.2.0
 */
export interface ListOptions {
  /** Only keys that start with this. Default: all. */
  readonly prefix?: string | undefined
}

/**
 * The keys that are held, and their holders: all of them, or those that start with `prefix`. The
 * backend is asked page by page, as the stream is pulled.
 *
 * **Details**
 *
 * It is not a snapshot: a key that changes hands meanwhile may be missing, or come twice. The
 * `keyPrefix` of `LockConfig` is put before `prefix`, and keys come without it, as other calls take
 * them. Files and PostgreSQL store keys longer than 240 and 1,000 characters as a hash, and do not
 * list them; a character that needs escaping counts for up to six.
 *
 * **Errors**
 *
 * - `BackendFailure`: the backend cannot be reached; of kind `Unsupported` if it cannot list its
 *   keys (memcached, key-value stores)
 * - `InvalidOptions`: the prefix is not a string
 *
 * **Example** (Who holds what)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const keys = Lock.list({ prefix: "order-" }).pipe(Stream.map(({ key }) => key), Stream.runCollect)
 *
 * const program = keys.pipe(
 *   Lock.withLock("order-1"),
 *   Lock.withLock("report"),
 *   Effect.provide(InMemoryBackend.layerFresh)
 * )
 *
 * await Effect.runPromise(program) // => ["order-1"]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export const list = (options?: ListOptions): Stream.Stream<Held, LockError, LockBackend> => {
  const wanted = read(options, ({ prefix = "" }) => aString("prefix", prefix))
  return wanted instanceof LockError
    ? Stream.fail(wanted)
    : Stream.unwrap(Effect.withFiber<Stream.Stream<Held, LockError>, never, LockBackend>((fiber) => {
      const { backend, defaults: { config: { keyPrefix } } } = servicesOf(fiber)
      return Effect.succeed(
        Stream.paginate(
          undefined as string | undefined,
          (from) =>
            Effect.map(backend.list(keyPrefix + wanted, from), ({ locks, next }) => {
              const held = locks.map(({ holder, key }): Held => ({ key: key.slice(keyPrefix.length), holder }))
              return [held, Option.fromUndefinedOr(next)] as const
            })
        )
      )
    }))
}

const aString = (option: string, input: string): string | LockError =>
  typeof input === "string" ? input : invalid(option, input, "a string")

/**
 * What happens to the locks of this process, on the backend of the context, from when the stream is
 * run until the backend closes. Costs nothing while nobody listens.
 *
 * **Details**
 *
 * If a listener falls more than a thousand events behind, the oldest are dropped; nothing waits for
 * it. Keys include the `keyPrefix` of `LockConfig`.
 *
 * **Example** (Following one lock)
 *
 * ```ts
 * import { Effect, Fiber, Stream } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 *
 * const program = Effect.gen(function*() {
 *   const following = yield* Lock.events.pipe(
 *     Stream.map((event) => event._tag),
 *     Stream.take(2),
 *     Stream.runCollect,
 *     Effect.forkChild({ startImmediately: true })
 *   )
 *   yield* Lock.withLock(Effect.void, "key")
 *   return yield* Fiber.join(following)
 * }).pipe(Effect.provide(InMemoryBackend.layerFresh))
 *
 * await Effect.runPromise(program) // => ["Acquired", "Released"]
 * ```
 *
 * @category utilities
 * @since 0.2.0
 */
export const events: Stream.Stream<LockEvent, never, LockBackend> = /* #__PURE__ */ Stream.callback<
  LockEvent,
  never,
  LockBackend
>(
  (queue) =>
    Effect.withFiber<() => void, never, LockBackend | Scope.Scope>((fiber) =>
      Effect.acquireRelease(
        Effect.sync(() =>
          servicesOf(fiber).backend.listen(
            (event) => {
              Queue.offerUnsafe(queue, event)
            },
            () => {
              Queue.endUnsafe(queue)
            }
          )
        ),
        (end) => Effect.sync(end)
      )
    ),
  { bufferSize: 1024, strategy: "sliding" }
)

/**
 * From whom to free a key.
 *
 * @category models
 * @since 0.2.0
 */
export interface ForceReleaseOptions {
  /** Frees the key only from the holder of this token. Default: from whoever holds it. */
  readonly token?: string | undefined
}

/**
 * Frees a key, whoever holds it, and says whether somebody did. For operators who know that the
 * holder is gone or stuck.
 *
 * **Details**
 *
 * The holder loses its lock: at once in this process, at its next renewal in another. It is the
 * *process* seen as the holder that loses the key, even if it has passed its lease to another of
 * its own fibers meanwhile. A process that took the key after it keeps it.
 *
 * If the key is shared, all holders that are seen lose it. With `token`, from `Lock.inspect`,
 * `Lock.holders` or a `LockTimeout`, only the holder of that token does, so that it is the one you
 * looked at.
 *
 * **Errors**
 *
 * - `BackendFailure`: the backend cannot be reached
 * - `InvalidOptions`: the key or the token is invalid
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
export const forceRelease = (
  key: string,
  options?: ForceReleaseOptions
): Effect.Effect<boolean, LockError, LockBackend> => {
  const wanted = read(options, ({ token }) => ({ token: token === undefined ? undefined : aString("token", token) }))
  if (wanted instanceof LockError) return Exit.fail(wanted)
  const { token } = wanted
  if (token instanceof LockError) return Exit.fail(token)
  return withRequest(ask(key), (backend, request) => backend.forceRelease(request.key, token))
}
