import type { Share } from "../../LockStore.ts";
/** What a ticket's owner is told when it is torn. */
export interface Waiting {
    readonly path: string;
    readonly token: string;
    readonly expires: number;
    readonly outlives: boolean | undefined;
}
export interface Queue {
    /** Calls `torn` when the token's ticket is torn, until the result is called. */
    readonly listen: (token: string, torn: (waiting: Waiting) => void) => () => void;
    /** Puts the token's ticket there, if that can be done. The state must be looked at once more after it. */
    readonly enter: (path: string, token: string, expires: number, now: number, outlives: boolean | undefined, share: Share | undefined) => void;
    /** Takes the token's ticket back: whether it had one. */
    readonly leave: (token: string) => boolean;
}
export declare const make: (pollMillis: number) => Queue;
