/**
 * One at a time, across fibers, processes and hosts.
 *
 * - {@link withLock} runs an effect while holding a lock.
 * - {@link once} runs an effect only if nobody else is running it.
 * - {@link acquire} and {@link tryAcquire} give a lease for the life of a scope.
 * - {@link withSharedLock} and {@link withPermits} share a key: read/write locks and semaphores.
 * - {@link withLocks} takes several keys, and {@link guard} works under a lease that one has.
 * - {@link detach} and {@link adopt} hand a lock from one holder to another.
 * - {@link changes} and {@link awaitFree} watch a key without wanting it.
 * - {@link inspect}, {@link holders}, {@link list}, {@link events} and {@link forceRelease} are for operators.
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
 * - A lock is not reentrant: a call that would wait for a key which the work
 *   around it holds fails at once with `LockReentered`, or runs under the lease
 *   that is there with the option `reenter`.
 * - Every call can fail with a `LockError`; see there for the reasons. It points to
 *   the `Effect.fn` and `Effect.withSpan` that the call was made in.
 * - With a tracer in place, waiting and holding are spans, `Lock.wait` (from before
 *   the first attempt, failed after a timeout) and `Lock.hold` (until the lease is
 *   lost, when it has failed, or given back). Their attributes are `lock.key`,
 *   `lock.backend` and `lock.owner`.
 * - The metrics `lock_wait_duration_seconds`, `lock_hold_duration_seconds`, `lock_held`, `lock_waiters`,
 *   `lock_backend_connected`, `lock_attempts_total`, `lock_timeouts_total`, `lock_lost_total`,
 *   `lock_hand_overs_total`, `lock_release_failures_total`, `lock_renewals_total` (by `outcome`: `renewed`,
 *   `lost`, `failed`) and `lock_backend_failures_total` (by `kind`, as in `BackendFailure`) have the name of the
 *   `backend` as an attribute, and never a key.
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
 * The work to run under a lock: an effect, or a function that wants the lease,
 * for its fencing token or to extend it.
 *
 * @category models
 * @since 0.1.0
 */
export type Work<A, E, R> = Effect.Effect<A, E, R> | ((lease: Lease) => Effect.Effect<A, E, R>)

const isWork = (u: unknown): boolean => typeof u === "function" || Effect.isEffect(u)

type Combinator = ReturnType<typeof dual>

/** Takes the work first, or later in a pipeline. As `dual`, which takes a tenth of a call in memory. */
const workFirst = <First extends Combinator>(call: First): Combinator & First => {
  const either: Combinator = (first, second, third) =>
    isWork(first) ? call(first, second, third) : (work: unknown) => call(work, first, second)
  return either as Combinator & First
}

/** Calls `f` with the backend and what is asked for over the defaults in force. */
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

/** What has a token in it is not shown. */
const aLease = "a lease, as Lock.acquire gives it"

/** The failure of a call that wanted the lock. */
const fail = (refusal: Refusal): Effect.Effect<never, LockError> => refusal.fail

const none = (): Effect.Effect<Option.Option<never>> => Effect.succeedNone

/**
 * Runs an effect while holding the lock on a key.
 *
 * Waits for the lock as long as `timeout` says (default 60 seconds), holds it for
 * as long as the effect runs, and gives it back whatever the outcome. See each
 * overload for the details.
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
   * - `LockReentered`: the work around the call holds the key, and waiting for it would be in vain
   * - `BackendFailure`: the backend could not answer within the timeout
   * - `InvalidOptions`: an option, or the key, makes no sense
   *
   * **Gotchas**
   *
   * An effect that cannot be interrupted delays `LockLost` until it has finished.
   * There is no longest hold: cap the work, `Effect.timeout("1 minute")` inside of this, and the
   * key is free as soon as it has stopped.
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
   * - `LockReentered`: the work around the call holds the key, and waiting for it would be in vain
   * - `BackendFailure`: the backend could not answer within the timeout
   * - `InvalidOptions`: an option, or the key, makes no sense
   *
   * **Gotchas**
   *
   * An effect that cannot be interrupted delays `LockLost` until it has finished.
   * There is no longest hold: cap the work, `Effect.timeout("1 minute")` inside of this, and the
   * key is free as soon as it has stopped.
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
 * The options of {@link once}: those of a lock, except that `timeout` is zero
 * unless given, and whether a taken lock is a failure.
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
 * With `failIfLocked: true` the result is not wrapped, and a taken lock fails
 * with `LockTimeout`. A `LockError` from inside the effect, be it for the same
 * key, always comes out as it is.
 *
 * The key is free again when the effect has finished, or when `atLeast` has passed:
 * make it longer than the clocks of those who run a job at the same time are apart.
 * What is to happen once per day needs the day in its key and a record that it was
 * done.
 *
 * **Errors**
 *
 * - `LockTimeout`: only with `failIfLocked`
 * - `LockReentered`: only with a `timeout`, where the work around the call holds the key
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
   * Runs an effect, or what a function makes of the lease, only if nobody else is
   * running it under the same key. Whether the result is wrapped is as
   * `failIfLocked` turns out.
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
   * Runs an effect only if nobody else is running it under the same key. Whether
   * the result is wrapped is as `failIfLocked` turns out.
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
   * Runs an effect, or what a function makes of the lease, while sharing the lock on
   * a key. As the overload that takes the key first.
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
   * With all others that share it at the same moment, as a reader does: it excludes
   * {@link withLock} on the same key, and nobody else. Who came first is served
   * first, so that a stream of readers does not keep a writer waiting: readers that
   * come after it go behind it.
   *
   * The rest is as for {@link withLock}. The fencing token of a reader is above that
   * of every writer before it and below that of every later one; it tells how fresh
   * what was read is.
   *
   * **Errors**
   *
   * - `LockTimeout`, `LockLost`, `BackendFailure`, `InvalidOptions`: as for {@link withLock}
   * - `LockReentered`: the work around the call holds the key, and waiting for it would be in vain
   * - `BackendFailure` of kind `Unsupported`: the backend keeps no more than one holder of a key
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
 * The options of {@link withPermits}: those of a lock, and how many may hold it.
 *
 * @category models
 * @since 0.2.0
 */
