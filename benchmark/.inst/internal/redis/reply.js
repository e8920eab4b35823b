/** What the scripts reply and what is said on a channel. Undefined is what is not exactly ours. */
import { NotUnderstood } from "./failure.js";
import * as Keys from "./keys.js";
import { claimMillis } from "./scripts.js";
/** Clients may give integers as text. */
export const integer = (value) => {
    const number = typeof value === "number"
        ? value
        : typeof value === "bigint" || (typeof value === "string" && /^-?\d{1,16}$/.test(value))
            ? Number(value)
            : NaN;
    return Number.isSafeInteger(number) ? number : undefined;
};
/** A time by the server, which is no small number by whatever clock. */
const microseconds = (value) => {
    const number = integer(value);
    return number !== undefined && number > 1_000_000_000 ? number : undefined;
};
const index = (value, size) => {
    const number = integer(value);
    return number !== undefined && number >= 1 && number <= size ? number - 1 : undefined;
};
/** Two in one. */
export const pair = (reply) => Array.isArray(reply) && reply.length === 2 ? [reply[0], reply[1]] : [undefined, undefined];
const holderOf = (rest, token, waiters) => {
    const millis = integer(rest);
    if (millis === undefined || typeof token !== "string")
        return undefined;
    return { token: token === "" ? undefined : token, restMillis: millis < 0 ? undefined : millis, waiters };
};
const noneRefused = new Map();
/** Where nothing was attempted. */
export const noneAttempted = { micros: 0, refused: noneRefused };
export const attempted = (reply, size) => {
    if (!Array.isArray(reply)) {
        const micros = microseconds(reply);
        return micros === undefined ? undefined : { micros, refused: noneRefused };
    }
    const micros = microseconds(reply[0]);
    if (micros === undefined || reply.length === 1)
        return undefined;
    const refused = new Map();
    for (let n = 1; n < reply.length; n++) {
        const one = reply[n];
        if (!Array.isArray(one))
            return undefined;
        const i = index(one[0], size);
        const holder = one.length === 1 ? null : one.length === 3 ? holderOf(one[1], one[2], undefined) : undefined;
        if (i === undefined || holder === undefined)
            return undefined;
        refused.set(i, holder);
    }
    return { micros, refused };
};
export const claimed = (reply) => {
    if (!Array.isArray(reply))
        return undefined;
    const ours = integer(reply[0]);
    const micros = microseconds(reply[1]);
    if (micros === undefined)
        return undefined;
    if (ours === 1 && reply.length === 2)
        return { micros, holder: undefined };
    const waiters = integer(reply[4]);
    if (ours !== 0 || reply.length !== 5 || waiters === undefined)
        return undefined;
    const holder = holderOf(reply[2], reply[3], waiters);
    return holder && { micros, holder };
};
/** Nothing else than expected, or nothing at all. */
export const allOurs = { others: new Set(), handed: [] };
export const among = (reply, size) => {
    if (!Array.isArray(reply))
        return integer(reply) === 0 ? allOurs : undefined;
    if (reply.length === 0)
        return undefined;
    const others = new Set();
    const handed = [];
    for (const other of reply) {
        const number = integer(other);
        const i = number === undefined ? undefined : index(Math.abs(number), size);
        if (i === undefined)
            return undefined;
        if (number < 0)
            handed.push(i);
        else
            others.add(i);
    }
    return { others, handed };
};
export const looked = (reply, size) => {
    if (!Array.isArray(reply) || reply.length !== size + 1)
        return undefined;
    const numbers = [];
    for (const value of reply) {
        const number = integer(value);
        if (number === undefined)
            return undefined;
        numbers.push(number);
    }
    const [listeners, ...rests] = numbers;
    return { listeners, rests };
};
const pattern = /^([\w.-]+) (\d{1,16}) (\d{1,15}) (.+)$/s;
export const message = (text) => {
    const match = typeof text === "string" ? pattern.exec(text) : null;
    const micros = match === null ? undefined : microseconds(match[2]);
    if (match === null || micros === undefined)
        return undefined;
    return { token: match[1], micros, leaseMillis: Math.min(Number(match[3]), claimMillis), lock: match[4] };
};
/** A reply to a plain look at who holds. */
export const inspected = (holder, rest, waiters) => {
    if (holder === null || holder === undefined || holder === "")
        return null;
    return holderOf(integer(rest) ?? NaN, holder, integer(waiters));
};
/** To a scan: where to go on, "0" at the end, and names. */
export const scanned = (reply) => {
    if (!Array.isArray(reply) || reply.length !== 2)
        return undefined;
    const [cursor, names] = reply;
    if (!/^\d+$/.test(String(cursor)) || !Array.isArray(names))
        return undefined;
    return names.every((name) => typeof name === "string") ? { cursor: String(cursor), names } : undefined;
};
/** To a look at all who share: how many wait, and who has it. */
export const sharers = (reply) => {
    const waiters = Array.isArray(reply) ? integer(reply[0]) : undefined;
    if (!Array.isArray(reply) || waiters === undefined || reply.length % 3 !== 1)
        return undefined;
    const found = [];
    for (let i = 1; i < reply.length; i += 3) {
        const [token, permits, restMillis] = [reply[i], integer(reply[i + 1]), integer(reply[i + 2])];
        if (typeof token !== "string" || permits === undefined || permits < 1 || restMillis === undefined)
            return undefined;
        found.push({ token, permits, restMillis });
    }
    return { waiters, sharers: found };
};
/** A value that was no text has been through a decoder, and can be no token. */
export const isText = (token) => !token.includes("\ufffd");
/** Says the kind of the reply, not what may be in it. */
export const notUnderstood = (reply) => new NotUnderstood(describe(reply));
const describe = (reply) => reply === "QUEUED" || reply === "OK" ? JSON.stringify(reply) : Array.isArray(reply) ? "a list" : typeof reply;
export const ownLock = (lock, prefix, key) => lock.endsWith(Keys.lockKey(prefix, key));
