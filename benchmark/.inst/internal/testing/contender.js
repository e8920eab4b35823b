/**
 * The conformance suite's other processes: what they can be told to do, how one
 * is started, and what it runs.
 *
 * Node's modules are asked for when a process is started, so that the suite can
 * be bundled for where there are none.
 */
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Schema from "effect/Schema";
import * as Lock from "../../Lock.js";
import * as LockBackend from "../../LockBackend.js";
import * as Token from "../token.js";
const ended = (child) => Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null)
        resume(Effect.void);
    else
        child.once("exit", () => resume(Effect.void));
});
/** Starts a program and waits until it is ready. It is killed with the scope. */
export const start = Effect.fnUntraced(function* ({ argument = "", execArgv, module }) {
    const { fork } = process.getBuiltinModule("node:child_process");
    const child = yield* Effect.acquireRelease(Effect.sync(() => fork(module, [argument], {
        stdio: ["ignore", "ignore", "pipe", "ipc"],
        ...(execArgv !== undefined && { execArgv: [...execArgv] })
    })), (child) => Effect.suspend(() => {
        child.kill("SIGKILL");
        return ended(child);
    }));
    const waiting = new Map();
    let said = "";
    let next = 0;
    child.stderr.setEncoding("utf8").on("data", (text) => said = (said + text).slice(-2_000));
    const gone = (why) => {
        const failure = Effect.fail(`a process ${why}${said === "" ? "" : `: ${said}`}`);
        waiting.forEach((resume) => resume(failure));
        waiting.clear();
    };
    child.once("error", (error) => gone(`could not be started (${error.message})`));
    // What it said last comes before this.
    child.once("close", (code, signal) => gone(`ended with ${signal ?? code}`));
    child.on("message", ({ answer, failure, id }) => {
        waiting.get(id)?.(failure === undefined ? Effect.succeed(answer) : Effect.fail(failure));
        waiting.delete(id);
    });
    const answerTo = (id) => Effect.callback((resume) => void waiting.set(id, resume));
    yield* answerTo(next);
    return {
        ask: (name, order) => Effect.suspend(() => {
            const request = { id: ++next, name, order };
            child.send(request, () => { });
            return answerTo(request.id);
        }),
        signal: (signal) => Effect.sync(() => void child.kill(signal))
    };
});
// -----------------------------------------------------------------------------
// In the process
// -----------------------------------------------------------------------------
const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1_000_000);
/** Leases that are left alone hold up everybody. */
const mostLeft = 3;
const abilities = (store, backend) => {
    const nextToken = Token.make(() => Date.now());
    const held = new Map();
    let left = 0;
    const grab = Effect.fnUntraced(function* ({ expires, key, millis }) {
        const sections = [];
        const end = (yield* now) + millis;
        for (let at = yield* now; at < end; at = yield* now) {
            const token = nextToken(at);
            const attempt = yield* store.tryAcquire({ key, token, expiresMillis: expires, wait: false });
            if (attempt._tag === "Held") {
                yield* Effect.sleep(Math.random() * 3);
                continue;
            }
            const from = yield* now;
            const deadline = at + expires * 0.99 - 2;
            if (Math.random() < 0.5)
                yield* Effect.sleep(Math.random() * 2);
            const isLeft = left < mostLeft && Math.random() < 0.1;
            if (isLeft)
                left++;
            const to = isLeft ? deadline : Math.min(deadline, yield* now);
            // Whoever hears that it has the key when its time is over knows that it has nothing.
            if (from < deadline)
                sections.push({ from, to, fencingToken: attempt.fencingToken });
            if (!isLeft)
                yield* store.release(key, token);
            if (Math.random() < 0.5)
                yield* Effect.sleep(Math.random() * 2);
        }
        return sections;
    });
    const share = Effect.fnUntraced(function* ({ expires, key, limit, millis }) {
        const sections = [];
        const end = (yield* now) + millis;
        for (let at = yield* now; at < end; at = yield* now) {
            const token = nextToken(at);
            const permits = Math.floor(Math.random() * 4) % (limit + 1);
            const claim = { key, token, expiresMillis: expires, wait: false };
            const attempt = yield* store.tryAcquire(permits === 0 ? claim : { ...claim, share: { permits, limit } });
            if (attempt._tag === "Held") {
                yield* Effect.sleep(Math.random() * 3);
                continue;
            }
            const from = yield* now;
            const deadline = at + expires * 0.99 - 2;
            yield* Effect.sleep(Math.random() * 3);
            const to = Math.min(deadline, yield* now);
            if (from < deadline)
                sections.push({ from, to, permits, fencingToken: attempt.fencingToken });
            yield* store.release(key, token);
            if (Math.random() < 0.5)
                yield* Effect.sleep(Math.random() * 2);
        }
        return sections;
    });
    const queue = Effect.fnUntraced(function* ({ key, turns }) {
        const sections = [];
        const turn = Lock.withLock(({ fencingToken }) => Effect.gen(function* () {
            const from = yield* now;
            yield* Effect.sleep(1);
            sections.push({ from, to: yield* now, fencingToken });
        }), key, { expires: "60 seconds", timeout: "120 seconds" });
        yield* Effect.repeat(turn, { times: turns - 1 });
        return sections;
    });
    const leave = Effect.fnUntraced(function* ({ by, expires, key }) {
        const token = nextToken();
        const outlives = true;
        const isClaim = by === "claim";
        const claim = { key, token, expiresMillis: expires, wait: false };
        const { _tag } = yield* store.tryAcquire(isClaim ? { ...claim, outlives } : claim);
        const isOurs = _tag === "Acquired" && (isClaim || (yield* store.extend({ ...claim, outlives })));
        return isOurs ? token : yield* Effect.fail("the key is not its own");
    });
    const hold = Effect.fnUntraced(function* ({ expires, key, limit }) {
        const entered = yield* Deferred.make();
        const end = yield* Deferred.make();
        held.set(key, end);
        const work = ({ fencingToken }) => Effect.andThen(Deferred.succeed(entered, fencingToken), Effect.never);
        const options = { expires, timeout: "60 seconds" };
        yield* Effect.forkDetach((limit === undefined ? Lock.withLock(work, key, options) : Lock.withPermits(work, key, { ...options, limit }))
            .pipe(Effect.tapError((error) => Deferred.fail(entered, error)), Effect.catchTag("LockError", (error) => Deferred.succeed(end, error.reason._tag)), Effect.provideService(LockBackend.LockBackend, backend)));
        return yield* Deferred.await(entered);
    });
    const end = ({ key }) => Deferred.await(held.get(key));
    const detach = ({ key, millis }) => Lock.acquire(key, { expires: "60 seconds" }).pipe(Effect.flatMap((lease) => Lock.detach(lease, { for: millis })), Effect.flatMap(Schema.encodeEffect(Lock.Ticket)), Effect.scoped);
    const brief = ({ atLeast, key }) => Lock.withLock(now, key, { atLeast });
    return { grab, share, queue, leave, hold, end, detach, brief };
};
/** Does what the suite says until it is gone. */
export const serve = Effect.fnUntraced(function* (makeStore) {
    const store = yield* makeStore(process.argv[2] ?? "");
    const backend = yield* LockBackend.make(store);
    const does = abilities(store, backend);
    // Connected, if that takes time.
    yield* Effect.ignore(store.inspect("conformance"));
    const say = (response) => process.send?.(response);
    const fork = Effect.runForkWith(yield* Effect.context());
    yield* Effect.callback((resume) => {
        if (process.send === undefined || !process.connected)
            return resume(Effect.void);
        process.once("disconnect", () => resume(Effect.void));
        process.on("message", ({ id, name, order }) => {
            const run = Effect.suspend(() => does[name](order));
            fork(Effect.provideService(run, LockBackend.LockBackend, backend)).addObserver((exit) => say(Exit.isSuccess(exit) ? { id, answer: exit.value } : { id, failure: String(exit.cause) }));
        });
        say({ id: 0 });
    });
});