export interface PermitOptions extends SectionOptions {
  /** No more permits than this are out when this call has its own. A whole number of at least 1. */
  readonly limit: number
  /** How many permits this call takes. A whole number of at least 1 and at most `limit`. Default 1. */
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
   * Runs an effect, or what a function makes of the lease, while holding permits of a
   * key. As the overload that takes the key first.
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
   * Runs an effect while holding permits of a key, of which no more than `limit` are
   * out at the same time.
   *
   * **Details**
   *
   * The limit is that of the call. Nobody sets one for a key, so none can be stale
   * after a deploy; where calls name different ones, each waits until its own is
   * kept. Each holder has a lease of its own: a crashed one's permits come back when
   * it ends. Who came first is served first, and one that needs more permits than are
   * free holds up those behind it, so that it does not starve. Readers
   * ({@link withSharedLock}) and permits of one key count together, and
   * {@link withLock} excludes both.
   *
   * The fencing tokens of permits fence nothing: their holders overlap, so a storage
   * must not refuse the lower of two.
   *
   * **Errors**
   *
   * - `LockTimeout`, `LockLost`, `BackendFailure`: as for {@link withLock}
   * - `LockReentered`: the work around the call holds the key, and waiting for it would be in vain
   * - `BackendFailure` of kind `Unsupported`: the backend keeps no more than one holder of a key
   * - `InvalidOptions`: also for permits that are no whole number, less than 1, or more than the limit
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
 * The work to run under several locks: an effect, or a function that wants the
 * leases, in the order in which the keys were given.
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
   * Runs an effect, or what a function makes of the leases, while holding the
   * locks on several keys. The leases come in the order in which the keys were
   * given. The rest is as for the overload that takes the keys first.
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
   * All keys are asked for together. If one is taken, those that sort after it go
   * back, and it is waited for; nobody ever holds a key while waiting for one that
   * sorts before it, so calls for the same keys in any order never wait for each
   * other in a circle. A key that is given twice is taken once. `timeout` is for all
   * of them together. Losing any of the leases interrupts the effect and fails with
   * `LockLost`; when it ends, all keys are given back at once.
   *
   * While some are taken and given back, others may see a short "taken" from
   * `Lock.once` or `Lock.tryAcquire`.
   *
   * **Errors**
   *
   * - `LockTimeout`: one of the keys, which it names, stayed with somebody else
   * - `LockLost`, `LockReentered`, `BackendFailure`: as for {@link withLock}
   * - `InvalidOptions`: an option, a key, or an empty list of keys makes no sense
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
 * Runs an effect under a lease that one has. See each overload for the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export const guard: {
  /**
   * Runs an effect under a lease that one has, from {@link acquire} or
   * {@link tryAcquire}: what {@link withLock} does for its work, without taking the
   * lock and without giving it back.
   *
   * **Details**
   *
   * If the lease is lost, or is given back, the effect is interrupted, its finalizers
   * run, and the result is `LockLost`; if it is lost already, the effect does not
   * start. Work that never yields is told when it ends.
   *
   * **Errors**
   *
   * - `LockLost`: the lease ended before the effect did
   * - `InvalidOptions`: it is no lease
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
   * Runs an effect under a lease that one has. As the overload that takes the lease
   * alone.
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
 * The lease renews itself (unless `renew` is off) until the scope ends, which
 * releases it. Nobody interrupts the caller when the lease is lost: race the
 * work with `lease.lost`, or use {@link withLock}, which does.
 *
 * **Errors**
 *
 * - `LockTimeout`: somebody else had the lock until the timeout
 * - `LockReentered`: the work around the call holds the key, and waiting for it would be in vain
 * - `BackendFailure`: the backend could not answer within the timeout; of kind `Unsupported`: it cannot `share`
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
  options?: Omit<ShareOptions, "timeout" | "retry">
): Effect.Effect<Option.Option<Lease>, LockError, LockBackend | Scope.Scope> =>
  withRequest(
    ask(key, options, { timeout: 0 }),
    (backend, request) =>
      Effect.map(backend.acquire(request, none), (taken) => Option.isOption(taken) ? taken : Option.some(taken))
  )

/**
 * A lock on its way from one holder to another: what {@link detach} gives and
 * {@link adopt} takes. A schema, so that it can go through a queue or a database.
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
  /** As the backend sees it, with the configured prefix. */
  key: Schema.String,
  /** Who has it and can reach the backend can take the lock on. Nothing else in the ticket is secret. */
  token: Schema.String,
  /** Of the holder that left it; its successor's is greater. */
  fencingToken: Schema.Int,
  /** How long the lease of whoever takes it on lasts, unless told otherwise. */
  expires: Schema.DurationFromMillis,
  /** How long it can be taken on, counted from when it was made. */
  goodFor: Schema.DurationFromMillis
}) {}

