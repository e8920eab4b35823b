/** How statements get to the server: outside of anybody's transaction, and none of them for ever. */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { monotonicMillis } from "../time.js";
import * as Failure from "./failure.js";
/** A statement without answer for this long is given up, and so is the client that it went to. */
export const deadlineMillis = 2000;
/** How often to look for such statements while any is out. */
const lookMillis = 200;
const canListen = (client) => "listen" in client && typeof client.listen === "function";
/** Over the program's own client, which is left as it is. */
export const borrowed = Effect.fnUntraced(function* (client) {
    // Without the transaction that may have been open when the layer was built.
    const context = Context.omit(client.transactionService)(yield* Effect.context());
    const fork = Effect.runForkWith(context);
    const runner = yield* makeRunner((text, parameters, onEnd) => {
        const fiber = fork(Effect.withTracerEnabled(client.unsafe(text, parameters).values, false));
        fiber.addObserver((exit) => exit._tag === "Success"
            ? onEnd(exit.value, undefined)
            : onEnd(undefined, firstError(exit)));
        return () => fiber.interruptUnsafe();
    });
    yield* Effect.addFinalizer(() => Effect.sync(runner.close));
    return {
        run: runner.run,
        deadlineMillis,
        listen: canListen(client) ? (channel) => client.listen(channel) : undefined
    };
});
/** Runs statements, each of which ends in time. */
export const makeRunner = Effect.fnUntraced(function* (start) {
    const context = yield* Effect.context();
    const clock = Context.get(context, Clock.Clock);
    const now = () => monotonicMillis(clock);
    const fork = Effect.runForkWith(context);
    /** Everything that is out, in the order of its end. */
    const out = new Set();
    let watch;
    let closed = false;
    const watching = Effect.gen(function* () {
        while (out.size > 0) {
            yield* Effect.sleep(Duration.millis(lookMillis));
            // When we are late ourselves, answers may have arrived that nobody has looked at yet.
            yield* Effect.yieldNow;
            const at = now();
            for (const one of Array.from(out)) {
                if (one.until <= at)
                    one.giveUp();
            }
        }
        watch = undefined;
    });
    const run = (text, parameters, done) => {
        if (closed)
            return done(undefined, new Failure.Closed());
        const end = (rows, error) => {
            if (out.delete(one))
                done(rows, error);
        };
        const one = {
            until: now() + deadlineMillis,
            giveUp: () => {
                end(undefined, closed ? new Failure.Closed() : new Failure.Silent());
                leave();
            }
        };
        out.add(one);
        const leave = start(text, parameters, end);
        if (watch === undefined && out.size > 0)
            watch = fork(watching);
    };
    const close = () => {
        closed = true;
        for (const one of Array.from(out))
            one.giveUp();
        watch?.interruptUnsafe();
    };
    return { run, close };
});
/** An interruption that is none of ours is the end of the client. */
export const firstError = (exit) => {
    for (const reason of exit.cause.reasons) {
        if (reason._tag === "Fail")
            return reason.error;
        if (reason._tag === "Die")
            return reason.defect;
    }
    return new Failure.Closed();
};
