/**
 * Tokens that must be released: from the moment somebody gives up on one until
 * the store confirms that it is gone, or cannot hold it any more. Only here is a
 * release sent.
 */
import type { BackendFailure } from "../../LockError.ts";
import type { Ending } from "../ending.ts";
import type { Alarm } from "./alarms.ts";
import { type Placed } from "./bag.ts";
import type { Call } from "./call.ts";
import type { Sent } from "./lease.ts";
import { type Port } from "./port.ts";
export declare class Debt implements Alarm, Ending, Placed {
    index: number;
    place: number;
    readonly key: string;
    readonly token: string;
    /** The store may hold the token until then, even if nothing more of it is executed. */
    private until;
    /** Until then the token is to keep the key, and no longer. */
    private readonly stay;
    /** A claim of it has a place in the store's queue. */
    private readonly isQueued;
    /** Claims and extensions that may still be executed. */
    private out;
    /** The release that is out. */
    private asked;
    /** A claim of it may have been executed after the release that is out. */
    private isStale;
    /** There is nothing of it in the store, unless what is out is executed. */
    private isConfirmed;
    /** The store has been told, or has had its time. */
    private isTold;
    private hasFailed;
    private observers;
    private gap;
    private readonly port;
    private readonly debts;
    constructor(port: Port, debts: Debts, key: string, token: string, until: number, isQueued: boolean, stay: number);
    whenOver(then: () => void): void;
    /** When something of the token is answered, the store may have it anew. */
    watch(call: Call<unknown>, millis: number): void;
    /** Sends a release, in place of one that is out; or cuts the lease to what is left of the time it is to stay. */
    ask(): void;
    get isAsked(): boolean;
    /** Nothing more is to be asked now. */
    get isSettled(): boolean;
    private answered;
    /** It is paid when the store has confirmed and nothing of it is out, once it need not stay any more. */
    private rest;
    private get isStaying();
    /** The store has it for as long as it is to stay: there is nothing to ask until then. */
    settle(): void;
    private failed;
    ring(): void;
    forget(): void;
    private tell;
}
export declare class Debts {
    /** Told of a release that the store did not confirm at once. */
    readonly failed: (failure: BackendFailure | undefined) => void;
    private readonly port;
    private readonly owed;
    constructor(port: Port, failed: (failure: BackendFailure | undefined) => void);
    get size(): number;
    /**
     * From now on the token is to be gone; who had it says so once. `until` is the latest end in the store of
     * what has been answered for it, `out` what may still be executed.
     */
    owe(key: string, token: string, until: number, out: ReadonlyArray<Sent>, isQueued: boolean): Debt;
    /** The same for a token that is to keep the key until `stay`; `isCut` says that its lease ends by then. */
    oweLater(key: string, token: string, until: number, out: ReadonlyArray<Sent>, stay: number, isCut: boolean): Debt;
    private begin;
    /** Whatever is owed is asked for once more. */
    askAll(): void;
    forgetAll(): void;
    remove(debt: Debt): void;
}
