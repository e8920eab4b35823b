import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import type * as Fiber from "effect/Fiber";
import type { Lease as Public } from "../../Lease.ts";
import { type BackendFailure, type LockError } from "../../LockError.ts";
import type { Share } from "../../LockStore.ts";
import { type Ending } from "../ending.ts";
import type { Had, Section } from "../reentry.ts";
import type { Bearer, Hold } from "../shortcuts.ts";
import type { Call } from "./call.ts";
/** Why a lease is no longer held. */
export type Loss = "Expired" | "Taken" | "Closed";
export type Why = Loss | "Released";
/** A call that sets the lease of a token in the store, not yet answered. */
export interface Sent {
    readonly call: Call<unknown>;
    readonly millis: number;
    /** How long a lease it leaves for sure: a shorter one that was out beside it may be executed after it. */
    sure: number;
}
/** Who a lease is had from, and given back to. */
export interface Lender {
    /** The same for all of a backend. */
    readonly home: object;
    now(): number;
    nextToken(): string;
    /** It is to be renewed from now on. */
    keep(lease: Lease): void;
    /** Asks the store for `millis` from now, or for as long as it was taken for. */
    extend(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError>;
    /** It counts until another time than before. */
    moved(lease: Lease): void;
    /** It has been lost; it says why. */
    lost(lease: Lease): void;
    /** Extends it, if need be, and leaves it to whoever knows its token: it counts no longer here. */
    detach(lease: Lease, millis: number | undefined): Effect.Effect<void, LockError>;
    /** Its token is somebody else's from now on. */
    gone(lease: Lease, at: number): void;
    /** It comes back. What is returned is over when the store has been told, or has had its time. */
    back(lease: Lease, at: number): Ending | undefined;
}
type Watcher = () => void;
export declare class Lease implements Public, Bearer {
    lender: Lender;
    readonly key: string;
    fencingToken: number;
    /** How long its holder waited for another, in milliseconds. */
    waitedMillis: number;
    /** When its holder got it. */
    since: number;
    /** How long an extension lasts. */
    expiresMillis: number;
    /** It counts until then. */
    deadline: number;
    /** Infinite if it is not renewed. */
    renewAt: number;
    /** Where the keeper has it, or -1. */
    place: number;
    why: Why | undefined;
    /** When it was lost or released, or the work under it ended. */
    endedAt: number;
    /** Its holder has given it back, lost or not. */
    isBack: boolean;
    /** How it shares its key; without, it has it alone. */
    share: Share | undefined;
    /** Of a store in this process: what it has there. */
    hold: Hold | undefined;
    /** Whose work it was taken for, and what does that. */
    caller: Section["caller"];
    worker: Section["worker"];
    text: string | undefined;
    private story;
    private watcher;
    constructor(lender: Lender, key: string, token: string | undefined, fencingToken: number, expiresMillis: number, renew: boolean, since: number, deadline: number, waitedMillis: number);
    /** Of a store in this process: it stands for the holder there. */
    carriedBy(hold: Hold): this;
    /** Drawn when somebody asks for it. */
    get token(): string;
    get home(): object;
    get isHeld(): boolean;
    leaseOf(home: object, key: string): Had | undefined;
    get renews(): boolean;
    get waited(): Duration.Duration;
    get remaining(): Effect.Effect<Duration.Duration>;
    extend(expires?: Duration.Input): Effect.Effect<void, LockError>;
    get release(): Effect.Effect<void>;
    get lost(): Effect.Effect<never, LockError>;
    /** Fails when it is no longer held. */
    get check(): Exit.Exit<void, LockError>;
    /** Keeps it from now on, and calls back once when it is lost: at once if it is. */
    watch(watcher: Watcher): () => void;
    private get watchers();
    /** Keeps it from now on, and calls back once when it is lost or given back. */
    whenGone(then: () => void): () => void;
    /** How work under it has ended that leaves it as it is. */
    judge<A, E>(exit: Exit.Exit<A, E>, caller?: Fiber.Fiber<unknown, unknown>): Exit.Exit<A, E | LockError>;
    /** Whoever starts work under it looks at it first. */
    get isOver(): boolean;
    /** How work under it has ended: as it did, unless the lease ended first. */
    settle<A, E>(exit: Exit.Exit<A, E>, caller?: Fiber.Fiber<unknown, unknown>): Exit.Exit<A, E | LockError>;
    private endedBy;
    /** Once, whether or not it has been lost. */
    giveBack(): Ending | undefined;
    /** Leaves it to whoever knows its token. */
    detach(millis: number | undefined): Effect.Effect<void, LockError>;
    /** At once: as given back, but for the store, which goes on to know its token. */
    leave(): void;
    /** Called once, when it is lost or given back. */
    whenEnded(then: (exit: Exit.Exit<void, LockError>) => void): void;
    /** Until when its token keeps the key, whenever it comes back. */
    get stay(): number;
    set stay(until: number);
    /** Called once, when it is given back. */
    whenBack(then: () => void): void;
    lose(why: Loss, at: number): void;
    /** What sets its lease in the store and is not answered. */
    get out(): ReadonlyArray<Sent>;
    set out(out: ReadonlyArray<Sent>);
    /** The latest end in the store of what has been answered for it, our deadline aside. */
    get lastEnd(): number;
    set lastEnd(end: number);
    /**
     * An extension is sent, which others that are out may overtake, and it them.
     * `alike` is shared by those that are sent together.
     */
    sending(alike: Sent): Sent;
    /** What is out is answered at `at`: whether it was executed or not, what it left may last until then. */
    answered(call: Call<unknown>, at: number): Sent | undefined;
    /** What was sent before it was had, and is executed late, starts it anew. */
    follow(out: ReadonlyArray<Sent>): void;
    /** By an answer that says yes. */
    extended(deadline: number, renewAt: number, millis: number): void;
    /** Why its last extension is not known to have been made. */
    get failure(): BackendFailure | undefined;
    set failure(failure: BackendFailure | undefined);
    private get telling();
    private lostError;
}
export {};
