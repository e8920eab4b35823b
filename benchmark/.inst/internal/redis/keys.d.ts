/**
 * Names in Redis. A lock is two or three keys of one hash tag, so they share a slot:
 *
 *     <prefix>{<key>}      string  the holder's token, expiring with the lease
 *     <prefix>{<key>}:q    zset    the waiters, by time of arrival
 *     <prefix>{<key>}:f    string  the last fencing token, where they are strict
 *
 * and every process listens on one channel, `<prefix>ch:<owner>`.
 */
/** The key that holds the holder's token. */
export declare const lockKey: (prefix: string, key: string) => string;
/** The key of a lock key, if it is one. */
export declare const keyOf: (prefix: string, name: string) => string | undefined;
/** What matches the names of all locks. */
export declare const lockPattern: (prefix: string) => string;
/** The queue of a lock key. */
export declare const queueKey: (lockKey: string) => string;
/** The last fencing token of a lock key. */
export declare const fenceKey: (lockKey: string) => string;
/** The process behind a token. */
export declare const ownerOf: (token: string) => string;
/** What the channels of all processes start with. */
export declare const channelPrefix: (prefix: string) => string;
