/**
 * The commands of the binary protocol that locks need.
 *
 * SET is left out on purpose: with a stale CAS and no memory left it deletes the
 * item of another. So are TOUCH and GAT, which ignore the CAS.
 */
export declare const Opcode: {
    readonly get: 0;
    readonly add: 2;
    readonly replace: 3;
    readonly delete: 4;
    readonly append: 14;
    readonly stat: 16;
    readonly login: 33;
};
export type Opcode = typeof Opcode[keyof typeof Opcode];
export declare const Status: {
    readonly ok: 0;
    readonly notFound: 1;
    readonly exists: 2;
    readonly notStored: 5;
    readonly unauthorized: 32;
    readonly unknownCommand: 129;
    readonly outOfMemory: 130;
    readonly notSupported: 131;
    readonly busy: 133;
    readonly temporary: 134;
};
/**
 * `cas` is checked by REPLACE, APPEND and DELETE. An ADD must go without, because a
 * CAS would turn it into another command.
 */
export interface Request {
    readonly opcode: Opcode;
    readonly key: string;
    /** What ADD and REPLACE store and APPEND adds, byte for byte. */
    readonly value?: string | undefined;
    /** In whole seconds, with ADD and REPLACE. APPEND leaves the item the time it has. */
    readonly exptime?: number | undefined;
    readonly cas?: bigint | undefined;
}
/** The message of a request; `opaque` comes back with the reply. */
export declare const encodeRequest: ({ cas, exptime, key, opcode, value }: Request, opaque: number) => Buffer;
export interface Reply {
    readonly status: number;
    readonly cas: bigint;
    /** The name of what STAT tells; otherwise empty. */
    readonly key: Buffer;
    readonly value: Buffer;
}
/** A reply as it arrives. */
export interface Frame extends Reply {
    readonly opcode: number;
    readonly opaque: number;
}
/** Cuts what arrives into replies. */
export declare class Frames {
    private rest;
    /** Calls `each` with every reply that is whole now, as long as it returns true. What is no reply is returned. */
    push(chunk: Buffer, each: (frame: Frame) => boolean): Buffer | undefined;
}
/** From 30 days on memcached reads an expiry as a Unix time, and the item would be gone at once. */
export declare const maxExpiresMillis: number;
/**
 * The whole seconds after which the server may forget an item that has to live
 * for `millis`.
 *
 * memcached counts in ticks of a second and skips one every few minutes, so an
 * item with expiry N is only sure to live for more than N - 2 seconds. The 50
 * milliseconds are for the lateness of a tick.
 */
export declare const exptime: (millis: number) => number;
/** A printable ASCII text without spaces, which every client and proxy can handle. */
export declare const isPlain: (text: string) => boolean;
/**
 * The key of a lock's item: the key itself where memcached can take it,
 * otherwise `#`, what is readable of it, and a digest.
 *
 * The digest is over UTF-16 code units, as UTF-8 would merge lone surrogates. A
 * key that starts with `#` is digested too, so the two forms never meet.
 */
export declare const encodeKey: (prefix: string, key: string) => string;
