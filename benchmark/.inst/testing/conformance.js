/**
 * A suite that checks a `LockStore` against its contract, and the promises of a
 * lock over it, with faults on the way to the store.
 *
 * It depends on no test framework: {@link conformance} gives named cases to run
 * as one likes, and {@link register} hands them to a function like vitest's `it`.
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
import * as Cause from "effect/Cause";
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import * as References from "effect/References";
import * as Schema from "effect/Schema";
import * as Scope from "effect/Scope";
import * as TestClock from "effect/testing/TestClock";
import * as Contender from "../internal/testing/contender.js";
import * as Lateness from "../internal/testing/lateness.js";
import * as Token from "../internal/token.js";
import * as Lock from "../Lock.js";
import * as LockBackend from "../LockBackend.js";
import * as TestBackend from "./TestBackend.js";
/**
 * What a store does that it must not, in the words of the case that found it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConformanceFailure extends Schema.TaggedError()("ConformanceFailure", {
    /** The name of the store, as the suite was told. */
    store: Schema.String,
    /** The name of the case, which is what must hold. */
    name: Schema.String,
    /** What was seen instead. */
    description: Schema.String,
    /** What the case failed or died with; absent where it saw what is wrong by itself. */
    cause: Schema.optional(Schema.Defect())
}) {
    get message() {
        return `${this.store}: ${this.name}: ${this.description}`;
    }
}
/**
 * The cases for a store: first the contract of `LockStore`, then what
 * `Lock` promises over it. Cases for what the store does not offer pass.
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
export const conformance = (options) => [...contract, ...sharing, ...promises, ...betweenProcesses].map(({ name, processes = 0, run }) => ({
    name,
    processes,
    run: prepare(options, name, processes, run)
}));
/**
 * Hands cases to a function like vitest's `it`.
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
export const register = (it, cases) => {
    for (const { name, run } of cases)
        it(name, () => Effect.runPromise(Effect.scoped(run)));
};
/**
 * What the {@link Program} of a {@link Subject} runs: makes a store from the
 * argument, and does with it what the suite says until the suite ends.
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
export const serve = (makeStore) => Effect.scoped(Contender.serve(makeStore));
const wrong = (description) => Effect.fail({ _tag: "Wrong", description });
const show = (value) => typeof value === "string" ? JSON.stringify(value) : String(value);
const same = (what, actual, expected) => Object.is(actual, expected) ? Effect.void : wrong(`${what}: expected ${show(expected)}, got ${show(actual)}`);
const that = (what, holds) => holds ? Effect.void : wrong(what);
const immediately = { startImmediately: true };
/** Waits, for a while, until so many wait for the key as far as the store says: a busy machine takes its time. */
const queued = ({ elapse, key, other }, waiting) => Effect.gen(function* () {
    for (let looks = 0; looks < 40; looks++) {
        const { waiters = waiting } = Option.getOrElse(yield* other.inspect(key), () => ({}));
        if (waiters >= waiting)
            return;
        yield* elapse(50);
    }
});
const prepare = (options, name, processes, run) => {
    const inTestTime = options.time === "test";
    const millis = (input, otherwise) => input === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(input));
    const lease = millis(options.lease, 1_000);
    const smallest = millis(options.smallest, 50);
    const elapse = (millis) => inTestTime ? TestClock.testClockWith((clock) => clock.adjust(millis)) : Effect.sleep(millis);
    const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1_000_000);
    const eventually = Effect.fnUntraced(function* (what, within, check) {
        const until = (yield* now) + within;
        while (!(yield* check)) {
            if ((yield* now) >= until)
                return yield* wrong(`${what}: not within ${within} ms`);
            yield* elapse(Math.min(10, smallest / 5));
        }
    });
    const end = Effect.fnUntraced(function* (what, within, fiber) {
        yield* eventually(what, within, Effect.sync(() => fiber.pollUnsafe() !== undefined));
        return fiber.pollUnsafe();
    });
    const body = Effect.fnUntraced(function* (scope) {
        const { faults, one, other, program } = yield* options.make;
        const test = yield* TestBackend.make(one);
        const nextToken = Token.make(() => 0);
        const once = { times: 1 };
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
            asked: (operation, key) => Effect.map(test.calls, (calls) => calls.filter((call) => call.operation === operation && call.key === key).length),
            lease,
            smallest,
            grain: millis(options.grain, inTestTime ? 0 : 100),
            slack: inTestTime ? 0 : 500,
            patience: millis(one.patience, 1_000),
            key: `conformance-${nextToken()}`,
            token: nextToken,
            now,
            elapse,
            process: (store) => Effect.map(LockBackend.make(store), (backend) => (effect) => Effect.provideService(effect, LockBackend.LockBackend, backend)),
            eventually,
            end
        }).pipe(Scope.provide(scope));
    });
    // Closing a backend may take time too, and in test time somebody has to let it pass.
    const once = Effect.gen(function* () {
        const scope = yield* Scope.make();
        const exit = yield* Effect.exit(Scope.provide(body(scope), scope));
        const closing = yield* Effect.forkChild(Scope.close(scope, exit), immediately);
        const closed = yield* end("the backend closes", 60_000, closing);
        return yield* Exit.isFailure(exit) ? exit : closed;
    });
    return Effect.catchCause(
    // What goes wrong here goes wrong on purpose.
    Effect.provideService(
    // What a case has seen on a machine that was late says nothing, but for who had a key beside whom.
    inTestTime
        ? Effect.provide(once, TestClock.layer())
        : Lateness.punctually(lease / 20, processes === 0 ? 5 : 1)(once), References.MinimumLogLevel, "None"), (cause) => {
        if (Cause.hasInterruptsOnly(cause))
            return Effect.failCause(cause);
        const error = Cause.squash(cause);
        const description = isWrong(error) ? error.description : error instanceof Error ? error.message : String(error);
        return Effect.fail(new ConformanceFailure({
            store: options.name,
            name,
            description,
            cause: isWrong(error) ? undefined : error
        }));
    });
};
const isWrong = (error) => typeof error === "object" && error !== null && "_tag" in error && error._tag === "Wrong";
// -----------------------------------------------------------------------------
// The contract of a store
// -----------------------------------------------------------------------------
const claim = (key, token, expiresMillis, wait = false) => ({ key, token, expiresMillis, wait });
const acquired = (what, attempt) => attempt._tag === "Acquired"
    ? Effect.succeed(attempt.fencingToken)
    : wrong(`${what}: expected to acquire the key, but it is held by ${attempt.token ?? "somebody"}`);
