import type { LockRequest } from "../../LockConfig.ts";
import type { BackendFailure } from "../../LockError.ts";
import type { LockEvent } from "../../LockEvent.ts";
import type { Meter } from "../meter.ts";
import type { Lease } from "./lease.ts";
interface Listener {
    readonly hear: (event: LockEvent) => void;
    /** There is nothing to hear any more. */
    readonly end: () => void;
}
export declare class Journal {
    readonly meter: Meter;
    /** Since when the backend has failed, and not answered. */
    private troubledAt;
    private listeners;
    constructor(meter: Meter);
    get isTroubled(): boolean;
    /** Tells of everything from now on, until what is returned is called. */
    listen(hear: Listener["hear"], end: Listener["end"]): () => void;
    close(): void;
    private tell;
    waiting({ key, owner }: LockRequest): void;
    acquired({ fencingToken, key }: Lease, waitedMillis: number): void;
    /** A wait has ended without the lock. */
    without({ key }: LockRequest, waitedMillis: number, isTimeout: boolean): void;
    /** A call fails because somebody else has the lock. */
    timedOut(request: LockRequest, waitedMillis: number): void;
    handedOver({ fencingToken, key }: Lease): void;
    released(lease: Lease, at: number): void;
    /** The same of one that was on its way to its holder, and that nobody has had. */
    unused({ fencingToken, key, since }: Lease, at: number): void;
    lost({ endedAt, fencingToken, key, since, why }: Lease): void;
    /** Whether that is news. */
    down(failure: BackendFailure, at: number): boolean;
    /** For how long it was down, in milliseconds. */
    up(at: number): number;
    /** Those who wait poll from now on, for this reason; or are told again, without one. */
    polling(reason: string | undefined): void;
}
export {};
