import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import { dual } from "effect/Function";
import * as Option from "effect/Option";
import * as Queue from "effect/Queue";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as Stream from "effect/Stream";
import { isGuard } from "./internal/guard.js";
import { decodeExtension, invalid, kinds } from "./internal/options.js";
import { isFunction } from "./internal/reentry.js";
import { ask } from "./internal/request.js";
import * as Section from "./internal/section.js";
import { servicesOf } from "./internal/services.js";
import * as Several from "./internal/several.js";
import * as Watching from "./internal/watching.js";
import { under } from "./internal/work.js";
import { LockError } from "./LockError.js";
const isWork = (u) => typeof u === "function" || Effect.isEffect(u);
/** Calls `f` with the backend and what is asked for over the defaults in force. */
const withRequest = (asking, f) => asking instanceof LockError ? Exit.fail(asking) : Effect.withFiber((fiber) => {
    const { backend, defaults } = servicesOf(fiber.context);
    return f(backend, asking.over(defaults));
});
/** Runs work under the lock; in place, on a backend that nobody has decorated. */
const use = (asking, work, refused) => {
    if (asking instanceof LockError)
        return Exit.fail(asking);
    return Effect.uninterruptibleMask((restore) => {
        const caller = Fiber.getCurrent();
        const { backend, defaults, taker } = servicesOf(caller.context);
        const request = asking.over(defaults);
        if (taker === undefined)
            return restore(backend.use(request, work, refused));
        return Section.use(taker, request, work, refused, caller, restore);
    });
};
/** The failure of a call that wanted the lock. */
const fail = (refusal) => refusal.fail;
const none = () => Effect.succeedNone;
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
export const withLock = /* #__PURE__ */ dual((args) => isWork(args[0]), (work, key, options) => use(ask(key, options), work, fail));
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
export const once = /* #__PURE__ */ dual((args) => isWork(args[0]), (work, key, options) => {
    const asking = ask(key, options, 0);
    if (options?.failIfLocked === true)
        return use(asking, work, fail);
    const some = (lease) => Effect.asSome(isFunction(work) ? work(lease) : work);
    return use(asking, some, none);
});
/**
 * Runs an effect while sharing the lock on a key with others that share it: the
 * read side of a lock whose write side is {@link withLock}. See each overload for
 * the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export const withSharedLock = /* #__PURE__ */ dual((args) => isWork(args[0]), (work, key, options) => use(ask(key, { ...options, share: true }), work, fail));
