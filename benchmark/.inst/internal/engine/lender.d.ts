/** What the lines of a backend have in common, and what they all do for the leases had from them. */
import type * as Effect from "effect/Effect";
import type { LockError } from "../../LockError.ts";
import type { Ending } from "../ending.ts";
import type { Time } from "../time.ts";
import type { Source } from "../token.ts";
import type { Debt, Debts } from "./debts.ts";
import type { Journal } from "./journal.ts";
import type { Keeper } from "./keeper.ts";
import type { Lease, Lender } from "./lease.ts";
import type { Port } from "./port.ts";
/** So much of a lease, in milliseconds, is enough to hand it over, however long it is: its heir renews it soon. */
export declare const enoughToHandOver = 150;
export interface Parts {
    readonly port: Port;
    readonly debts: Debts;
    readonly keeper: Keeper;
    readonly journal: Journal;
    readonly time: Time;
    readonly nextToken: Source;
    /** No turn is given any more. */
    closed: boolean;
}
declare abstract class Base<P extends Parts = Parts> implements Lender {
    protected readonly parts: P;
    constructor(parts: P);
    abstract back(lease: Lease, at: number): Ending | undefined;
    get home(): object;
    now(): number;
    nextToken(): string;
    keep(lease: Lease): void;
    extend(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError>;
    moved(_lease: Lease): void;
    detach(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError>;
    gone(lease: Lease, at: number): void;
    lost(lease: Lease): void;
    /** It is no longer held, by its holder's own will. */
    protected returned(lease: Lease, at: number): void;
    /** The store is to forget the lease's token. */
    protected owe(lease: Lease): Debt | undefined;
    /** The token is to keep the key for a while, also if this process ends: nobody's lease, which ends by itself. */
    private leaveBehind;
}
export { Base as Lending };
/**
 * Lends keys of a store in this process that nobody else here waits for: they need
 * no line. When somebody comes to wait, a line takes the lease over.
 */
export declare class Counter extends Base {
    back(lease: Lease, at: number): Ending | undefined;
}
