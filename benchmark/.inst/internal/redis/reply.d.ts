/** What the scripts reply and what is said on a channel. Undefined is what is not exactly ours. */
import { NotUnderstood } from "./failure.ts";
/** Clients may give integers as text. */
export declare const integer: (value: unknown) => number | undefined;
/** Two in one. */
export declare const pair: (reply: unknown) => readonly [unknown, unknown];
/** Who holds a lock, and for how long: nobody during a roll call. */
export interface Holder {
    readonly token: string | undefined;
    readonly restMillis: number | undefined;
    readonly waiters: number | undefined;
}
/** To many attempts: when, and for those that were refused by whom; null where something else is at the key. */
export interface Attempted {
    readonly micros: number;
    readonly refused: ReadonlyMap<number, Holder | null>;
}
/** Where nothing was attempted. */
export declare const noneAttempted: Attempted;
export declare const attempted: (reply: unknown, size: number) => Attempted | undefined;
/** To a claim: when, and who holds instead of us. */
export interface Claimed {
    readonly micros: number;
    readonly holder: Holder | undefined;
}
export declare const claimed: (reply: unknown) => Claimed | undefined;
/** To a release or an extension of many: which were not ours, and which of ours have gone to a waiter. */
export interface Among {
    readonly others: ReadonlySet<number>;
    readonly handed: ReadonlyArray<number>;
}
/** Nothing else than expected, or nothing at all. */
export declare const allOurs: Among;
export declare const among: (reply: unknown, size: number) => Among | undefined;
/** To a look: how many listen on our channel, and for each waiter the rest of the holder's lease, -1 or -2. */
export interface Looked {
    readonly listeners: number;
    readonly rests: ReadonlyArray<number>;
}
export declare const looked: (reply: unknown, size: number) => Looked | undefined;
/** Of a channel: a lock that was given to one of our tokens, or a roll call if the lease is 0. */
export interface Message {
    readonly token: string;
    readonly micros: number;
    readonly leaseMillis: number;
    /** With whatever the client of the sender puts before its keys. */
    readonly lock: string;
}
export declare const message: (text: unknown) => Message | undefined;
/** A reply to a plain look at who holds. */
export declare const inspected: (holder: unknown, rest: unknown, waiters: unknown) => Holder | null | undefined;
/** To a scan: where to go on, "0" at the end, and names. */
export declare const scanned: (reply: unknown) => {
    readonly cursor: string;
    readonly names: ReadonlyArray<string>;
} | undefined;
/** One of those who share a lock. */
export interface Sharer {
    readonly token: string;
    readonly permits: number;
    readonly restMillis: number;
}
/** To a look at all who share: how many wait, and who has it. */
export declare const sharers: (reply: unknown) => {
    readonly waiters: number;
    readonly sharers: ReadonlyArray<Sharer>;
} | undefined;
/** A value that was no text has been through a decoder, and can be no token. */
export declare const isText: (token: string) => boolean;
/** Says the kind of the reply, not what may be in it. */
export declare const notUnderstood: (reply: unknown) => NotUnderstood;
export declare const ownLock: (lock: string, prefix: string, key: string) => boolean;
