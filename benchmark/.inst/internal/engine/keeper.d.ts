/**
 * Keeps leases alive: renews every one at a third of its length, all that are due
 * in one go, and ends those whose deadline has passed. It has one alarm however
 * many it keeps, and none when it keeps none.
 *
 * A renewal that fails or stays unanswered changes nothing: it is tried again
 * after a third of what is left, and in the end the deadline decides (compare
 * Medallion's `LeaseMonitor`: only "renewed" resets the clock).
 */
import * as Effect from "effect/Effect";
import type { LockError } from "../../LockError.ts";
import type { Meter } from "../meter.ts";
import type { Time } from "../time.ts";
import type { Alarm } from "./alarms.ts";
import type { Lease } from "./lease.ts";
import { type Port } from "./port.ts";
export declare class Keeper implements Alarm {
    index: number;
    private readonly port;
    private readonly time;
    private readonly meter;
    private readonly leases;
    private wakeAt;
    private wallAhead;
    constructor(port: Port, time: Time, meter: Meter);
    /** How many leases it keeps. */
    get size(): number;
    all(): ReadonlyArray<Lease>;
    add(lease: Lease): void;
    remove(lease: Lease): void;
    ring(): void;
    /**
     * How much the wall clock has run ahead. The monotonic clock of a suspended host
     * may stand still: its leases may be over, whatever it says.
     */
    private wallJump;
    private lookAtWall;
    private wakeBy;
    /** All that are due, in one operation if the store can. */
    private renew;
    /** `isWanted` says whether its length is that of later renewals, too: not if whoever asked has been told that it failed. */
    private send;
    /** The store has answered an extension that was sent at `sentAt`. */
    private answered;
    /** See `Lease.extend` of the public module. */
    extend(lease: Lease, asked: number | undefined, outlives?: boolean): Effect.Effect<void, LockError>;
    /**
     * Starts it anew, and leaves it: whatever of it were still out could be executed
     * under whoever takes it on, so all of that is waited for, and no renewal is sent.
     */
    detach(lease: Lease, asked: number | undefined): Effect.Effect<void, LockError>;
    /** How a call ends, or undefined when it has not by `until`. */
    private outcome;
}