/**
 * Leaves a lock to whoever takes it on: ends this holder's claim to it without
 * freeing the key. Neither the end of the scope nor that of `withLock`'s work frees it
 * then; it is nobody's until {@link adopt} takes it on, and free when `for` has passed.
 *
 * **Details**
 *
 * The lease is started anew, so that the whole of `for` (default: as long as it was
 * taken for, which is the least) is left for the ticket to arrive. Work that
 * `Lock.guard` runs under the lease is interrupted with `LockLost`, of which `why` is
 * `"Released"`. When it fails the lease is the holder's as before. Who is interrupted in the
 * very moment of leaving it has no ticket, and the key is taken until `for` has passed.
 *
 * **Errors**
 *
 * - `LockLost`: the lease is no longer ours
 * - `BackendFailure`: the backend did not answer; of kind `Unsupported`: a lock of it cannot change hands
 * - `InvalidOptions`: the duration makes no sense, the key is shared, or the lease is of somebody else's making
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
export const detach = (
  lease: Lease,
  options?: {
    /** How long there is to take it on. No less than the lease was taken for. */
    readonly for?: Duration.Input | undefined
  }
): Effect.Effect<Ticket, LockError> =>
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
 * Takes a lock on from a {@link Ticket}, in another fiber, process or host, for the
 * life of the scope: the lease renews itself and is given back as one of
 * {@link acquire}. Whoever comes first has it; the fencing token is greater than that
 * of the holder before.
 *
 * **Errors**
 *
 * - `LockLost`: it has been taken on already, the ticket is no longer good, or the key was taken away
 * - `BackendFailure`: the backend could not answer within the `timeout`; if the attempt was made all the
 *   same, the key is freed. Of kind `Unsupported`: a lock of it cannot change hands
 * - `InvalidOptions`: an option makes no sense, or it is no ticket
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
      // The key has its prefix already.
      (backend, request) => backend.adopt(ticket.token, { ...request, key: ticket.key })
    )
    // What has a token in it is not shown.
    : Exit.fail(invalid("ticket", typeof ticket, "a Ticket, as Lock.detach gives it"))

const isTicket = (u: unknown): boolean => Predicate.hasProperty(u, "token") && typeof u.token === "string"

/**
 * Who holds the lock on a key, since when, for how long if nobody renews it, and
 * how many wait, as far as the backend can tell. `Option.none` when it is free.
 *
 * Fails with `BackendFailure` when the backend cannot say, and with `InvalidOptions`
 * when the key makes no sense.
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
 * All who hold the lock on a key: none, the one who has it alone, or those who
 * share it, with their permits. The one whose lease ends first comes first.
 *
 * Fails with `BackendFailure` when the backend cannot say, and with `InvalidOptions`
 * when the key makes no sense.
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
   * When to look. Default each second. It looks, too, when the backend tells of
   * another holder, and when the lease that was seen has come to its end. Where it
   * ends, so does the watch.
   */
  readonly look?: Schedule.Schedule<unknown> | undefined
}

interface Watch extends WatchOptions {
  readonly asking: Asking
}

