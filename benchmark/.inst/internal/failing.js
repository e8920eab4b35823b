/**
 * Makes a `LockError` that points to the program's calls, as far as Effect knows
 * them (`Effect.fn`, `Effect.withSpan`), and to none of ours. Capturing a stack
 * would cost more than all the rest, and would only tell of the engine.
 */
import * as Exit from "effect/Exit";
import { LockError } from "../LockError.js";
const deepest = 10;
/** Our own spans, which say nothing of where the program is. */
const ours = new Set(["Lock.wait", "Lock.hold"]);
const framesOf = (fiber) => {
    let text = "";
    let frame = fiber?.cache.stackFrame;
    for (let i = 0; frame !== undefined && i < deepest; i++, frame = frame.parent) {
        if (ours.has(frame.name))
            continue;
        const place = frame.stack();
        text += `\n    at ${frame.name}`;
        if (place !== undefined)
            text += ` (${/\((.*)\)/.exec(place)?.[1] ?? place.trim().replace(/^at /, "")})`;
    }
    return text;
};
/** Runs what makes an error without a stack of its own. */
const withoutStack = (make) => {
    const { stackTraceLimit } = Error;
    if (typeof stackTraceLimit !== "number" || stackTraceLimit === 0)
        return make();
    try {
        Error.stackTraceLimit = 0;
        return make();
    }
    finally {
        Error.stackTraceLimit = stackTraceLimit;
    }
};
export const lockError = (reason, caller) => {
    const error = withoutStack(() => new LockError({ reason: reason() }));
    const frames = framesOf(caller);
    if (frames !== "")
        error.stack = `${error.name}: ${error.message}${frames}`;
    return error;
};
/** A lock call that fails. */
export const failWith = (reason, caller) => Exit.fail(lockError(() => reason, caller));
