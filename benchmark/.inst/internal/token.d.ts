import * as DateTime from "effect/DateTime";
export type Source = (now?: number, owner?: string) => string;
/**
 * A source of tokens of one process. `wallMillis` is the wall clock, looked at only
 * when the time the caller gives, by any clock, is another millisecond.
 */
export declare const make: (wallMillis: () => number, usualOwner?: string) => Source;
/** Of a token of our making, whether it is the owner's. */
export declare const isOf: (token: string, owner: string) => boolean;
interface Parsed {
    /** What its process is called, or its process where it has no name. */
    readonly owner: string;
    readonly process: string;
    readonly since: DateTime.Utc;
}
/** What a token says, or undefined for a token of somebody else's making. */
export declare const parse: (a: string) => Parsed | undefined;
/** Enough of a token to tell holders apart, and not to act for them. */
export declare const shorten: (token: string) => string;
export {};
