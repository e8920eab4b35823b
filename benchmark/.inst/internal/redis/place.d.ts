/** A waiter as the queue has it. */
import type { Share } from "../../LockStore.ts";
/** How a waiter is told: on its channel, or by polling. */
export type Mode = 1 | 2;
/** A token's place in the queue of a lock. */
export declare class Place {
    readonly lock: string;
    readonly token: string;
    readonly leaseMillis: number;
    readonly share: Share | undefined;
    /** When it came, by the server; what brings the place back. Empty until that is known. */
    arrival: string;
    /** Under which modes it may be in the queue. */
    private modes;
    private mode;
    constructor(lock: string, token: string, leaseMillis: number, share: Share | undefined);
    /** From now on its entry is one of this mode. */
    enter(mode: Mode): void;
    private named;
    get entry(): string;
    /** The entry that a look or a claim removes. */
    get stale(): string;
    get entries(): ReadonlyArray<string>;
}
