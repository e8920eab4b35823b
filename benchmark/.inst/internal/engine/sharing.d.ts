import * as Effect from "effect/Effect";
import type { LockRequest } from "../../LockConfig.ts";
import type { LockError } from "../../LockError.ts";
import type { Share } from "../../LockStore.ts";
import type { Ending } from "../ending.ts";
import { Lease, type Lender, type Loss } from "./lease.ts";
import { Lending, type Parts } from "./lender.ts";
/** Who is next for a key in this process: `serve` says whether it takes what somebody here has given back. */
export interface Next {
    serve(common: Common, at: number): boolean;
}
export interface SharingParts extends Parts {
    /** Where leases are had that share their key. */
    readonly sharing: Sharing;
}
export declare const isSame: (one: Share | undefined, other: Share | undefined) => boolean;
export declare class Sharing extends Lending {
    private readonly nextOf;
    private readonly lent;
    private readonly commons;
    /** What readers may join, by key. */
    private readonly latest;
    constructor(parts: Parts, nextOf: (key: string) => Next | undefined);
    /** All that holders have. */
    all(): ReadonlyArray<Lease>;
    /** A lease of the store that stands for those of several holders. */
    isCommon(lease: Lease): boolean;
    /** How many more holders there are than leases of the store. */
    get surplus(): number;
    /** What the holder has of a lease that the store has given. */
    lend(lease: Lease, share: Share | undefined): Lease;
    /** For a reader that comes so soon after another one of this process that they share its lease. */
    join(request: LockRequest, at: number): Lease | undefined;
    /** Nobody has it any more: it is for the next here, or goes back. */
    left(common: Common, at: number): Ending | undefined;
    lost(lease: Lease): void;
    moved(lease: Lease): void;
    gone(lease: Lease, at: number): void;
    back(lease: Lease, at: number): Ending | undefined;
}
/** A lease of the store that holders in this process have in common: each of them one of its own, which counts as long. */
export declare class Common implements Lender {
    /** As the store knows it. */
    readonly lease: Lease;
    /** Of its holders. */
    readonly leases: Set<Lease>;
    private readonly parts;
    private readonly sharing;
    private readonly leasedAt;
    private handed;
    constructor(parts: Parts, sharing: Sharing, lease: Lease);
    /** A lease is had as it is: whoever gets it wants one of the same kind, and enough of it is left, and it is new. */
    serves(request: LockRequest, at: number): boolean;
    /** One of its own for one who holds it, too. All have one fencing token: nobody had the key alone in between. */
    lend(at: number, waited: number): Lease;
    /** For one who joins those who have it, or comes after them. */
    pass(at: number): Lease;
    /** Its lease has been set anew. */
    follow(): void;
    lose(why: Loss, at: number): void;
    get home(): object;
    now(): number;
    nextToken(): string;
    keep(): void;
    extend(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError>;
    detach(lease: Lease): Effect.Effect<void, LockError>;
    gone(): void;
    moved(): void;
    /** One is lost with all. */
    lost(lease: Lease): void;
    back(lease: Lease, at: number): Ending | undefined;
    /** One that nobody has had. */
    forsake(lease: Lease, at: number): void;
    private leave;
}
