/**
 * What the item of a lock says: who holds it, and who waits, in the order in
 * which they came.
 *
 * A waiter must not touch the time that the holder's item has, and only APPEND
 * leaves it alone. So the queue is a log of who came and who went, which is
 * cleared up whenever a holder writes the item anew.
 */
export interface Content {
    /** The holder, or undefined when the item only keeps the place of the first waiter. */
    readonly token: string | undefined;
    /** The end of the holder's lease by its wall clock, for others to look at only; when it was left, without a holder. */
    readonly time: number;
    readonly waiters: ReadonlyArray<string>;
    /** No more can be added. */
    readonly full: boolean;
}
export declare const encode: (token: string | undefined, time: number, waiters: ReadonlyArray<string>) => string;
/** To be added when one comes. */
export declare const joining: (token: string) => string;
/** To be added when one goes. */
export declare const leaving: (token: string) => string;
/** Undefined for what is no lock. */
export declare const decode: (value: Buffer) => Content | undefined;