/**
 * Runs an effect while holding permits of a key: a semaphore across processes. See
 * each overload for the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export const withPermits = /* #__PURE__ */ dual((args) => isWork(args[0]), (work, key, options) => {
    const { limit, permits, ...rest } = options ?? {};
    return use(ask(key, { ...rest, share: { limit, permits } }), work, fail);
});
/**
 * Runs an effect while holding the locks on several keys. See each overload for
 * the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export const withLocks = /* #__PURE__ */ dual((args) => isWork(args[0]), (work, keys, options) => {
    if (!Array.isArray(keys) || keys.length === 0) {
        return Exit.fail(invalid("keys", keys, "a list of keys that is not empty"));
    }
    const asking = keys.map((key) => ask(key, options));
    const wrong = asking.find((one) => one instanceof LockError);
    if (wrong !== undefined)
        return Exit.fail(wrong);
    return Effect.withFiber((fiber) => {
        const { backend, defaults } = servicesOf(fiber.context);
        return Several.use(backend, asking.map((one) => one.over(defaults)), work);
    });
});
/**
 * Runs an effect under a lease that one has. See each overload for the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export const guard = /* #__PURE__ */ dual(2, (work, lease) => {
    return isGuard(lease) ? under([lease], work) : Effect.raceFirst(lease.lost, work);
});
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
 *   return yield* Lock.guard(lease)(Effect.succeed(`leading as ${lease.fencingToken}`))
 * }).pipe(Effect.scoped, Effect.provide(InMemoryBackend.layer))
 *
 * await Effect.runPromise(program) // => "leading as 1"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const acquire = (key, options) => withRequest(ask(key, options), (backend, request) => backend.acquire(request, fail));
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
export const tryAcquire = (key, options) => withRequest(ask(key, { ...options, timeout: 0 }), (backend, request) => Effect.map(backend.acquire(request, none), (taken) => Option.isOption(taken) ? taken : Option.some(taken)));
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
export class Ticket extends Schema.Class("effect-lock/Ticket")({
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
}) {
}
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
 * `"Released"`. When it fails the lease is the holder's as before.
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
export const detach = (lease, options) => Effect.suspend(() => {
    if (!isGuard(lease))
        return Exit.fail(invalid("lease", lease, "a lease that this library made"));
    if (lease.share !== undefined)
        return Exit.fail(invalid("lease", lease, "a lease that has its key alone"));
    const { expiresMillis, fencingToken, key, token } = lease;
    const millis = options?.for === undefined ? Result.succeed(expiresMillis) : decodeExtension(options.for);
    if (Result.isFailure(millis))
        return Exit.fail(millis.failure);
    const goodFor = Math.max(millis.success, expiresMillis);
    return Effect.as(lease.detach(goodFor), new Ticket({
        key,
        token,
        fencingToken,
        expires: Duration.millis(expiresMillis),
        goodFor: Duration.millis(goodFor)
    }));
});
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
 * - `InvalidOptions`: an option makes no sense
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
export const adopt = (ticket, options) => withRequest(ask(ticket.key, { ...options, expires: options?.expires ?? ticket.expires }), 
// The key has its prefix already.
(backend, request) => backend.adopt(ticket.token, { ...request, key: ticket.key }));
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
export const inspect = (key) => withRequest(ask(key), (backend, request) => backend.inspect(request.key));
/**
 * All who hold the lock on a key: none, the one who has it alone, or those who
 * share it, with their permits. The one whose lease ends first comes first.
 *
 * Fails with `BackendFailure` when the backend cannot say.
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
export const holders = (key) => withRequest(ask(key), (backend, request) => backend.holders(request.key));
const lookOf = (options) => {
    const look = options?.look;
    return look === undefined || kinds.retry.decode(look) !== undefined
        ? undefined
        : invalid("look", look, kinds.retry.expected);
};
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
export const changes = (key, options) => Stream.unwrap(withRequest(lookOf(options) ?? ask(key), (backend, request) => Effect.succeed(Watching.changes(backend, request.key, options?.look))));
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
export const awaitFree = (key, options) => withRequest(lookOf(options) ?? ask(key, options && { timeout: options.timeout }), (backend, request) => Watching.awaitFree(backend, request, options?.look));
/**
 * Which keys are held, and by whom: all, or those that start with `prefix`. The
 * backend is asked page by page, as far as the stream is pulled.
 *
 * **Details**
 *
 * It is no picture of one moment: a key that changes hands meanwhile may be missing,
 * or come twice. The `keyPrefix` of `LockConfig` is put before `prefix`, and keys come
 * without it, as other calls want them.
 *
 * **Errors**
 *
 * - `BackendFailure`: the backend cannot be reached; of kind `Unsupported` where it
 *   does not know its keys (memcached, key-value stores)
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
export const list = (options) => Stream.unwrap(Effect.map(Effect.context(), (context) => {
    const { backend, defaults: { config: { keyPrefix } } } = servicesOf(context);
    const prefix = keyPrefix + (options?.prefix ?? "");
    return Stream.paginate(undefined, (from) => Effect.map(backend.list(prefix, from), ({ locks, next }) => {
        const held = locks.map(({ holder, key }) => ({ key: key.slice(keyPrefix.length), holder }));
        return [held, Option.fromUndefinedOr(next)];
    }));
}));
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
export const events = /* #__PURE__ */ Stream.callback((queue) => Effect.contextWith((context) => Effect.acquireRelease(Effect.sync(() => servicesOf(context).backend.listen((event) => {
    Queue.offerUnsafe(queue, event);
}, () => {
    Queue.endUnsafe(queue);
})), (end) => Effect.sync(end))), { bufferSize: 1024, strategy: "sliding" });
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
 * - `InvalidOptions`: the key makes no sense
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
export const forceRelease = (key, options) => withRequest(ask(key), (backend, request) => backend.forceRelease(request.key, options?.token));
