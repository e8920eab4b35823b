import type { LockRequest } from "../../LockConfig.ts";
import type { BackendFailure } from "../../LockError.ts";
import type { Held } from "../../LockStore.ts";
import type { Ending } from "../ending.ts";
import type { Alarm } from "./alarms.ts";
import { Claim } from "./claim.ts";
import type { KeyMap, Place } from "./keyMap.ts";
import { Lease } from "./lease.ts";
import { Lending } from "./lender.ts";
import { Common, type Next, type SharingParts } from "./sharing.ts";
/** What comes with the turn, or instead of it. */
export type Baton = 
/** Nothing: ask the store. */
"Turn"
/** The one before has claimed the key for us. */
 | Claim
/** The one before hands its lease over, or lets us join a shared one: then without the turn. */
 | Lease
/** The wait is over without a turn. */
 | "TimedOut" | "Closed";
/** Who has the turn and can do without: on its way to the store, or asleep in front of it. */
export interface Front {
    readonly request: LockRequest;
    /** It has this instead of the turn, which it passes on. */
    serve(lease: Lease): void;
}
export declare class Waiter implements Alarm, Front {
    index: number;
    readonly request: LockRequest;
    previous: Waiter | undefined;
    next: Waiter | undefined;
    /** Its time is over, and it only waits for what the one with the turn hears. */
    isOverdue: boolean;
    /** What was known of the key when its time was over. */
    known: Held | BackendFailure | undefined;
    /** Set when it has left the line. */
    baton: Baton | undefined;
    private readonly line;
    private served;
    constructor(line: Line, request: LockRequest);
    /** Calls back once there is a baton, in a turn of its own. */
    whenServed(then: () => void): void;
    wake(): void;
    serve(lease: Lease): void;
    ring(): void;
}
export declare class Line extends Lending<SharingParts> implements Place, Next {
    /** Nobody has the turn, and nobody waits. */
    vacant: boolean;
    readonly key: string;
    /** The lease that this process has. */
    lease: Lease | undefined;
    /** What the one with the turn asks the store with. */
    claim: Claim | undefined;
    /** Whom a shared lease that comes back can serve. */
    front: Front | undefined;
    /** Others stood in front of the last one here that got to share the key: whoever is next takes a place in the queue at once. */
    isSought: boolean;
    private readonly lines;
    private head;
    private last;
    private overdue;
    /** The lease is on its way to the next holder. */
    private isPassing;
    /** What the turn has heard last from the store. */
    private heard;
    /** When the process got the lease, and how often it has changed hands here. */
    private leasedAt;
    private handed;
    constructor(parts: SharingParts, lines: KeyMap<Line>, key: string);
    /** The store has been asked, for the key or to take it back, and nothing is known yet. */
    get isInDoubt(): boolean;
    enter(request: LockRequest, endsAt: number): Waiter;
    /** How many wait, whoever asks the store for them included. */
    get waiting(): number;
    /** How many of them the store has not been told of. */
    get untold(): number;
    private get isAsking();
    /** Its time is over. While nothing is known, it waits for that. */
    timeOut(waiter: Waiter): void;
    /** It goes, whatever it has been given. */
    leave(waiter: Waiter): void;
    /** Everybody goes. */
    close(): void;
    /** What the turn has heard is what those hear whose time is over. */
    hear(reply: Held | BackendFailure): void;
    /** What is known of the key. */
    known(at: number): Held | BackendFailure | undefined;
    private dismissOverdue;
    private remove;
    private give;
    /** The one with the turn gives it up, to the next in line. Without a next, what came with it goes back. */
    pass(baton: "Turn" | Claim | Lease): void;
    /** Readers that are next share the lease that one here has just got. */
    private letJoin;
    /** Who is next has what somebody here has given back, if it wants that. */
    serve(common: Common, at: number): boolean;
    /** The one with the turn has become the holder. */
    hold(request: LockRequest, claim: Claim, fencingToken: number, at: number, deadline: number, waited: number): Lease;
    /** Takes over a lease that was had without a line, since somebody has come to wait for it. */
    adopt(lease: Lease): void;
    /** Whoever is handed a lease looks at it: what is over or nearly so is none, and the turn, if it is theirs, is all there is. */
    receive(lease: Lease, at: number, waited: number): Lease | undefined;
    /** Of a lease that nobody has. */
    forsake(lease: Lease): void;
    lost(lease: Lease): void;
    gone(lease: Lease, at: number): void;
    back(lease: Lease, at: number): Ending | undefined;
    private over;
    /**
     * A successor takes a lease as it is, so it must want one of the same length and
     * owner that renews itself, and enough of it must be left.
     */
    private mayHandOver;
    /** A lease of its own for the next one, of the same token. It is kept meanwhile. */
    private handOver;
    /** Releases, and claims for the next in line, in one operation; unless listening for that takes time. */
    private exchange;
}
