import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import type * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import type * as Scope from "effect/Scope";
import { type LockRequest } from "../../LockConfig.ts";
import type { Holder, LockError } from "../../LockError.ts";
import type { LockEvent } from "../../LockEvent.ts";
import type { LockStore } from "../../LockStore.ts";
import { type HeldPage } from "../holder.ts";
import type { Known } from "../refusal.ts";
import * as Section from "../section.ts";
import { type Time } from "../time.ts";
import * as Token from "../token.ts";
import { Debts } from "./debts.ts";
import { Journal } from "./journal.ts";
import { Keeper } from "./keeper.ts";
import * as KeyMap from "./keyMap.ts";
import { Lease } from "./lease.ts";
import { Counter } from "./lender.ts";
import { Line } from "./line.ts";
import { Port } from "./port.ts";
import { Sharing, type SharingParts } from "./sharing.ts";
import { type Keys, type Restore, type Taken } from "./taking.ts";
export declare class Engine implements SharingParts, Keys, Section.Taker {
    readonly port: Port;
    readonly debts: Debts;
    readonly keeper: Keeper;
    readonly journal: Journal;
    readonly time: Time;
    readonly lines: KeyMap.KeyMap<Line>;
    readonly counter: Counter;
    readonly sharing: Sharing;
    readonly owner: string;
    readonly nextToken: Token.Source;
    closed: boolean;
    private readonly unwatch;
    private readonly unobserve;
    private readonly uncount;
    constructor(store: LockStore, context: Context.Context<never>);
    get isInProcess(): boolean;
    get name(): string;
    /** A lock's life, line by line. What happens to the backend is always logged. */
    private logAll;
    private polling;
    private get gauges();
    private releaseFailed;
    take(request: LockRequest, caller: Fiber.Fiber<unknown, unknown>, restore: Restore): Taken | Effect.Effect<Taken, LockError>;
    adopt(token: string, request: LockRequest, caller: Fiber.Fiber<unknown, unknown>, restore: Restore): Effect.Effect<Lease, LockError>;
    refused(request: LockRequest, waitedMillis: number): void;
    isHeldBy(key: string, fiber: Fiber.Fiber<unknown, unknown>): boolean;
    holderOf(key: string): Known | undefined;
    /** Those that this process has of a key. */
    private leasesOf;
    inspect(key: string): Effect.Effect<Option.Option<Holder>, LockError>;
    holders(key: string): Effect.Effect<ReadonlyArray<Holder>, LockError>;
    list(prefix: string, from: string | undefined): Effect.Effect<HeldPage, LockError>;
    listen(hear: (event: LockEvent) => void, end: () => void): () => void;
    /**
     * The processes that were seen lose the key, or the one whose token was given: also
     * a holder that it has handed its lease on to since.
     */
    forceRelease(key: string, token?: string): Effect.Effect<boolean, LockError>;
    watch(key: string, notify: () => void): Effect.Effect<void, never, Scope.Scope>;
    private remove;
    /**
     * Fails the waiters, tells the holders, and frees the keys: each when the work
     * under it has ended, or at its deadline.
     */
    get close(): Effect.Effect<void>;
    /** Until every lease is back, or its deadline has passed. */
    private allBack;
    /** How much there is of what should be gone when nobody holds or waits. */
    get residue(): {
        lines: number;
        kept: number;
        alarms: number;
        calls: number;
    };
}
export declare const makeEngine: (store: LockStore, context: Context.Context<never>) => Engine;
/** The backend of a store, which closes with the scope. */
export declare const make: (store: LockStore) => Effect.Effect<ReturnType<typeof Section.make>, never, Scope.Scope>;