const held = (what, attempt) => same(what, attempt._tag, "Held");
const isFree = (store, key) => Effect.map(store.inspect(key), Option.isNone);
/** All pages of a list, each key once. */
const listing = (store, prefix) => Effect.gen(function* () {
    const listed = new Map();
    let from;
    do {
        const page = yield* store.list(prefix, from);
        for (const one of page.locks)
            listed.set(one.key, one);
        from = page.next;
    } while (from !== undefined);
    return Array.from(listed.values());
});
/** Acquires for the token, and says at which time the lease began at the earliest. */
const take = (bench, store, key, token, expiresMillis = 60_000) => Effect.gen(function* () {
    const at = yield* bench.now;
    const fencingToken = yield* acquired("a free key", yield* store.tryAcquire(claim(key, token, expiresMillis)));
    return { at, fencingToken };
});
/** The lease of `length` that began at `at` ends by itself, and not before its time. */
const endsByItself = Effect.fnUntraced(function* (bench, key, at, length) {
    const { elapse, eventually, grain, now, other, slack, token } = bench;
    // One percent is what the clocks may differ.
    yield* elapse(Math.max(0, at + length * 0.99 - 2 - (yield* now)) / 2);
    const successor = token();
    let early = Infinity;
    yield* eventually("the lease ends", length + grain + slack, Effect.gen(function* () {
        const attempt = yield* other.tryAcquire(claim(key, successor, 60_000));
        if (attempt._tag === "Acquired")
            early = at + length * 0.99 - 2 - (yield* now);
        return attempt._tag === "Acquired";
    }));
    yield* that(`the lease of ${length} ms ended ${Math.ceil(early)} ms early`, early <= 0);
});
const oddKeys = [
    " ",
    "a",
    "a ",
    " a",
    "a b",
    "a%20b",
    "A",
    "a:b",
    "a/b",
    "a\\b",
    "a\"b",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "a\u0000",
    "a\u0000b",
    "\u007f",
    "\u0085",
    "{",
    "}",
    "{}",
    "{a}",
    "{a}b",
    "a{b}",
    "*",
    "a*",
    "a?",
    "[a]",
    "lock:",
    "lock:a",
    "__proto__",
    "constructor",
    "ключ",
    "钥匙",
    "🔑",
    "🔑🔒",
    "\u00e9",
    "e\u0301",
    "\ufeffa",
    "\ud800",
    "\ud801",
    "\udc00",
    "\ufffd",
    "\u200b",
    "x".repeat(250),
    "x".repeat(251),
    `${"x".repeat(4_000)}y`,
    `${"x".repeat(4_000)}z`,
    "я".repeat(300)
];
const contract = [
    {
        name: "a free key is acquired",
        run: Effect.fnUntraced(function* ({ key, one, token }) {
            const fencingToken = yield* acquired("a free key", yield* one.tryAcquire(claim(key, token(), 60_000)));
            yield* that("the fencing token is a safe integer", Number.isSafeInteger(fencingToken));
        })
    },
    {
        name: "a held key is refused to others, who hear what is known of the holder",
        run: Effect.fnUntraced(function* (bench) {
            const { grain, key, one, other, token } = bench;
            const holder = token();
            yield* take(bench, one, key, holder, 60_000);
            for (const store of [one, other]) {
                const attempt = yield* store.tryAcquire(claim(key, token(), 60_000));
                if (attempt._tag === "Acquired")
                    return yield* wrong("a key was acquired that is held");
                if (attempt.token !== undefined)
                    yield* same("the holder's token", attempt.token, holder);
                const { remainingMillis } = attempt;
                if (remainingMillis === undefined)
                    continue;
                // A store may add jitter to it, but not wish the holder away.
                yield* that(`remainingMillis is ${remainingMillis} of 60000`, remainingMillis > 50_000);
                yield* that(`remainingMillis is ${remainingMillis} of 60000`, remainingMillis <= 66_000 + grain);
            }
        })
    },
    {
        name: "a holder that asks again has the key, with a new lease",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, key, lease, one, other, token } = bench;
            const holder = token();
            yield* take(bench, one, key, holder, lease);
            yield* elapse(lease * 0.6);
            yield* acquired("its own token", yield* other.tryAcquire(claim(key, holder, lease * 3)));
            yield* elapse(lease * 1.5);
            yield* held("another token", yield* one.tryAcquire(claim(key, token(), lease)));
            yield* same("the release", yield* one.release(key, holder), true);
        })
    },
    {
        name: "a release frees the key, and a second one says that it was free",
        run: Effect.fnUntraced(function* (bench) {
            const { key, one, other, token } = bench;
            const holder = token();
            yield* take(bench, one, key, holder);
            yield* same("the release", yield* other.release(key, holder), true);
            yield* same("the second release", yield* one.release(key, holder), false);
            yield* take(bench, one, key, token());
        })
    },
    {
        name: "a release by another token is refused and changes nothing",
        run: Effect.fnUntraced(function* (bench) {
            const { key, one, other, token } = bench;
            const holder = token();
            const stale = token();
            yield* take(bench, one, key, stale);
            yield* one.release(key, stale);
            yield* take(bench, one, key, holder);
            yield* same("the release by an earlier holder", yield* one.release(key, stale), false);
            yield* same("the release by nobody's token", yield* other.release(key, token()), false);
            yield* held("the key", yield* other.tryAcquire(claim(key, token(), 60_000)));
            yield* same("the extension by the holder", yield* other.extend(claim(key, holder, 60_000)), true);
        })
    },
    {
        name: "an extension starts the lease anew, and may make it longer",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, key, lease, now, one, other, token } = bench;
            const holder = token();
            yield* take(bench, one, key, holder, lease);
            yield* elapse(lease * 0.6);
            yield* same("the extension", yield* one.extend(claim(key, holder, lease)), true);
            yield* elapse(lease * 0.6);
            yield* held("after 1.2 leases", yield* other.tryAcquire(claim(key, token(), lease)));
            const at = yield* now;
            yield* same("the longer extension", yield* other.extend(claim(key, holder, lease * 2)), true);
            yield* endsByItself(bench, key, at, lease * 2);
        })
    },
    {
        name: "an extension may make a lease shorter, and then it ends by itself",
        run: Effect.fnUntraced(function* (bench) {
            const { key, lease, now, one, other, token } = bench;
            const holder = token();
            yield* take(bench, one, key, holder, 60_000);
            const at = yield* now;
            yield* same("the shorter extension", yield* one.extend(claim(key, holder, lease)), true);
            yield* held("within it", yield* other.tryAcquire(claim(key, token(), lease)));
            yield* endsByItself(bench, key, at, lease);
        })
    },
    {
        name: "a key is given from a token to another, once, and past those who wait",
        run: Effect.fnUntraced(function* (bench) {
            const { key, lease, one, other, token } = bench;
            if (one.transfer === undefined || other.transfer === undefined)
                return;
            const [from, to, waiting] = [token(), token(), token()];
            const { fencingToken } = yield* take(bench, one, key, from);
            yield* held("who waits", yield* one.tryAcquire(claim(key, waiting, 60_000, true)));
            const given = yield* acquired("the transfer", yield* other.transfer(from, claim(key, to, lease)));
            yield* that(`the fencing token is ${given} after ${fencingToken}`, given > fencingToken);
            yield* held("a second transfer", yield* one.transfer(from, claim(key, token(), lease)));
            const again = yield* acquired("the same once more", yield* other.transfer(from, claim(key, to, 60_000)));
            yield* that(`the fencing token is ${again} after ${given}`, again >= given);
            yield* same("an extension by the earlier token", yield* one.extend(claim(key, from, 60_000)), false);
            yield* same("a release by the earlier token", yield* one.release(key, from), false);
            yield* same("an extension by the later token", yield* one.extend(claim(key, to, 60_000)), true);
            yield* one.release(key, waiting);
            yield* same("a release by the later token", yield* other.release(key, to), true);
            yield* same("the key is free", yield* isFree(other, key), true);
        })
    },
    {
        name: "a key that is free, or has a new holder, is not given from an earlier token",
        run: Effect.fnUntraced(function* (bench) {
            const { eventually, grain, key, one, other, slack, smallest, token } = bench;
            if (one.transfer === undefined)
                return;
            const from = token();
            yield* held("a free key", yield* one.transfer(from, claim(key, token(), 60_000)));
            yield* take(bench, one, key, from, smallest);
            yield* eventually("the lease ends", smallest + grain + slack, isFree(other, key));
            yield* held("after the end of its lease", yield* one.transfer(from, claim(key, token(), 60_000)));
            yield* same("the key is free", yield* isFree(other, key), true);
            const next = token();
            yield* take(bench, other, key, next);
            yield* held("with a new holder", yield* one.transfer(from, claim(key, token(), 60_000)));
            yield* same("the new holder's release", yield* other.release(key, next), true);
        })
    },
    {
        name: "a transferred lease ends by itself, and never early",
        run: Effect.fnUntraced(function* (bench) {
            const { key, lease, now, one, other, token } = bench;
            if (other.transfer === undefined)
                return;
            const from = token();
            yield* take(bench, one, key, from);
            const at = yield* now;
            yield* acquired("the transfer", yield* other.transfer(from, claim(key, token(), lease)));
            yield* endsByItself(bench, key, at, lease);
        })
    },
    {
        name: "whoever watches a key is told of each other holder, and not any more after that",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, eventually, key, one, other, slack, token } = bench;
            if (one.watch === undefined)
                return;
            let told = 0;
            const scope = yield* Scope.make();
            yield* Scope.provide(one.watch(key, () => told++), scope);
            const tells = Effect.fnUntraced(function* (what, change) {
                // What is told may be told again.
                yield* elapse(100);
                told = 0;
                const answer = yield* change;
                yield* eventually(`${what} is told`, 500 + slack, Effect.sync(() => told > 0));
                return answer;
            });
            const holder = token();
            yield* tells("a first holder", take(bench, other, key, holder));
            yield* tells("a release", other.release(key, holder));
            const next = token();
            yield* tells("the next holder", take(bench, other, key, next));
            const { transfer } = other;
            if (transfer !== undefined) {
                const heir = token();
                yield* tells("a transfer", transfer(next, claim(key, heir, 60_000)));
                yield* tells("a release by the heir", other.release(key, heir));
            }
            else
                yield* other.release(key, next);
            yield* Scope.close(scope, Exit.void);
            yield* elapse(100);
            told = 0;
            yield* take(bench, other, key, holder);
            yield* other.release(key, holder);
            yield* elapse(100);
            yield* same("how often it is told after that", told, 0);
        })
    },
    {
        name: "an extension by another token, or of a free key, is refused and changes nothing",
        run: Effect.fnUntraced(function* (bench) {
            const { key, lease, one, other, token } = bench;
            yield* same("of a free key", yield* one.extend(claim(key, token(), 60_000)), false);
            yield* same("the key is free", yield* isFree(other, key), true);
            const { at } = yield* take(bench, one, key, token(), lease);
            yield* same("by another token", yield* one.extend(claim(key, token(), 60_000)), false);
            yield* same("by another token", yield* other.extend(claim(key, token(), 60_000)), false);
            yield* endsByItself(bench, key, at, lease);
        })
    },
    {
        name: "a lease ends by itself, and never early",
        run: Effect.fnUntraced(function* (bench) {
            const { at } = yield* take(bench, bench.one, bench.key, bench.token(), bench.lease);
            yield* endsByItself(bench, bench.key, at, bench.lease);
        })
    },
    {
        name: "the shortest lease is honoured",
        run: Effect.fnUntraced(function* (bench) {
            const { key, one, smallest, token } = bench;
            const { at } = yield* take(bench, one, key, token(), smallest);
            yield* endsByItself(bench, key, at, smallest);
        })
    },
    {
        name: "a lease that has ended is not extended or released",
        run: Effect.fnUntraced(function* (bench) {
            const { eventually, grain, key, one, other, slack, smallest, token } = bench;
            const holder = token();
            yield* take(bench, one, key, holder, smallest);
            yield* eventually("the lease ends", smallest + grain + slack, isFree(other, key));
            yield* same("the extension", yield* one.extend(claim(key, holder, 60_000)), false);
            yield* same("the release", yield* one.release(key, holder), false);
            yield* same("the key is free", yield* isFree(other, key), true);
            const successor = token();
            yield* take(bench, other, key, successor);
            yield* same("the extension with a successor", yield* one.extend(claim(key, holder, 60_000)), false);
            yield* same("the release with a successor", yield* one.release(key, holder), false);
            yield* same("the successor's release", yield* other.release(key, successor), true);
        })
    },
    {
        name: "fencing tokens increase over release, expiry, asking again and extension",
        run: Effect.fnUntraced(function* (bench) {
            const { eventually, grain, key, one, other, slack, smallest, token } = bench;
            let last = -1;
            const next = (what, fencingToken) => {
                const before = last;
                last = fencingToken;
                return that(`${what}: ${fencingToken} after ${before}`, fencingToken > before);
            };
            const first = token();
            yield* next("the first", (yield* take(bench, one, key, first)).fencingToken);
            // Asking again may give the same or a greater one; what counts is the next holder's.
            last = Math.max(last, yield* acquired("again", yield* other.tryAcquire(claim(key, first, 60_000))));
            yield* one.extend(claim(key, first, 60_000));
            yield* one.release(key, first);
            const second = token();
            yield* next("after asking again and extending", (yield* take(bench, other, key, second, smallest)).fencingToken);
            yield* eventually("the lease ends", smallest + grain + slack, isFree(other, key));
            for (const store of [one, other, one]) {
                const holder = token();
                yield* next("after an expiry and releases", (yield* take(bench, store, key, holder)).fencingToken);
                yield* store.release(key, holder);
            }
        })
    },
    {
        name: "fencing tokens leave room for holders that take over within a process",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, key, one, other, token } = bench;
            const times = one.handOver?.times;
            if (times === undefined)
                return;
            const holder = token();
            const first = (yield* take(bench, one, key, holder)).fencingToken;
            yield* elapse(Math.ceil(times / 1_000) + 1);
            yield* one.release(key, holder);
            const next = (yield* take(bench, other, key, token())).fencingToken;
            yield* that(`${next} after ${first} and ${times - 1} hand-overs`, next >= first + times);
        })
    },
    {
        name: "a release withdraws a token that only waits",
        run: Effect.fnUntraced(function* (bench) {
            const { key, one, other, token } = bench;
            const [holder, waiting] = [token(), token()];
            yield* take(bench, one, key, holder);
            yield* held("the waiting token", yield* other.tryAcquire(claim(key, waiting, 60_000, true)));
            yield* same("the release of the waiting token", yield* other.release(key, waiting), false);
            yield* same("the release of the holder", yield* one.release(key, holder), true);
            yield* same("the key is free", yield* isFree(other, key), true);
            yield* take(bench, one, key, token());
        })
    },
    {
        name: "a claim that waits is granted when the key is free",
        run: Effect.fnUntraced(function* ({ key, one, token }) {
            yield* acquired("a claim that waits", yield* one.tryAcquire(claim(key, token(), 60_000, true)));
        })
    },
    {
        name: "whoever looks sees who holds a key, or that nobody does",
        run: Effect.fnUntraced(function* (bench) {
            const { grain, key, one, other, token } = bench;
            yield* same("at first nobody", yield* isFree(one, key), true);
            const holder = token();
            yield* take(bench, one, key, holder);
            for (const store of [one, other]) {
                const occupant = yield* store.inspect(key);
                if (Option.isNone(occupant))
                    return yield* wrong("a held key looks free");
                yield* same("the holder's token", occupant.value.token, holder);
                const { remainingMillis = 60_000 } = occupant.value;
                yield* that(`remainingMillis is ${remainingMillis} of 60000`, remainingMillis > 50_000 && remainingMillis <= 66_000 + grain);
            }
            yield* one.release(key, holder);
            yield* same("at last nobody", yield* isFree(other, key), true);
        })
    },
    {
        name: "a list has what is held of the keys that start so, on all its pages",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, key, lease, one, other, token } = bench;
            if (other.list === undefined)
                return;
            const keys = Array.from({ length: 20 }, (_, i) => `${key}:[${i}*]\\é`);
            const holders = new Map(keys.map((key) => [key, token()]));
            for (const [key, holder] of holders)
                yield* take(bench, one, key, holder);
            yield* take(bench, one, `${key}:over`, token(), lease);
            yield* take(bench, one, `${key}/other`, token());
            yield* elapse(lease * 1.2);
            yield* one.release(keys[0], holders.get(keys[0]));
            const listed = yield* listing(other, `${key}:`);
            yield* same("the keys", listed.map(({ key }) => key).toSorted().join(), keys.slice(1).toSorted().join());
            for (const { key, remainingMillis = 60_000, token } of listed) {
                yield* same(`the holder of ${JSON.stringify(key)}`, token, holders.get(key));
                yield* that(`remainingMillis is ${remainingMillis} of 60000`, remainingMillis > 0 && remainingMillis <= 66_000);
            }
            const some = yield* listing(other, `${key}:[1`);
            yield* same("how many of those that start with more", some.length, 11);
            yield* same("how many of those that nobody has", (yield* listing(other, `${key}:*`)).length, 0);
        })
    },
    {
        name: "any text is a key, and different texts are different keys",
        run: Effect.fnUntraced(function* (bench) {
            const { one, other, token } = bench;
            const keys = [...oddKeys, ...oddKeys.map((odd) => bench.key + odd), ...oddKeys.map((odd) => odd + bench.key)];
            const holders = yield* Effect.forEach(keys, (key) => Effect.gen(function* () {
                const holder = token();
                yield* acquired(`the key ${JSON.stringify(key)}`, yield* one.tryAcquire(claim(key, holder, 60_000)));
                return { key, holder };
            }));
            for (const { holder, key } of holders) {
                const what = `the key ${JSON.stringify(key)}`;
                const occupant = yield* other.inspect(key);
                yield* same(`${what}, its holder`, Option.getOrUndefined(occupant)?.token, holder);
                yield* held(what, yield* other.tryAcquire(claim(key, token(), 60_000)));
                yield* same(`${what}, its extension`, yield* other.extend(claim(key, holder, 60_000)), true);
                yield* same(`${what}, its release`, yield* other.release(key, holder), true);
            }
        })
    },
    {
        name: "of fifty that ask at once one gets the key",
        run: Effect.fnUntraced(function* (bench) {
            const { key, one, other, token } = bench;
            const attempts = yield* Effect.forEach(Array.from({ length: 50 }, () => token()), (token, i) => Effect.map((i % 2 === 0 ? one : other).tryAcquire(claim(key, token, 60_000)), (attempt) => ({ attempt, token })), { concurrency: "unbounded" });
            const winners = attempts.filter(({ attempt }) => attempt._tag === "Acquired");
            yield* same("how many got it", winners.length, 1);
            for (const { attempt } of attempts) {
                if (attempt._tag === "Held" && attempt.token !== undefined) {
                    yield* same("the holder's token", attempt.token, winners[0].token);
                }
            }
        })
    },
    {
        name: "whoever listens is told of a release, and not any more after that",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, eventually, key, one, other, slack, token } = bench;
            if (other.listen === undefined)
                return;
            const [holder, waiting] = [token(), token()];
            const before = (yield* take(bench, one, key, holder)).fencingToken;
            const listening = yield* Scope.make();
            let news = 0;
            yield* Scope.provide(other.listen(key, waiting, () => void news++), listening);
            yield* held("the waiting token", yield* other.tryAcquire(claim(key, waiting, 60_000, true)));
            news = 0;
            yield* one.release(key, holder);
            yield* eventually("the news of the release", 1_000 + slack, Effect.sync(() => news > 0));
            const after = yield* acquired("after the news", yield* other.tryAcquire(claim(key, waiting, 60_000, true)));
            yield* that(`the fencing token is ${after} after ${before}`, after > before);
            yield* Scope.close(listening, Exit.void);
            news = 0;
            yield* other.release(key, waiting);
            const next = token();
            yield* take(bench, one, key, next);
            yield* one.release(key, next);
            yield* elapse(Math.min(slack, 200));
            yield* same("news after the end", news, 0);
            yield* same("the key is free", yield* isFree(other, key), true);
        })
    },
    {
        name: "extending many at once is extending each",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, key, lease, one, other, token } = bench;
            if (one.extendAll === undefined)
                return;
            yield* same("none", (yield* one.extendAll([])).length, 0);
            const [mine, yours] = [token(), token()];
            const keys = ["a", "b", "c", "d"].map((name) => `${key}-${name}`);
            yield* take(bench, one, keys[0], mine, lease);
            yield* take(bench, other, keys[1], yours, lease * 2);
            yield* take(bench, one, keys[2], mine, lease);
            yield* elapse(lease * 0.6);
            const answers = yield* one.extendAll(keys.map((key) => ({ key, token: mine, expiresMillis: lease })));
            yield* same("mine, another's, mine and nobody's", answers.join(), "true,false,true,false");
            yield* elapse(lease * 0.6);
            yield* held("what was extended", yield* other.tryAcquire(claim(keys[0], token(), lease)));
            yield* held("what was extended", yield* other.tryAcquire(claim(keys[2], token(), lease)));
            yield* same("another's", Option.getOrUndefined(yield* one.inspect(keys[1]))?.token, yours);
            yield* same("nobody's", yield* isFree(one, keys[3]), true);
        })
    },
    {
        name: "an exchange releases the one token and claims for the other",
        run: Effect.fnUntraced(function* (bench) {
            const { key, one, other, token } = bench;
            if (one.exchange === undefined)
                return;
            const [first, second, stale] = [token(), token(), token()];
            const before = (yield* take(bench, one, key, first)).fencingToken;
            const after = yield* acquired("nobody else wants it", yield* one.exchange(first, claim(key, second, 60_000, true)));
            yield* that(`the fencing token is ${after} after ${before}`, after > before);
            yield* same("the first token", yield* other.extend(claim(key, first, 60_000)), false);
            yield* held("a stale token", yield* one.exchange(stale, claim(key, stale, 60_000, false)));
            yield* same("the holder", Option.getOrUndefined(yield* other.inspect(key))?.token, second);
            // With somebody else in a queue of the store, it is that one's turn; without a queue it is open.
            const [third, waiting] = [token(), token()];
            if (other.listen !== undefined)
                yield* other.listen(key, waiting, () => { });
            yield* held("the waiting token", yield* other.tryAcquire(claim(key, waiting, 60_000, true)));
            const attempt = yield* one.exchange(second, claim(key, third, 60_000, true));
            const holder = Option.getOrUndefined(yield* other.inspect(key))?.token;
            yield* that("the key went to one of the two", holder === (attempt._tag === "Acquired" ? third : waiting));
            yield* same("the second token", yield* one.release(key, second), false);
            for (const token of [third, waiting])
                yield* one.release(key, token);
            yield* same("the key is free", yield* isFree(other, key), true);
        })
    }
];
// -----------------------------------------------------------------------------
// The promises of a lock over the store
// -----------------------------------------------------------------------------
const reasonOf = (exit) => {
    if (exit._tag === "Success")
        return "Success";
    const error = Cause.findErrorOption(exit.cause);
    if (Option.isNone(error))
        return exit.cause.reasons[0]?._tag ?? "Empty";
    return error.value._tag === "Wrong" ? "Wrong" : error.value.reason._tag;
};
const promises = [
    {
        name: "no two holders overlap, be they fibers or processes",
        run: Effect.fnUntraced(function* (bench) {
            const { end, key, one, other, process } = bench;
            const processes = [yield* process(one), yield* process(other)];
            let inside = 0;
            let overlaps = 0;
            let done = 0;
            const last = { fencingToken: -1, order: true };
            const section = Lock.withLock((lease) => Effect.gen(function* () {
                if (++inside > 1)
                    overlaps++;
                if (lease.fencingToken <= last.fencingToken)
                    last.order = false;
                last.fencingToken = lease.fencingToken;
                yield* Effect.sleep(2);
                inside--;
                done++;
            }), key, { timeout: "60 seconds", expires: "10 seconds" });
            const workers = processes.flatMap((process) => Array.from({ length: 4 }, () => process(Effect.repeat(section, { times: 3 }))));
            const fiber = yield* Effect.forkChild(Effect.all(workers, { concurrency: "unbounded", discard: true }), immediately);
            const exit = yield* end("everybody gets a turn", 60_000, fiber);
            yield* same("how it ends", reasonOf(exit), "Success");
            yield* same("overlaps", overlaps, 0);
            yield* same("turns", done, 32);
            yield* that("fencing tokens increase", last.order);
            yield* same("the key is free", yield* isFree(other, key), true);
        })
    },
    {
        name: "a timeout of zero is one attempt",
        run: Effect.fnUntraced(function* (bench) {
            const { asked, end, faulty, key, other, process, slack, token } = bench;
            const here = yield* process(faulty);
            const holder = token();
            yield* take(bench, other, key, holder);
            const fiber = yield* Effect.forkChild(Effect.exit(here(Lock.withLock(Effect.void, key, { timeout: 0 }))), immediately);
            const exit = Exit.getSuccess(yield* end("the attempt", slack, fiber));
            yield* same("how it ends", reasonOf(Option.getOrThrow(exit)), "LockTimeout");
            yield* same("attempts", yield* asked("tryAcquire", key), 1);
        })
    },
    {
        name: "a waiter takes over from a holder in another process",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, end, eventually, key, lease, one, other, process, slack } = bench;
            const [here, there] = [yield* process(one), yield* process(other)];
            let held = false;
            let released = false;
            const work = Effect.suspend(() => {
                held = true;
                return Effect.sleep(lease);
            });
            const holder = yield* Effect.forkChild(here(Effect.andThen(Lock.withLock(work, key), Effect.sync(() => released = true))), immediately);
            yield* eventually("the holder has the key", slack, Effect.sync(() => held));
            const waiter = yield* Effect.forkChild(there(Lock.withLock(Effect.sync(() => released), key)), immediately);
            yield* elapse(lease / 2);
            yield* same("the waiter waits", waiter.pollUnsafe(), undefined);
            yield* end("the holder ends", lease + slack, holder);
            const exit = yield* end("the waiter takes over", 2_000 + slack, waiter);
            yield* same("how it ends", reasonOf(exit), "Success");
        })
    },
    {
        name: "a waiter takes over from a holder that crashed",
        run: Effect.fnUntraced(function* (bench) {
            const { end, grain, key, lease, now, one, other, process, slack, token } = bench;
            const here = yield* process(one);
            const { at } = yield* take(bench, other, key, token(), lease);
            const waiter = yield* Effect.forkChild(here(Lock.withLock(now, key)), immediately);
            const exit = yield* end("the waiter takes over", lease + grain + 2_000 + slack, waiter);
            if (exit._tag === "Failure")
                return yield* wrong(`the waiter fails with ${reasonOf(exit)}`);
            yield* that("the waiter takes over before the lease has ended", exit.value >= at + lease * 0.99 - 2);
        })
    },
    {
        name: "one that waited and is gone blocks nobody for longer than its lease",
        run: Effect.fnUntraced(function* (bench) {
            const { end, grain, key, lease, one, other, process, slack, token } = bench;
            const here = yield* process(one);
            const [holder, gone] = [token(), token()];
            yield* take(bench, other, key, holder);
            yield* held("the waiting token", yield* other.tryAcquire(claim(key, gone, lease, true)));
            const waiter = yield* Effect.forkChild(here(Lock.withLock(Effect.void, key)), immediately);
            yield* same("the release of the holder", yield* other.release(key, holder), true);
            const exit = yield* end("the waiter takes over", lease + grain + 5_000 + slack, waiter);
            yield* same("how it ends", reasonOf(exit), "Success");
        })
    },
    {
        name: "a holder keeps the lock for longer than a lease",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, end, key, lease, one, other, process, slack, token } = bench;
            const here = yield* process(one);
            const work = yield* Effect.forkChild(here(Lock.withLock(Effect.sleep(lease * 2.5), key, { expires: lease })), immediately);
            yield* elapse(lease * 2);
            yield* held("after two leases", yield* other.tryAcquire(claim(key, token(), lease)));
            yield* same("how it ends", reasonOf(yield* end("the work", lease + slack, work)), "Success");
            yield* same("the key is free", yield* isFree(other, key), true);
        })
    },
    {
        name: "a holder is told of a theft within its lease",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, end, faults, faulty, key, lease, process, slack } = bench;
            const here = yield* process(faulty);
            const work = yield* Effect.forkChild(here(Lock.withLock(Effect.never, key, { expires: lease })), immediately);
            yield* elapse(lease / 10);
            yield* faults.steal(key);
            const exit = yield* end("the holder is told", lease + slack, work);
            yield* same("how it ends", reasonOf(exit), "LockLost");
        })
    },
    {
        name: "a holder is told when its lease ends because the store is out of reach",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, end, faults, faulty, key, lease, now, process, slack } = bench;
            const here = yield* process(faulty);
            const work = yield* Effect.forkChild(here(Lock.withLock(Effect.never, key, { expires: lease })), immediately);
            yield* elapse(lease / 10);
            yield* same("the holder works", work.pollUnsafe(), undefined);
            const before = yield* now;
            yield* faults.down;
            const exit = yield* end("the holder is told", lease + slack, work);
            yield* same("how it ends", reasonOf(exit), "LockLost");
            yield* that("the holder is told before it is necessary", (yield* now) - before >= lease / 2);
            yield* faults.up;
        })
    },
    {
        name: "nobody acquires while the store is out of reach",
        run: Effect.fnUntraced(function* (bench) {
            const { end, faults, faulty, key, patience, process, slack } = bench;
            const here = yield* process(faulty);
            yield* faults.down;
            let ran = false;
            const work = Effect.sync(() => {
                ran = true;
            });
            for (const timeout of [0, 300]) {
                const attempt = yield* Effect.forkChild(here(Lock.withLock(work, key, { timeout })), immediately);
                const exit = yield* end("the attempt", timeout + patience + slack, attempt);
                yield* same("how it ends", reasonOf(exit), "BackendFailure");
            }
            yield* that("the work did not run", !ran);
            yield* faults.up;
        })
    },
    {
        name: "a lost reply is asked for again, and is no holder",
        run: Effect.fnUntraced(function* (bench) {
            const { end, faults, faulty, key, other, patience, process, slack } = bench;
            const here = yield* process(faulty);
            yield* faults.lostReply("tryAcquire");
            const work = yield* Effect.forkChild(here(Lock.withLock(Effect.succeed(1), key, { timeout: patience * 3 + slack, expires: "60 seconds" })), immediately);
            yield* same("how it ends", reasonOf(yield* end("the work", patience * 3 + slack * 2, work)), "Success");
            yield* same("the key is free", yield* isFree(other, key), true);
        })
    },
    ...["lostReply", "lateReply", "lostRequest", "lateRequest"].map((fault) => ({
        name: `an attempt given up after a ${nameOf(fault)} is no holder and leaves nothing behind`,
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, end, eventually, faults, faulty, key, other, patience, process, slack } = bench;
            const here = yield* process(faulty);
            yield* faults[fault]("tryAcquire", Duration.millis(patience * 1.5));
            const work = yield* Effect.forkChild(here(Lock.withLock(Effect.void, key, { timeout: 0, expires: "60 seconds" })), immediately);
            yield* same("how it ends", reasonOf(yield* end("the attempt", patience + slack, work)), "BackendFailure");
            yield* elapse(patience);
            yield* eventually("the key is free", 1_000 + slack, isFree(other, key));
        })
    })),
    ...["lostReply", "lateReply", "lateRequest"].map((fault) => ({
        name: `an attempt interrupted before a ${nameOf(fault)} leaves nothing behind`,
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, end, eventually, faults, faulty, key, other, patience, process, slack } = bench;
            const here = yield* process(faulty);
            yield* faults[fault]("tryAcquire", Duration.millis(patience * 0.5));
            const work = yield* Effect.forkChild(here(Lock.withLock(Effect.void, key, { expires: "60 seconds" })), immediately);
            yield* elapse(patience * 0.2);
            work.interruptUnsafe();
            yield* same("how it ends", reasonOf(yield* end("the interruption", patience + slack, work)), "Interrupt");
            yield* elapse(patience);
            yield* eventually("the key is free", 1_000 + slack, isFree(other, key));
        })
    })),
    {
        name: "a waiter that is interrupted leaves nothing behind",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, end, eventually, key, one, other, patience, process, slack, token } = bench;
            const here = yield* process(one);
            const holder = token();
            yield* take(bench, other, key, holder);
            const waiters = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(here(Lock.withLock(Effect.void, key)), immediately));
            yield* elapse(200);
            for (const waiter of waiters) {
                waiter.interruptUnsafe();
                yield* same("how it ends", reasonOf(yield* end("the interruption", patience + slack, waiter)), "Interrupt");
            }
            // It has left at once here, and in the store within a round trip.
            yield* eventually("nobody waits", 1_000 + slack, Effect.map(other.inspect(key), (occupant) => (Option.getOrUndefined(occupant)?.waiters ?? 0) === 0));
            yield* same("the holder", Option.getOrUndefined(yield* other.inspect(key))?.token, holder);
            yield* other.release(key, holder);
            yield* eventually("the key is free", 1_000 + slack, isFree(other, key));
        })
    },
    {
        name: "a release that fails does not replace the result, and is made up for",
        run: Effect.fnUntraced(function* (bench) {
            const { end, eventually, faults, faulty, key, other, patience, process, slack } = bench;
            const here = yield* process(faulty);
            const work = yield* Effect.forkChild(here(Lock.withLock(Effect.as(faults.down, "result"), key, { expires: "60 seconds" })), immediately);
            const exit = yield* end("the work", patience + slack, work);
            yield* same("the result", Option.getOrUndefined(Exit.getSuccess(exit)), "result");
            yield* faults.up;
            yield* eventually("the key is free", patience * 2 + 2_000 + slack, isFree(other, key));
        })
    },
    {
        name: "a backend that closes gives back what it held",
        run: Effect.fnUntraced(function* (bench) {
            const { end, eventually, key, one, other, patience, process, slack } = bench;
            const scope = yield* Scope.make();
            const here = yield* Scope.provide(process(one), scope);
            let held = false;
            const forever = Effect.suspend(() => {
                held = true;
                return Effect.never;
            });
            const work = yield* Effect.forkChild(here(Lock.withLock(forever, key, { expires: "60 seconds" })), immediately);
            yield* eventually("the holder has the key", slack, Effect.sync(() => held));
            yield* same("the key is free", yield* isFree(other, key), false);
            const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), immediately);
            yield* end("the backend closes", patience * 2 + slack, closing);
            yield* same("the key is free", yield* isFree(other, key), true);
            yield* same("how the work ends", reasonOf(yield* end("the work", slack, work)), "LockLost");
        })
    }
];
// -----------------------------------------------------------------------------
// Sharing
// -----------------------------------------------------------------------------
/** A claim of so many permits of a limit; by default as a reader. */
const portion = (key, token, expiresMillis, { limit = Number.MAX_SAFE_INTEGER, permits = 1, wait = false } = {}) => ({ key, token, expiresMillis, wait, share: { permits, limit } });
/** A case for a store whose keys may be shared. */
const ifShares = (run) => (bench) => bench.one.shares === true ? run(bench) : Effect.void;
const permitsOf = (store, key) => Effect.map(store.holders === undefined ? Effect.map(store.inspect(key), Option.toArray) : store.holders(key), (holders) => holders.map(({ permits }) => permits ?? "alone").toSorted().join());
const sharing = [
    {
        name: "sharers are let in together up to the limit, and one leaving makes room for one",
        run: Effect.fnUntraced(function* ({ key, one, other, token }) {
            const [a, b, c, d] = [token(), token(), token(), token()];
            const limit = { limit: 3 };
            for (const [store, sharer] of [[one, a], [other, b], [one, c]]) {
                yield* acquired("within the limit", yield* store.tryAcquire(portion(key, sharer, 60_000, limit)));
            }
            yield* held("beyond the limit", yield* other.tryAcquire(portion(key, d, 60_000, limit)));
            yield* acquired("one that asks again", yield* other.tryAcquire(portion(key, a, 60_000, limit)));
            yield* same("the holders", yield* permitsOf(other, key), "1,1,1");
            yield* same("the release, by the other", yield* one.release(key, b), true);
            yield* same("the second release", yield* other.release(key, b), false);
            yield* acquired("in its place", yield* other.tryAcquire(portion(key, d, 60_000, limit)));
            yield* held("beyond the limit", yield* one.tryAcquire(portion(key, b, 60_000, limit)));
            for (const sharer of [a, c, d])
                yield* same("the release", yield* other.release(key, sharer), true);
            yield* same("the key is free", yield* isFree(one, key), true);
        })
    },
    {
        name: "permits weigh, and each claim is judged by its own limit",
        run: Effect.fnUntraced(function* ({ key, one, other, token }) {
            const [heavy, light, wide] = [token(), token(), token()];
            yield* acquired("three of five", yield* one.tryAcquire(portion(key, heavy, 60_000, { limit: 5, permits: 3 })));
            yield* held("three more", yield* other.tryAcquire(portion(key, token(), 60_000, { limit: 5, permits: 3 })));
            yield* held("one of a limit of three", yield* other.tryAcquire(portion(key, token(), 60_000, { limit: 3 })));
            yield* acquired("two more", yield* other.tryAcquire(portion(key, light, 60_000, { limit: 5, permits: 2 })));
            yield* acquired("a reader", yield* other.tryAcquire(portion(key, wide, 60_000)));
            yield* same("the holders", yield* permitsOf(one, key), "1,2,3");
            yield* same("the release", yield* other.release(key, heavy), true);
            yield* same("the release", yield* one.release(key, wide), true);
            yield* acquired("three of five", yield* one.tryAcquire(portion(key, heavy, 60_000, { limit: 5, permits: 3 })));
            const most = { limit: Number.MAX_SAFE_INTEGER, permits: Number.MAX_SAFE_INTEGER - 5 };
            yield* acquired("all the others", yield* one.tryAcquire(portion(key, wide, 60_000, most)));
            yield* held("not one too many", yield* other.tryAcquire(portion(key, token(), 60_000)));
            for (const sharer of [heavy, light, wide])
                yield* same("the release", yield* other.release(key, sharer), true);
            yield* same("the key is free", yield* isFree(one, key), true);
        })
    },
    {
        name: "who has the key alone keeps sharers out, and the other way round",
        run: Effect.fnUntraced(function* (bench) {
            const { key, one, other, token } = bench;
            const [alone, shared] = [token(), token()];
            const before = (yield* take(bench, one, key, alone)).fencingToken;
            yield* held("a sharer", yield* other.tryAcquire(portion(key, shared, 60_000)));
            yield* same("the holders", yield* permitsOf(other, key), "alone");
            yield* same("the release", yield* one.release(key, alone), true);
            const between = yield* acquired("a sharer", yield* other.tryAcquire(portion(key, shared, 60_000)));
            const attempt = yield* one.tryAcquire(claim(key, alone, 60_000));
            if (attempt._tag === "Acquired")
                return yield* wrong("somebody has a shared key alone");
            if (attempt.token !== undefined)
                yield* same("the holder's token", attempt.token, shared);
            yield* same("an extension by who has nothing", yield* one.extend(claim(key, alone, 60_000)), false);
            yield* same("a release by who has nothing", yield* one.release(key, alone), false);
            yield* same("the holders", yield* permitsOf(one, key), "1");
            yield* same("the release", yield* one.release(key, shared), true);
            const after = (yield* take(bench, other, key, alone)).fencingToken;
            yield* that(`fencing tokens are ${[before, between, after].join()}`, before < between && between < after);
            yield* same("an extension by who has nothing", yield* one.extend(claim(key, shared, 60_000)), false);
            yield* same("a release by who has nothing", yield* one.release(key, shared), false);
        })
    },
    {
        name: "each sharer's lease ends by itself, whatever the others do",
        run: Effect.fnUntraced(function* (bench) {
            const { eventually, grain, key, lease, now, one, other, slack, token } = bench;
            const [short, long, next] = [token(), token(), token()];
            const limit = { limit: 2 };
            const at = yield* now;
            yield* acquired("a short one", yield* one.tryAcquire(portion(key, short, lease, limit)));
            yield* acquired("a long one", yield* other.tryAcquire(portion(key, long, 60_000, limit)));
            let early = false;
            yield* eventually("the short one makes room", lease + grain + slack, Effect.gen(function* () {
                yield* one.extend(claim(key, long, 60_000));
                const attempt = yield* other.tryAcquire(portion(key, next, 60_000, limit));
                early = attempt._tag === "Acquired" && (yield* now) < at + lease * 0.99 - 2;
                return attempt._tag === "Acquired";
            }));
            yield* that("the lease ended early", !early);
            yield* same("the extension of what has ended", yield* one.extend(claim(key, short, 60_000)), false);
            yield* same("the release of what has ended", yield* one.release(key, short), false);
            yield* same("the extension of the others", yield* other.extend(claim(key, next, 60_000)), true);
            yield* same("the holders", yield* permitsOf(one, key), "1,1");
        })
    },
    {
        name: "a lease that many share is extended for each by itself",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, key, lease, one, other, token } = bench;
            const tokens = Array.from({ length: 5 }, token);
            for (const token of tokens)
                yield* acquired("a reader", yield* one.tryAcquire(portion(key, token, lease)));
            yield* elapse(lease * 0.6);
            const holdings = tokens.slice(1).map((token) => claim(key, token, lease * 3));
            const answers = one.extendAll === undefined
                ? yield* Effect.forEach(holdings, one.extend)
                : yield* one.extendAll(holdings);
            yield* same("the extensions", answers.join(), "true,true,true,true");
            yield* elapse(lease * 0.6);
            yield* same("the extension of what has ended", yield* one.extend(claim(key, tokens[0], lease)), false);
            yield* same("the holders", yield* permitsOf(other, key), "1,1,1,1");
            yield* held("somebody alone", yield* other.tryAcquire(claim(key, token(), lease)));
        })
    },
    {
        name: "who shares does not pass who waits, and who leaves the queue lets in those behind",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, end, eventually, key, one, other, process, slack } = bench;
            const [here, there] = [yield* process(one), yield* process(other)];
            let [reading, wrote] = [0, false];
            const read = Effect.andThen(Effect.sync(() => reading++), Effect.never);
            yield* Effect.forkChild(here(Lock.withSharedLock(read, key)), immediately);
            yield* eventually("a reader reads", 2_000 + slack, Effect.sync(() => reading === 1));
            const writer = yield* Effect.forkChild(there(Lock.withLock(Effect.sync(() => wrote = true), key, { timeout: "Infinity" })), immediately);
            yield* elapse(300);
            yield* queued(bench, 1);
            const behind = yield* Effect.forkChild(here(Lock.withSharedLock(read, key, { timeout: "Infinity" })), immediately);
            yield* elapse(300);
            // A store that keeps no queue has no order to keep either, and none that shares is without.
            yield* same("readers beside the first", reading, 1);
            writer.interruptUnsafe();
            yield* end("the writer leaves", 2_000 + slack, writer);
            yield* eventually("the reader behind it reads", 5_000 + slack, Effect.sync(() => reading === 2));
            yield* that("the writer did not write", !wrote);
            behind.interruptUnsafe();
            yield* end("the reader leaves", 2_000 + slack, behind);
        })
    },
    {
        name: "a heavy claim is not passed by light ones, and one release lets in as many as fit",
        run: Effect.fnUntraced(function* (bench) {
            const { elapse, end, eventually, key, one, other, process, slack } = bench;
            const processes = [yield* process(one), yield* process(other)];
            let [out, most] = [0, 0];
            const order = [];
            const work = (permits, millis) => Effect.acquireUseRelease(Effect.sync(() => {
                order.push(permits);
                most = Math.max(most, out += permits);
            }), () => Effect.sleep(millis), () => Effect.sync(() => void (out -= permits)));
            /** Until so many are seen to wait, where the store says how many do: a busy machine takes its time. */
            const start = (i, permits, millis, waiting) => Effect.forkChild(processes[i % 2](Lock.withPermits(work(permits, millis), key, { limit: 4, permits, timeout: "Infinity" })), immediately).pipe(Effect.tap(() => Effect.andThen(elapse(150), queued(bench, waiting))));
            const first = yield* start(0, 2, 900, 0);
            yield* eventually("the first is in", 5_000 + slack, Effect.sync(() => order.length === 1));
            const fibers = [
                first,
                yield* start(1, 4, 50, 1),
                yield* start(0, 1, 50, 2),
                // Behind the other one of its process, which asks for both.
                yield* start(1, 1, 50, 2)
            ];
            for (const fiber of fibers) {
                yield* same("how it ends", reasonOf(yield* end("the work", 10_000 + slack, fiber)), "Success");
            }
            yield* same("the order", order.join(), "2,4,1,1");
            yield* that(`${most} permits of 4 are out`, most <= 4);
            yield* same("the key is free", yield* isFree(other, key), true);
        })
    },
    {
        name: "readers and writers of two processes keep each other out, and leave nothing",
        run: Effect.fnUntraced(function* (bench) {
            const { end, key, one, other, process, slack } = bench;
            const processes = [yield* process(one), yield* process(other)];
            const inside = { readers: 0, writers: 0 };
            const faults = [];
            const enter = (kind) => Effect.acquireUseRelease(Effect.sync(() => {
                inside[kind]++;
                if (inside.writers > 1 || (inside.writers > 0 && inside.readers > 0))
                    faults.push(JSON.stringify(inside));
            }), () => Effect.sleep(3), () => Effect.sync(() => void inside[kind]--));
            const fibers = yield* Effect.forEach(Array.from({ length: 40 }, (_, i) => i), (i) => Effect.forkChild(processes[i % 2](i % 5 === 3
                ? Lock.withLock(enter("writers"), key, { timeout: "Infinity" })
                : Lock.withSharedLock(enter("readers"), key, { timeout: "Infinity" })), immediately));
            for (const fiber of fibers) {
                yield* same("how it ends", reasonOf(yield* end("the work", 20_000 + slack, fiber)), "Success");
            }
            yield* same("who was inside together", faults.join(), "");
            yield* same("the key is free", yield* isFree(one, key), true);
        })
    }
].map(({ name, run }) => ({ name, run: ifShares(run) }));
// -----------------------------------------------------------------------------
// The same, among processes
// -----------------------------------------------------------------------------
/** A process of the program, killed with the case. */
const contender = (program) => Effect.mapError(Contender.start(program), unanswered);
const unanswered = (description) => ({ _tag: "Wrong", description });
const ask = (answer) => Effect.mapError(answer, unanswered);
/** How often the key passed from process to process; wrong if two had it, or a fencing token did not rise. */
const handOffs = Effect.fnUntraced(function* (logs) {
    const sections = logs
        .flatMap((log, process) => log.map((section) => ({ ...section, process })))
        .toSorted((one, other) => one.from - other.from);
    let count = 0;
    for (const [i, { fencingToken, from, process }] of sections.entries()) {
        const before = sections[i - 1];
        if (before === undefined)
            continue;
        if (from < before.to)
            return yield* wrong(`two processes had the key for ${(before.to - from).toFixed(2)} ms`);
        yield* that(`the fencing token is ${fencingToken} after ${before.fencingToken}`, fencingToken > before.fencingToken);
        if (process !== before.process)
            count++;
    }
    return count;
});
/** Wrong if more permits were out than the limit, or somebody was beside one who had the key alone. */
const sharesWell = Effect.fnUntraced(function* (logs, limit) {
    const sections = logs
        .flatMap((log, process) => log.map((section) => ({ ...section, process })))
        .toSorted((one, other) => one.from - other.from);
    let together = 0;
    let inside = [];
    for (const section of sections) {
        inside = inside.filter(({ to }) => to > section.from);
        const isAlone = section.permits === 0 || inside.some(({ permits }) => permits === 0);
        if (isAlone && inside.length > 0)
            return yield* wrong("somebody had the key beside one who had it alone");
        if (inside.some(({ process }) => process !== section.process))
            together++;
        inside.push(section);
        const used = inside.reduce((sum, { permits }) => sum + permits, 0);
        if (used > limit)
            return yield* wrong(`${used} permits of ${limit} were out`);
    }
    const alone = sections.filter(({ permits }) => permits === 0);
    for (const { fencingToken, from, to } of alone) {
        const isRisen = sections.every((other) => other.to <= from
            ? other.fencingToken < fencingToken
            : other.from < to || other.fencingToken > fencingToken);
        yield* that(`the fencing token ${fencingToken} of one who had the key alone is in its order`, isRisen);
    }
    return Math.min(together, alone.length);
});
/** A case for a store that has a program. */
const withProgram = (run) => (bench) => bench.program === undefined ? Effect.void : run(bench, contender(bench.program));
const three = [1, 2, 3];
const betweenProcesses = [
    {
        name: "processes that ask all the time never overlap, and their fencing tokens rise",
        processes: 3,
        run: withProgram(Effect.fnUntraced(function* ({ grain, key, now, smallest }, start) {
            const processes = yield* Effect.forEach(three, () => start, { concurrency: "unbounded" });
            const logs = three.map(() => []);
            const until = (yield* now) + 30_000 + 10 * grain;
            // Until there was something to see: a busy machine runs one process after the other.
            for (let seen = 0; seen < 100;) {
                if ((yield* now) > until)
                    return yield* wrong(`the key passed between processes ${seen} times only`);
                const order = { key, expires: smallest, millis: 500 };
                const answers = yield* Effect.forEach(processes, ({ ask: tell }) => ask(tell("grab", order)), {
                    concurrency: "unbounded"
                });
                answers.forEach((answer, i) => logs[i].push(...answer));
                seen = yield* handOffs(logs);
            }
        }))
    },
    {
        name: "processes that wait all have their turns, one after the other",
        processes: 3,
        run: withProgram(Effect.fnUntraced(function* ({ key, other }, start) {
            const processes = yield* Effect.forEach(three, () => start, { concurrency: "unbounded" });
            const order = { key, turns: 20 };
            const logs = yield* Effect.forEach(processes, ({ ask: tell }) => ask(tell("queue", order)), {
                concurrency: "unbounded"
            });
            yield* handOffs(logs);
            for (const log of logs)
                yield* same("turns", log.length, order.turns);
            yield* same("the key is free", yield* isFree(other, key), true);
        }))
    },
    {
        name: "a waiter takes over from a process that was killed",
        processes: 1,
        run: withProgram(Effect.fnUntraced(function* ({ end, grain, key, lease, one, process, slack }, start) {
            const [here, victim] = [yield* process(one), yield* start];
            const before = yield* ask(victim.ask("hold", { key, expires: lease }));
            const work = Lock.withLock((lease) => Effect.succeed(lease.fencingToken), key);
            const waiter = yield* Effect.forkChild(here(work), immediately);
            yield* victim.signal("SIGKILL");
            const exit = yield* end("the waiter takes over", lease + grain + 2_000 + slack, waiter);
            if (exit._tag === "Failure")
                return yield* wrong(`the waiter fails with ${reasonOf(exit)}`);
            yield* that(`the fencing token is ${exit.value} after ${before}`, exit.value > before);
        }))
    },
    ...["claim", "extension"].map((by) => ({
        name: `a lease that outlives its process by its ${by} stays taken when that is killed, and can be given on`,
        processes: 1,
        run: withProgram(Effect.fnUntraced(function* (bench, start) {
            const { eventually, grain, key, lease, one, other, slack, token } = bench;
            const victim = yield* start;
            const from = yield* ask(victim.ask("leave", { key, expires: 60_000, by }));
            yield* victim.signal("SIGKILL");
            yield* Effect.ignore(ask(victim.ask("end", { key })));
            yield* held("when it is killed", yield* other.tryAcquire(claim(key, token(), lease)));
            if (one.transfer === undefined)
                return;
            yield* acquired("the transfer", yield* one.transfer(from, { ...claim(key, token(), lease), outlives: true }));
            yield* held("when it is given on", yield* other.tryAcquire(claim(key, token(), lease)));
            yield* eventually("the lease ends", lease + grain + slack, isFree(other, key));
        }))
    })),
    {
        name: "processes that share a key never have more of it than its limit, and nobody has it beside one alone",
        processes: 3,
        run: ifShares(withProgram(Effect.fnUntraced(function* ({ grain, key, lease, now }, start) {
            const processes = yield* Effect.forEach(three, () => start, { concurrency: "unbounded" });
            const logs = three.map(() => []);
            const until = (yield* now) + 30_000 + 10 * grain;
            for (let seen = 0; seen < 30;) {
                if ((yield* now) > until)
                    return yield* wrong(`processes had the key together, and alone, ${seen} times only`);
                const order = { key, expires: lease, millis: 500, limit: 5 };
                const answers = yield* Effect.forEach(processes, ({ ask: tell }) => ask(tell("share", order)), {
                    concurrency: "unbounded"
                });
                answers.forEach((answer, i) => logs[i].push(...answer));
                seen = yield* sharesWell(logs, order.limit);
            }
        })))
    },
    {
        name: "what a process had of a shared key is free when it was killed, and the others keep theirs",
        processes: 2,
        run: ifShares(withProgram(Effect.fnUntraced(function* ({ eventually, grain, key, lease, one, other, slack, token }, start) {
            const [victim, sharer] = yield* Effect.forEach([1, 2], () => start, { concurrency: "unbounded" });
            for (const { ask: tell } of [victim, sharer])
                yield* ask(tell("hold", { key, expires: lease, limit: 2 }));
            const next = portion(key, token(), 60_000, { limit: 2 });
            yield* held("a third", yield* other.tryAcquire(next));
            yield* victim.signal("SIGKILL");
            yield* eventually("the permit is free", lease + grain + 2_000 + slack, Effect.map(other.tryAcquire(next), ({ _tag }) => _tag === "Acquired"));
            yield* same("the holders", yield* permitsOf(one, key), "1,1");
            yield* held("a third again", yield* one.tryAcquire(portion(key, token(), 60_000, { limit: 2 })));
        })))
    },
    {
        name: "what a process holds is on the list of another, until it is killed",
        processes: 1,
        run: withProgram(Effect.fnUntraced(function* ({ eventually, grain, key, lease, other, slack }, start) {
            if (other.list === undefined)
                return;
            const victim = yield* start;
            yield* ask(victim.ask("hold", { key, expires: lease }));
            const keys = Effect.map(listing(other, key), (all) => all.map((one) => one.key).join());
            yield* same("the list", yield* keys, key);
            yield* victim.signal("SIGKILL");
            yield* eventually("it is on the list no more", lease + grain + 2_000 + slack, Effect.map(keys, (keys) => keys === ""));
        }))
    },
    {
        name: "a lock that a process has left is taken on by another, though that is killed",
        processes: 1,
        run: withProgram(Effect.fnUntraced(function* ({ key, lease, one, other, process, token }, start) {
            if (one.transfer === undefined)
                return;
            const [here, victim] = [yield* process(one), yield* start];
            const left = yield* ask(victim.ask("detach", { key, millis: 60_000 }));
            yield* victim.signal("SIGKILL");
            yield* Effect.ignore(ask(victim.ask("end", { key })));
            yield* held("when it is killed", yield* other.tryAcquire(claim(key, token(), lease)));
            const ticket = yield* Effect.orDie(Schema.decodeEffect(Lock.Ticket)(left));
            const whoHasIt = Effect.gen(function* () {
                yield* Lock.adopt(ticket);
                return Option.getOrUndefined(yield* other.inspect(key))?.token;
            });
            const adopter = yield* here(Effect.scoped(whoHasIt));
            yield* that("it has another holder", adopter !== undefined && adopter !== ticket.token);
            yield* same("the key is free", yield* isFree(other, key), true);
            yield* same("who comes later", reasonOf(yield* Effect.exit(here(Effect.scoped(Lock.adopt(ticket))))), "LockLost");
        }))
    },
    {
        name: "a key stays taken for as long as a process wanted it to, though that is killed",
        processes: 1,
        run: withProgram(Effect.fnUntraced(function* ({ eventually, grain, key, lease, now, other, slack, token }, start) {
            const victim = yield* start;
            const atLeast = 2 * lease;
            const from = yield* ask(victim.ask("brief", { key, atLeast }));
            yield* victim.signal("SIGKILL");
            const taker = token();
            yield* eventually("it is free", atLeast + grain + 2_000 + slack, Effect.map(other.tryAcquire(claim(key, taker, lease)), ({ _tag }) => _tag === "Acquired"));
            const passed = (yield* now) - from;
            yield* that(`it was free after ${passed.toFixed(0)} ms of ${atLeast}`, passed >= atLeast * 0.99 - 2);
        }))
    },
    {
        name: "a process that stood still for longer than its lease is told that another has the key",
        processes: 1,
        run: withProgram(Effect.fnUntraced(function* (bench, start) {
            const { end, eventually, grain, key, lease, one, other, process, slack } = bench;
            const [here, victim] = [yield* process(one), yield* start];
            const before = yield* ask(victim.ask("hold", { key, expires: lease }));
            yield* victim.signal("SIGSTOP");
            let after = 0;
            const work = Lock.withLock(({ fencingToken }) => Effect.andThen(Effect.sync(() => after = fencingToken), Effect.never), key, { expires: "60 seconds" });
            const waiter = yield* Effect.forkChild(here(work), immediately);
            yield* eventually("the waiter takes over", lease + grain + 2_000 + slack, Effect.sync(() => after > 0));
            yield* that(`the fencing token is ${after} after ${before}`, after > before);
            const holder = Option.getOrUndefined(yield* other.inspect(key))?.token;
            yield* victim.signal("SIGCONT");
            const told = yield* Effect.forkChild(ask(victim.ask("end", { key })), immediately);
            yield* same("what it is told", Option.getOrUndefined(Exit.getSuccess(yield* end("it is told", 10_000, told))), "LockLost");
            yield* same("the holder", Option.getOrUndefined(yield* other.inspect(key))?.token, holder);
            waiter.interruptUnsafe();
            yield* end("the interruption", 2_000 + slack, waiter);
        }))
    }
];
function nameOf(fault) {
    return fault.replace(/[A-Z]/, (letter) => ` ${letter.toLowerCase()}`);
}
