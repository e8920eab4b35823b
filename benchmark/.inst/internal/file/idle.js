/**
 * Keys that nobody uses leave the disk: those that this store has given back
 * after a while, and when it closes; those that others left behind (they died,
 * or were short-lived) once, after the same while.
 *
 * No timer of it keeps the process from ending, and when there is nothing to
 * remove there is none.
 */
import * as Effect from "effect/Effect";
import * as fs from "node:fs";
import { works } from "./failure.js";
import { keyPrefix, newPrefix } from "./paths.js";
/** So many removals in a turn of the event loop, of about 0.1 ms each. */
const inATurn = 16;
/** So many on closing; the others are left to whoever comes. */
const onClosing = 500;
/** A timer that does not keep the process alive. */
const rest = (millis) => Effect.callback((resume) => {
    const timer = setTimeout(() => resume(Effect.void), Math.min(millis, 2 ** 31 - 1));
    timer.unref();
    return Effect.sync(() => clearTimeout(timer));
});
const inTurns = (items, f) => {
    let n = 0;
    return Effect.forEach(items, (item) => {
        // A key that cannot be removed is looked at by the next who comes.
        works(() => f(item));
        return ++n % inATurn === 0 ? Effect.yieldNow : Effect.void;
    }, { discard: true });
};
/** What others left behind. */
const leftIn = (root) => Effect.callback((resume) => fs.readdir(root, (error, names) => resume(Effect.succeed(error === null ? names : []))));
/** A directory that was being made and is as old as this has no maker any more. */
const abandonedMillis = 60_000;
const removeAbandoned = (path) => {
    if (Date.now() - fs.statSync(path).mtimeMs > abandonedMillis)
        fs.rmSync(path, { recursive: true, force: true });
};
/**
 * `free` has the keys that were given back, by their paths, the longest ago
 * first. `remove` removes a key that has been idle for so many milliseconds.
 * The result is to be called when a key was given back.
 */
export const make = Effect.fnUntraced(function* (root, free, keepMillis, remove) {
    const fork = yield* Effect.map(Effect.all([Effect.context(), Effect.scope]), ([context, scope]) => (effect) => Effect.runForkWith(context)(Effect.forkIn(effect, scope, { startImmediately: true })));
    const forget = (path, idleMillis) => {
        free.delete(path);
        remove(path, idleMillis);
    };
    let isSweeping = false;
    /** What was given back in one period goes at the end of the next. */
    const sweep = Effect.gen(function* () {
        while (free.size > 0) {
            const before = new Map(free);
            // A timer may be a little early.
            yield* rest(keepMillis + 2);
            yield* inTurns(before, ([path, state]) => {
                if (free.get(path) === state)
                    forget(path, keepMillis);
            });
        }
        isSweeping = false;
    });
    yield* Effect.addFinalizer(() => inTurns(Array.from(free.keys()).slice(0, onClosing), (path) => forget(path, 0)));
    yield* Effect.forkScoped(Effect.andThen(rest(keepMillis), Effect.flatMap(leftIn(root), (names) => inTurns(names, (name) => {
        if (name.startsWith(keyPrefix))
            remove(`${root}/${name}`, keepMillis);
        else if (name.startsWith(newPrefix))
            removeAbandoned(`${root}/${name}`);
    }))));
    return () => {
        if (isSweeping)
            return;
        isSweeping = true;
        fork(sweep);
    };
});
