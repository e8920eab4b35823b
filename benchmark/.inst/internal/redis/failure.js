/** What went wrong, in the words that all backends share. */
import { BackendFailure } from "../../LockError.js";
const verdict = (kind, retryable) => ({ kind, retryable });
const unreachable = verdict("Unreachable", true);
const readOnly = verdict("ReadOnly", true);
const moving = verdict("Cluster", true);
const unauthorized = verdict("Unauthorized", false);
const unsupported = verdict("Unsupported", false);
const byCode = {
    LOADING: verdict("Loading", true),
    // MISCONF: persistence is failing, so the server takes no writes; NOREPLICAS: too few replicas to take any
    READONLY: readOnly,
    MISCONF: readOnly,
    NOREPLICAS: readOnly,
    MASTERDOWN: readOnly,
    OOM: verdict("OutOfMemory", true),
    BUSY: verdict("NoReply", true),
    WRONGTYPE: verdict("WrongType", false),
    NOAUTH: unauthorized,
    WRONGPASS: unauthorized,
    NOPERM: unauthorized,
    DENIED: unauthorized,
    MOVED: moving,
    ASK: moving,
    TRYAGAIN: moving,
    CLUSTERDOWN: moving,
    CROSSSLOT: verdict("Cluster", false)
};
const byText = [
    [/^ERR unknown command|not allowed from script|non deterministic/i, unsupported],
    [/^ERR (invalid password|Client sent AUTH|The user executing the script can't)/i, unauthorized],
    [/^ERR max number of clients/i, unreachable],
    [/non local key in a cluster node/i, moving],
    [/^Command timed out/, verdict("NoReply", true)],
    [/^Too many Cluster redirections/, moving]
];
/** Before version 7 the error of a command in a script is wrapped in another. */
const wrapper = /^ERR Error running script \(.*?\): @user_script:\s*\d+:\s*-?/;
/** Says that the connection was closed with its layer. */
export class Closed extends Error {
    constructor() {
        super("the layer was closed");
    }
}
/** Says that a reply is none of ours. Whether the command was executed is in doubt. */
export class NotUnderstood extends Error {
    constructor(what) {
        super(`a reply that is none of a lock's (${what}); a shared client must not be inside MULTI or change its replies`);
    }
}
/** Something that is no lock lives at the key. */
export const notALock = new Error("WRONGTYPE The key holds something that is no lock");
const messageOf = (cause) => {
    const message = cause instanceof Error ? cause.message : String(cause);
    // Node's error for a name with several addresses has none of its own.
    return message === "" && cause instanceof AggregateError ? String(cause.errors[0]?.message ?? "") : message;
};
/** A client that has tried several nodes says what the last one said. */
const innermost = (cause) => cause instanceof Error && "lastNodeError" in cause && cause.lastNodeError instanceof Error
    ? cause.lastNodeError
    : cause;
export const classify = (failed) => {
    if (failed instanceof Closed)
        return verdict("Closed", false);
    if (failed instanceof NotUnderstood)
        return verdict("Unknown", false);
    const cause = innermost(failed);
    const message = messageOf(cause).replace(wrapper, "");
    const code = /^[A-Z]{2,}\b/.exec(message)?.[0];
    if (code !== undefined && Object.hasOwn(byCode, code))
        return byCode[code];
    for (const [pattern, found] of byText) {
        if (pattern.test(message))
            return found;
    }
    const reply = code !== undefined || (cause instanceof Error && /Reply/.test(cause.name));
    return reply ? verdict("Unknown", false) : unreachable;
};
/**
 * Whether the server has looked at a command and refused it: nothing of it will
 * be executed later, and another command may fare better.
 */
export const isRefusal = (cause) => {
    const { kind } = classify(cause);
    return kind !== "Unreachable" && kind !== "NoReply" && kind !== "Closed" && !(cause instanceof NotUnderstood);
};
/**
 * Clients hang on their errors whatever they have at hand, such as the command
 * whose arguments may be a password. What is told is built from its words.
 */
const rebuild = (failed) => {
    const cause = innermost(failed);
    const clean = new Error(messageOf(cause));
    if (cause instanceof Error) {
        clean.name = cause.name;
        if (cause.stack !== undefined)
            clean.stack = cause.stack;
    }
    return clean;
};
export const make = (backend, operation, key, cause) => new BackendFailure({ backend, operation, key, cause: rebuild(cause), ...classify(cause) });
