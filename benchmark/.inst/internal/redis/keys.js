/**
 * Names in Redis. A lock is two or three keys of one hash tag, so they share a slot:
 *
 *     <prefix>{<key>}      string  the holder's token, expiring with the lease
 *     <prefix>{<key>}:q    zset    the waiters, by time of arrival
 *     <prefix>{<key>}:f    string  the last fencing token, where they are strict
 *
 * and every process listens on one channel, `<prefix>ch:<owner>`.
 */
/** An empty tag, or one starting with `}`, is none; a lone surrogate would lose its identity in UTF-8. */
const special = /^$|^[}\\]|[\ud800-\udfff]/u;
const escaped = /\\|[\ud800-\udfff]/gu;
const escape = (key) => special.test(key)
    ? "\\" + key.replace(escaped, (char) => char === "\\" ? "\\\\" : `\\u${char.charCodeAt(0).toString(16)}`)
    : key;
/** The key that holds the holder's token. */
export const lockKey = (prefix, key) => `${prefix}{${escape(key)}}`;
const unescaped = /\\(?:\\|u([0-9a-f]{4}))/g;
/** The key of a lock key, if it is one. */
export const keyOf = (prefix, name) => {
    const start = `${prefix}{`;
    if (!name.startsWith(start) || !name.endsWith("}") || name.length <= start.length)
        return undefined;
    const tag = name.slice(start.length, -1);
    if (!tag.startsWith("\\"))
        return tag;
    return tag.slice(1).replace(unescaped, (_, code) => code === undefined ? "\\" : String.fromCharCode(Number.parseInt(code, 16)));
};
/** What matches the names of all locks. */
export const lockPattern = (prefix) => `${prefix.replace(/[\\*?[\]^]/g, "\\$&")}{*}`;
/** The queue of a lock key. */
export const queueKey = (lockKey) => `${lockKey}:q`;
/** The last fencing token of a lock key. */
export const fenceKey = (lockKey) => `${lockKey}:f`;
/** The process behind a token. */
export const ownerOf = (token) => {
    const end = token.indexOf(".");
    return end === -1 ? token : token.slice(0, end);
};
/** What the channels of all processes start with. */
export const channelPrefix = (prefix) => `${prefix}ch:`;