const watchOf = (
  key: string,
  options: WatchOptions & Pick<LockOptions, "timeout"> | undefined
): Watch | LockError =>
  read(options, ({ look, timeout }) => {
    if (look !== undefined && kinds.retry.decode(look) === undefined) return invalid("look", look, kinds.retry.expected)
    const asking = ask(key, { timeout })
    return asking instanceof LockError ? asking : { asking, look }
  })

/**
 * Who has the lock on a key: at first who has it now, then each other one that is
 * seen; `Option.none` when it is free.
 *
 * **Details**
 *
 * It neither waits for the key nor takes it. Memory, files, PostgreSQL (but through a
 * pooler) and a single Redis server (from version 6) tell of a change at once; others are
 * looked at as often as `look` says. One that comes and goes between two looks is not seen. A process that hands its lease on among
 * its own fibers stays one holder, and a renewal is no change.
 *
 * While the backend is out of reach it tells nothing and looks again.
 *
 * **Errors**
 *
 * - `BackendFailure`: the backend cannot say, and will not by itself
 * - `InvalidOptions`: the key, or an option, makes no sense
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
 * Waits until the lock on a key is seen free, without taking it.
 *
 * **Details**
 *
 * Somebody else may have it in the next moment, and a key that goes from one
 * waiter to the next may never be seen free. Whoever wants to work under it wants
 * {@link withLock}.
 *
 * **Errors**
 *
 * - `LockTimeout`: it was not seen free within `timeout` (default 60 seconds, or as `LockConfig`
 *   says), or before `look` ended
 * - `BackendFailure`: the backend cannot say, and will not by itself
 * - `InvalidOptions`: the key, or an option, makes no sense
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
  options?: WatchOptions & Pick<LockOptions, "timeout">
): Effect.Effect<void, LockError, LockBackend> => {
  const watch = watchOf(key, options)
  return watch instanceof LockError
    ? Exit.fail(watch)
    : withRequest(watch.asking, (backend, request) => Watching.awaitFree(backend, request, watch.look))
}

/**
 * A key that is held, and by whom.
 *
 * @category models
 * @since 0.2.0
 */
export interface Held {
  /** What is held. */
  readonly key: string
  /** Who holds it. */
  readonly holder: Holder
}

/**
 * Which keys are held, and by whom: all, or those that start with `prefix`. The
 * backend is asked page by page, as far as the stream is pulled.
 *
 * **Details**
 *
 * It is no picture of one moment: a key that changes hands meanwhile may be missing,
 * or come twice. The `keyPrefix` of `LockConfig` is put before `prefix`, and keys come
 * without it, as other calls want them. Files and PostgreSQL know a key of more than
 * 240 and 1,000 characters by a hash, and do not list it; of characters that are escaped each
 * counts for up to six.
 *
 * **Errors**
 *
 * - `BackendFailure`: the backend cannot be reached; of kind `Unsupported` where it
 *   does not know its keys (memcached, key-value stores)
 * - `InvalidOptions`: the prefix is no text
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
export const list = (
  options?: {
    /** What keys start with. Default: any. */
    readonly prefix?: string | undefined
  }
): Stream.Stream<Held, LockError, LockBackend> => {
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
 * What happens to locks in this process, on the backend of the context, from when
 * the stream is run until the backend closes. Costs nothing while nobody listens.
 *
 * **Details**
 *
 * Of a listener that does not keep up, the oldest of more than a thousand events are
 * dropped; nobody waits for it. Keys are with the `keyPrefix` of `LockConfig`.
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
 * Frees a key whoever holds it, and says whether somebody did. For operators who
 * know that the holder is gone or stuck.
 *
 * **Details**
 *
 * The holder is told that its lock is lost: at once in this process, at its next
 * renewal in another. It is the *process* that was seen which loses the key: where
 * it has handed its lease on to another of its own fibers in the meantime, that one
 * does. A process that came after it is left alone.
 *
 * Of those who share a key all that are seen lose it. With `token`, from
 * `Lock.inspect`, `Lock.holders` or a `LockTimeout`, only a holder of that very
 * token is removed, so that who was looked at is who goes.
 *
 * **Errors**
 *
 * - `BackendFailure`: the backend cannot be reached
 * - `InvalidOptions`: the key, or the token, makes no sense
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
  options?: {
    /** Removes only the holder of this token. Default: whoever holds the key. */
    readonly token?: string | undefined
  }
): Effect.Effect<boolean, LockError, LockBackend> => {
  const wanted = read(options, ({ token }) => ({ token: token === undefined ? undefined : aString("token", token) }))
  if (wanted instanceof LockError) return Exit.fail(wanted)
  const { token } = wanted
  if (token instanceof LockError) return Exit.fail(token)
  return withRequest(ask(key), (backend, request) => backend.forceRelease(request.key, token))
}
