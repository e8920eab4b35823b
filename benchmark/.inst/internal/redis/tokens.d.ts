/** What the server may know of our tokens, and what it has to be told once more. */
import type { Attempt } from "../../LockStore.ts";
import type { Place } from "./place.ts";
/** A token of ours that the server may know. */
export interface Known {
    /** It shares its lock. */
    readonly shares: boolean;
    /** Its place in a queue, which it keeps; none if it never waited. */
    place: Place | undefined;
    /** Claims without reply. */
    out: number;
    /** A claim of it has been collected and not handed to the client yet. */
    collected: boolean;
    /** A claim of it may have been executed. */
    sent: boolean;
    /** Its release is confirmed, so what it is still given has to be given back. */
    returned: boolean;
}
export declare class Tokens {
    private readonly known;
    /** Releases that did not get through, with their keys. */
    private owed;
    get(token: string): Known | undefined;
    shares(token: string): boolean;
    /** A claim of it is on its way. */
    claim(token: string, shares: boolean): Known;
    answered(key: string, token: string, known: Known, attempt: Attempt): Attempt;
    unanswered(token: string, known: Known, sent: boolean): void;
    /** Its release is confirmed. */
    returned(token: string): void;
    /** It is somebody else's from now on. */
    drop(token: string): void;
    private forget;
    /**
     * Its release may not have reached the server. It is owed if the token is ours:
     * nobody wants somebody else's lock freed at some later time.
     */
    owe(token: string, key: string): void;
    /** All that is owed, to be asked for now. */
    takeDebts(): ReadonlyMap<string, string>;
}
