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
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Latch from "effect/Latch";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as InMemoryBackend from "../InMemoryBackend.js";
import { withShortcuts } from "../internal/shortcuts.js";
import { monotonicMillis } from "../internal/time.js";
import * as Token from "../internal/token.js";
import * as LockBackend from "../LockBackend.js";
import { BackendFailure } from "../LockError.js";
/**
 * The other processes, the network, and the witness.
 *
 * @category services
 * @since 0.1.0
 */
export class TestBackend extends Context.Service()("effect-lock/testing/TestBackend") {
}
/** As long as anybody: longer than tests last, and short enough for every store. */
const longest = Duration.days(28);
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
export const make = (store) => Effect.map(Effect.service(Clock.Clock), (clock) => {
    const end = Latch.makeUnsafe();
    const calls = [];
    const others = new Map();
    const nextToken = Token.make(() => clock.currentTimeMillisUnsafe());
    let scripts = [];
    let isDown = false;
    let muted;
    const script = (operation, options, fault) => Effect.sync(() => {
        scripts.push({ operation, fault, left: options?.times ?? Infinity });
    });
    const nextFault = (operation) => {
        if (isDown)
            return failing({});
        const found = scripts.find((one) => one.left > 0 && (one.operation === operation || one.operation === "any"));
        if (found === undefined)
            return passing;
        if (--found.left === 0)
            scripts = scripts.filter((one) => one !== found);
        return found.fault;
    };
    const call = (operation, holdings, execute, outcomeOf) => Effect.suspend(() => {
        const at = monotonicMillis(clock);
        const recorded = holdings.map(({ key, token }) => ({
            operation,
            key,
            token,
            at,
            outcome: "Unanswered"
        }));
        calls.push(...recorded);
        const fault = nextFault(operation);
        const failure = (kind, retryable) => new BackendFailure({
            backend: store.name,
            operation,
            kind,
            retryable,
            key: holdings[0]?.key,
            description: "as the test has it"
        });
        return Effect.onExit(fault(execute, failure, end.await), (exit) => Effect.sync(() => {
            recorded.forEach((one, index) => {
                if (exit._tag === "Success")
                    one.outcome = outcomeOf(exit.value, index);
                else if (exit.cause.reasons.some(({ _tag }) => _tag !== "Interrupt"))
                    one.outcome = "Failed";
            });
        }));
    });
    const hearing = (notify) => (grant) => {
        if (muted === undefined)
            notify(grant);
        else
            muted.push(() => notify(grant));
    };
    const { exchange, extendAll, listen } = store;
    const unended = {
        ...store,
        // Its calls suspend when a script says so.
        tryAcquire: (claim) => call("tryAcquire", [claim], store.tryAcquire(claim), attempted),
        extend: (holding) => call("extend", [holding], store.extend(holding), extended),
        release: (key, token) => call("release", [{ key, token }], store.release(key, token), (was) => was ? "Released" : "NotHeld"),
        inspect: (key) => call("inspect", [{ key, token: undefined }], store.inspect(key), () => "Inspected"),
        listen: listen === undefined ?
            undefined :
            (key, token, notify) => call("listen", [{ key, token }], listen(key, token, hearing(notify)), () => "Listening"),
        extendAll: extendAll === undefined ?
            undefined :
            (holdings) => call("extend", holdings, extendAll(holdings), (answers, index) => extended(answers[index])),
        exchange: exchange === undefined ?
            undefined :
            (token, claim) => call("exchange", [claim], exchange(token, claim), attempted)
    };
    // A backend that closes would wait for calls that a clock in the test's hands never ends: what is on its way
    // arrives then, and what is lost is over.
    const scripted = withShortcuts(unended, { ending: Effect.asVoid(end.open) });
    const longestHere = Math.min(Duration.toMillis(longest), store.maxExpires === undefined ? Infinity : Duration.toMillis(store.maxExpires));
    const tryHold = (key, options) => Effect.suspend(() => {
        const share = options?.share;
        const [own] = others.get(key) ?? [];
        const token = share === undefined && own !== undefined ? own : nextToken();
        const expiresMillis = options?.for === undefined
            ? longestHere
            : Duration.toMillis(Duration.fromInputUnsafe(options.for));
        const claim = { key, token, expiresMillis, wait: false, ...(share !== undefined && { share }) };
        return Effect.map(Effect.orDie(store.tryAcquire(claim)), (attempt) => {
            if (attempt._tag === "Held")
                return false;
            others.set(key, [...others.get(key) ?? [], token].filter((one, i, all) => all.indexOf(one) === i));
            return true;
        });
    });
    const holdersOf = store.holders ?? ((key) => Effect.map(store.inspect(key), Option.toArray));
    const drop = Effect.fnUntraced(function* (key) {
        others.delete(key);
        for (const { token } of yield* holdersOf(key))
            yield* store.release(key, token);
    }, Effect.orDie);
    const test = {
        store: scripted,
        hold: (key, options) => Effect.flatMap(tryHold(key, options), (holds) => holds ? Effect.void : Effect.die(new Error(`TestBackend.hold: "${key}" is held already, use steal`))),
        free: (key) => Effect.suspend(() => {
            const tokens = others.get(key) ?? [];
            others.delete(key);
            return Effect.map(Effect.forEach(tokens, (token) => Effect.orDie(store.release(key, token))), (released) => released.includes(true));
        }),
        steal: (key, options) => Effect.suspend(() => {
            // A waiter that heard of the key would be faster than we are.
            const news = [];
            muted = news;
            return Effect.ensuring(Effect.andThen(drop(key), tryHold(key, options)), Effect.sync(() => {
                muted = undefined;
                for (const tell of news)
                    tell();
            }));
        }),
        drop,
        fail: (operation, options) => script(operation, options, failing(options ?? {})),
        delay: (operation, by, options) => script(operation, options, answeringLate(Duration.fromInputUnsafe(by))),
        delayRequest: (operation, by, options) => script(operation, options, arrivingLate(Duration.fromInputUnsafe(by))),
        loseReply: (operation, options) => script(operation, options, losingReply),
        loseRequest: (operation, options) => script(operation, options, losingRequest),
        heal: (operation) => Effect.sync(() => {
            scripts = operation === undefined ? [] : scripts.filter((one) => one.operation !== operation);
        }),
        down: Effect.sync(() => {
            isDown = true;
        }),
        up: Effect.sync(() => {
            isDown = false;
        }),
        calls: Effect.sync(() => calls.map(snapshot))
    };
    return test;
});
const attempted = (attempt) => attempt._tag;
const extended = (answer) => answer instanceof BackendFailure ? "Failed" : answer ? "Extended" : "Lost";
const snapshot = (call) => ({ ...call });
const passing = (execute) => execute;
const failing = (options) => (execute, failure) => {
    const fail = Effect.suspend(() => Effect.fail(failure(options.kind ?? "Unreachable", options.retryable ?? true)));
    return options.executed === true ? Effect.andThen(Effect.exit(execute), fail) : fail;
};
const answeringLate = (by) => (execute, _failure, end) => Effect.flatMap(Effect.exit(execute), (exit) => Effect.andThen(Effect.timeoutOption(end, by), exit));
// A request on its way arrives also when nobody waits for its answer any more.
const arrivingLate = (by) => (execute, _failure, end) => Effect.flatMap(Effect.forkDetach(Effect.andThen(Effect.timeoutOption(end, by), execute), { startImmediately: true }), Fiber.join);
const losingReply = (execute, failure, end) => Effect.andThen(Effect.exit(execute), losingRequest(execute, failure, end));
const losingRequest = (_execute, failure, end) => Effect.andThen(end, Effect.suspend(() => Effect.fail(failure("NoReply", true))));
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
export const layer = Layer.effectContext(Effect.gen(function* () {
    const test = yield* make(yield* InMemoryBackend.makeStore);
    const backend = yield* LockBackend.make(test.store);
    return Context.make(TestBackend, test).pipe(Context.add(LockBackend.LockBackend, backend));
}));
