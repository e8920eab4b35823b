/**
 * One leader among processes: campaign for ever, work while leading, stop when
 * leadership is lost, campaign again.
 *
 * - {@link lead} runs an effect whenever this process leads.
 * - {@link layer} builds services that live only while it does.
 * - {@link resign} steps down from within.
 * - {@link current} and {@link changes} say who leads, to everybody.
 *
 * **Details**
 *
 * - Who leads holds the lock on the key. Never do two lead at a time beyond what a
 *   lease can promise: a process that is stopped past the end of its lease does not
 *   know it until it runs again. Pass the lease's fencing token along with writes.
 * - After a leader has died, nobody leads until its lease has ended: `expires` at the
 *   longest, and what the backend's waiters need to notice. After one has stopped or
 *   resigned in good order, the next one leads as soon as it hears of it.
 * - Who leads is whoever comes first. There is no priority and no preferred process.
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
import * as Cause from "effect/Cause";
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Deferred from "effect/Deferred";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { dual } from "effect/Function";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Pull from "effect/Pull";
import * as Schedule from "effect/Schedule";
import { invalid, isTimeout, kinds, toWholeMillis } from "./internal/options.js";
import { isFunction } from "./internal/reentry.js";
import { ask } from "./internal/request.js";
import * as Lock from "./Lock.js";
import { LockError } from "./LockError.js";
/**
 * What the work of a leader knows of its leadership.
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
export class Leadership extends Context.Service()("effect-lock/Leader/Leadership") {
}
const decode = (key, { rest, restart, ...options } = {}) => {
    const restMillis = rest === undefined ? 1_000 : toWholeMillis(rest);
    if (!isTimeout(restMillis) || restMillis === Infinity) {
        return invalid("rest", rest, `a finite duration of zero or more, such as "1 second"`);
    }
    if (restart !== undefined && !Schedule.isSchedule(restart))
        return invalid("restart", restart, kinds.retry.expected);
    const lock = { ...options, timeout: Infinity };
    const asking = ask(key, lock);
    return asking instanceof LockError ? asking : { lock, restMillis, restart };
};
/** The lease of the term is over. The same from another lock inside the work has come out as the work's own failure. */
const isLost = (cause) => cause.reasons.length === 1 && Cause.isFailReason(cause.reasons[0]) &&
    cause.reasons[0].error instanceof LockError && cause.reasons[0].error.reason._tag === "LockLost";
/**
 * Runs an effect whenever this process leads. See each overload for the details.
 *
 * @category combinators
 * @since 0.2.0
 */
export const lead = /* #__PURE__ */ dual((args) => typeof args[0] === "function" || Effect.isEffect(args[0]), (work, key, options) => {
    const terms = decode(key, options);
    return terms instanceof LockError ? Exit.fail(terms) : campaign(work, key, terms);
});
const campaign = Effect.fnUntraced(function* (work, key, { lock, restMillis, restart }) {
    let step;
    while (true) {
        let hasResigned = false;
        const term = (lease) => Effect.suspend(() => {
            const resigned = Deferred.makeUnsafe();
            const resign = Effect.suspend(() => {
                hasResigned = true;
                Deferred.doneUnsafe(resigned, Exit.interrupt());
                return Effect.never;
            });
            const effect = isFunction(work) ? work(lease) : work;
            return Effect.exit(Effect.raceFirst(Effect.provideService(effect, Leadership, { lease, resign }), Deferred.await(resigned)));
        });
        const ended = yield* Effect.exit(Lock.withLock(term, key, lock));
        if (Exit.isFailure(ended)) {
            if (isLost(ended.cause))
                continue;
            return yield* Effect.failCause(ended.cause);
        }
        const exit = ended.value;
        if (hasResigned) {
            yield* Effect.sleep(Duration.millis(restMillis));
            continue;
        }
        const failure = Exit.isFailure(exit) ? Cause.findErrorOption(exit.cause) : Option.none();
        if (restart === undefined || Option.isNone(failure))
            return yield* exit;
        step ??= (yield* Schedule.toStepWithSleep(restart));
        const again = yield* Pull.catchDone(Effect.as(step(failure.value), true), () => Effect.succeed(false));
        if (!again)
            return yield* exit;
    }
});
/**
 * Steps down: to be called by the work of a leader, which is interrupted by it. See
 * {@link Leadership}.
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
export const resign = /* #__PURE__ */ Effect.flatMap(Leadership, (leadership) => leadership.resign);
/** A layer has nobody to fail for, so it goes on. */
const patiently = Schedule.min([Schedule.exponential("1 second", 2), Schedule.spaced("30 seconds")]);
/**
 * Services that live only while this process leads. See each overload for the
 * details.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer = /* #__PURE__ */ dual((args) => Layer.isLayer(args[0]), (services, key, { restart = patiently, ...options } = {}) => {
    const terms = decode(key, { ...options, restart });
    if (terms instanceof LockError)
        return Layer.effectDiscard(Exit.fail(terms));
    const leading = Effect.gen(function* () {
        const step = yield* Schedule.toStep(restart);
        while (true) {
            const exit = yield* Effect.exit(campaign(Layer.launch(services), key, { ...terms, restart: undefined }));
            // Whoever is interrupted does not get here, and services that live for ever do not succeed.
            if (Exit.isSuccess(exit))
                return;
            const now = yield* Clock.currentTimeMillis;
            const pause = yield* Pull.catchDone(Effect.map(step(now, Cause.squash(exit.cause)), ([, pause]) => pause), () => Effect.undefined);
            const next = pause === undefined ? "no new campaign, as `restart` has ended" : "a new campaign";
            yield* Effect.logError(`What runs while leading "${key}" has ended, and there will be ${next}`, exit.cause);
            if (pause === undefined)
                return;
            yield* Effect.sleep(pause);
        }
    });
    return Layer.effectDiscard(Effect.forkScoped(leading));
});
/**
 * Who leads, as everybody sees it: who holds the lock on the key. `Option.none` when
 * nobody does.
 *
 * Fails with `BackendFailure` when the backend cannot say, and with `InvalidOptions`
 * when the key makes no sense.
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
export const current = (key) => Lock.inspect(key);
/**
 * Who leads: at first who does now, then each other leader that is seen, and
 * `Option.none` while nobody leads. It takes no part in the campaign. See
 * `Lock.changes`.
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
export const changes = (key, options) => Lock.changes(key, options);
