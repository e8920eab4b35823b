/** What a call asks for: its key and options, checked, over the defaults in force when it runs. */
import * as Duration from "effect/Duration";
import { LockError } from "../LockError.js";
import { aBoolean, invalid, isAtLeast, isExpires, isTimeout, kinds, toWholeMillis } from "./options.js";
export const defaultsOf = (config) => ({
    config,
    expiresMillis: Duration.toMillis(config.expires),
    timeoutMillis: Duration.toMillis(config.timeout)
});
/** A call's key and options, checked: what it asks for once the defaults in force are known. */
export class Asking {
    key;
    options;
    expiresMillis;
    timeoutMillis;
    share;
    atLeastMillis;
    /** Of all runs of a call most have the defaults of the last, which are few and small. */
    defaults = undefined;
    request = undefined;
    constructor(key, options, expiresMillis, timeoutMillis, share, atLeastMillis = 0) {
        this.key = key;
        this.share = share;
        this.atLeastMillis = atLeastMillis;
        this.options = options;
        this.expiresMillis = expiresMillis;
        this.timeoutMillis = timeoutMillis;
    }
    over(defaults) {
        if (defaults === this.defaults)
            return this.request;
        const { atLeastMillis, expiresMillis, key, options, share, timeoutMillis } = this;
        const { config } = defaults;
        const lease = Number.isNaN(expiresMillis) ? defaults.expiresMillis : expiresMillis;
        const request = {
            key: config.keyPrefix + key,
            expiresMillis: Math.max(lease, atLeastMillis),
            timeoutMillis: Number.isNaN(timeoutMillis) ? defaults.timeoutMillis : timeoutMillis,
            retry: options?.retry ?? config.retry,
            renew: options?.renew ?? config.renew,
            awaitRelease: options?.awaitRelease ?? config.awaitRelease,
            reenter: options?.reenter === true,
            owner: config.owner,
            share,
            atLeastMillis
        };
        this.defaults = defaults;
        return this.request = request;
    }
}
/** Checks a key and its options. What is wrong comes out as a `LockError` value. */
export const ask = (key, options, timeoutMillis = NaN) => {
    if (typeof key !== "string" || key.length === 0)
        return invalid("key", key, "a string that is not empty");
    if (options === undefined)
        return new Asking(key, options, NaN, timeoutMillis);
    let expires = NaN;
    let timeout = timeoutMillis;
    if (options.expires !== undefined) {
        expires = toWholeMillis(options.expires);
        if (!isExpires(expires))
            return invalid("expires", options.expires, kinds.expires.expected);
    }
    if (options.timeout !== undefined) {
        timeout = toWholeMillis(options.timeout);
        if (!isTimeout(timeout))
            return invalid("timeout", options.timeout, kinds.timeout.expected);
    }
    for (const kind of others) {
        const input = options[kind];
        if (input !== undefined && kinds[kind].decode(input) === undefined) {
            return invalid(kind, input, kinds[kind].expected);
        }
    }
    if (options.reenter !== undefined && typeof options.reenter !== "boolean") {
        return invalid("reenter", options.reenter, aBoolean.expected);
    }
    const atLeast = options.atLeast === undefined ? 0 : toWholeMillis(options.atLeast);
    if (!isAtLeast(atLeast)) {
        return invalid("atLeast", options.atLeast, `a finite duration of zero or more, such as "30 seconds"`);
    }
    const share = options.share === undefined ? undefined : decodeShare(options.share);
    return share instanceof LockError ? share : new Asking(key, options, expires, timeout, share, atLeast);
};
const readers = { permits: 1, limit: Number.MAX_SAFE_INTEGER };
const isCount = (u) => Number.isSafeInteger(u) && u >= 1;
const decodeShare = (input) => {
    if (input === true)
        return readers;
    if (typeof input !== "object" || input === null)
        return invalid("share", input, "true, or { limit, permits }");
    const { limit, permits = 1 } = input;
    if (!isCount(limit))
        return invalid("limit", limit, "a whole number of at least 1");
    if (!isCount(permits) || permits > limit) {
        return invalid("permits", permits, `a whole number of at least 1 and at most the limit, ${limit}`);
    }
    return { permits, limit };
};
const others = ["retry", "renew", "awaitRelease"];
