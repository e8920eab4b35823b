import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import type * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import * as Scope from "effect/Scope";
import { BackendFailure, type LockError } from "../../LockError.ts";
import type { Attempt, Claim, Grant, Holding, LockStore, Occupant, Page } from "../../LockStore.ts";
import { type Shortcuts } from "../shortcuts.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import { type Book, Call, type Operation } from "./call.ts";
import type { Journal } from "./journal.ts";
/** How long the answer to a call that nobody waits for is still of interest. */
export declare const horizonMillis = 30000;
/** A lease of less, in milliseconds, would be over before a timer has renewed it. */
export declare const leastRenewed = 10;
type Caller = Fiber.Fiber<unknown, unknown>;
/** What the store tells while somebody listens. */
export interface Listening {
    readonly call: Call<boolean>;
    readonly scope: Scope.Closeable;
}
export declare class Port implements Book, Alarm {
    index: number;
    readonly store: LockStore;
    readonly alarms: Alarms;
    readonly soon: (task: () => void) => void;
    readonly direct: Shortcuts["direct"];
    /** Has the store answer what is out, if it can. */
    readonly ending: Effect.Effect<void>;
    /** How long to wait for a reply, in milliseconds. */
    readonly patience: number;
    /** The longest lease, in milliseconds. */
    readonly maxExpires: number;
    /** Nothing is sent any more. */
    closed: boolean;
    private readonly callbacks;
    private readonly context;
    private readonly fork;
    private readonly drift;
    private readonly journal;
    private readonly out;
    /** Those that nobody waits for, oldest first, with since when. */
    private readonly unheard;
    private isAbandoning;
    private whenIdle;
    constructor(store: LockStore, context: Context.Context<never>, alarms: Alarms, soon: (task: () => void) => void, journal: Journal);
    /** How many calls are out. */
    get size(): number;
    /** What the store's clock may be ahead of ours by the end of a lease, and its resolution. */
    margin(leaseMillis: number): number;
    /** Of a lease that is too long for the store, or too short for its margin or to be renewed. */
    invalidExpires(expiresMillis: number, renew: boolean): LockError | undefined;
    /** The spans of the call belong to the caller. */
    tryAcquire(claim: Claim, caller?: Caller): Call<Attempt>;
    release(key: string, token: string): Call<boolean>;
    /** Releases `token` and claims anew. */
    exchange(token: string, claim: Claim): Call<Attempt>;
    /** Gives the key from `token` to the claim. */
    transfer(token: string, claim: Claim): Call<Attempt>;
    extend(holding: Holding): Call<boolean>;
    extendAll(holdings: ReadonlyArray<Holding>): Call<ReadonlyArray<boolean | BackendFailure>>;
    inspect(key: string): Call<Option.Option<Occupant>>;
    /** All who have the key, of a store that shares; of others there is but one. */
    holders(key: string): Call<ReadonlyArray<Occupant>>;
    /** A page of the keys that start so. */
    list(prefix: string, from: string | undefined): Call<Page>;
    /** Has the store tell of news. A grant that is none is no news. */
    listen(key: string, token: string, notify: (grant: Grant | undefined) => void): Listening;
    /** Has the store tell of other holders, if it can; and says so itself once it does. */
    watch(key: string, notify: () => void): Listening | undefined;
    /** What is still being set up would outlive a scope that is closed already, so it is ended first. */
    endListening({ call, scope }: Listening): void;
    /** The answer to a call, for an effect that waits for it as long as the store's patience. */
    await<A>(start: () => Call<A>): Effect.Effect<A, BackendFailure>;
    /** Nobody will look at its answer: it counts as lost, and may be executed or not. */
    abandon(call: Call<unknown>): void;
    /** Until nothing is out, and what came of it has been dealt with; or until `end`. */
    idle(end: number): Effect.Effect<void>;
    /** Sends nothing any more, and ends what is out. */
    close(): void;
    private begin;
    private run;
    /** Of the caller's services only the span is passed on: the store must not run in its transaction. */
    private forkFor;
    private callBack;
    answer<A>(call: Call<A>, isRight: (u: unknown) => u is A, exit: Exit.Exit<unknown, unknown>): void;
    private whyNot;
    ended(call: Call<unknown>): void;
    unanswered({ key, operation }: Call<unknown>): void;
    /** What is not answered for so long never will be; until then it may still be executed. */
    left(call: Call<unknown>): void;
    ring(): void;
    /** What will not pass by itself is for its caller alone. */
    private trouble;
    /** It answers. */
    up(): void;
    /** Said once for each time of trouble, not for each lock. */
    down(failure: BackendFailure): void;
    log(line: Effect.Effect<void>, key?: string): void;
    private failure;
    noReply(operation: Operation, key: string, description?: string): BackendFailure;
    /** Of a store whose keys have one holder. */
    unshared(key: string): BackendFailure;
    /** Of a store that cannot give a key from one token to another. */
    untransferable(key: string): BackendFailure;
    closedFailure(operation: Operation, key: string): BackendFailure;
}
export declare const isFailure: (reply: unknown) => reply is BackendFailure;
export {};
