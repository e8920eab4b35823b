/** One token's way through the store, from first asked until it is won or disowned. */
import * as Effect from "effect/Effect";
import type * as Fiber from "effect/Fiber";
import type { LockRequest } from "../../LockConfig.ts";
import type { Attempt, Grant, Share } from "../../LockStore.ts";
import type { Bearer, Hold } from "../shortcuts.ts";
import type { Alarm } from "./alarms.ts";
import type { Call, Reply } from "./call.ts";
import type { Debts } from "./debts.ts";
import type { Sent } from "./lease.ts";
import { type Port } from "./port.ts";
export declare class Claim implements Alarm, Bearer {
    index: number;
    readonly key: string;
    readonly token: string;
    readonly expiresMillis: number;
    readonly share: Share | undefined;
    /** Its lease is to last though this process ends. */
    readonly outlives: boolean;
    /** When the last was sent. */
    askedAt: number;
    /** What came of the last. */
    reply: Reply<Attempt> | undefined;
    /** Of a store in this process: what it has won there. */
    hold: Hold | undefined;
    /** The last that was sent. */
    private last;
    /** Those whose reply is still out. */
    private out;
    /** The store may know the token: it has to be released unless it is won. */
    private isInDoubt;
    /** It has a place in the store's queue. */
    private isQueued;
    /** The latest end in the store of what has been answered. */
    private lastEnd;
    private listening;
    private grant;
    private hasNews;
    private sleeper;
    private hurry;
    private readonly port;
    private readonly debts;
    constructor(port: Port, debts: Debts, token: string, { atLeastMillis, expiresMillis, key, share }: LockRequest);
    /** Asks a store in this process. */
    take(at: number): Reply<Attempt>;
    get text(): string;
    /** Sends it. In the store's queue, once somebody would hear of a grant. */
    ask(at: number, caller?: Fiber.Fiber<unknown, unknown>): Call<Attempt>;
    /** Sends it together with the release of `token`. */
    exchange(token: string, at: number): Call<Attempt>;
    /** The last that was sent, if it is not answered yet: for one that inherits a claim on its way. */
    get unanswered(): Call<Attempt> | undefined;
    /** Takes the key on from `token`. */
    transfer(token: string, at: number): Call<Attempt>;
    private made;
    private sent;
    private answered;
    get isListening(): boolean;
    /** Has the store tell of news. Failing to is no failure: then it is asked again and again. */
    listen(): Call<boolean>;
    /** Kept until the next sleep, so that none is missed. */
    notify(grant: Grant | undefined): void;
    /** Calls back at once when there is news, until it is told not to: for one who does not sleep yet. */
    whileBusy(hurry: (() => void) | undefined): void;
    /** What the store has given on its own, once. */
    takeGrant(): Grant | undefined;
    /** Until the time given, or until there is news. */
    sleep(until: number): Effect.Effect<void>;
    /** Whoever sleeps does so no longer for this claim: what wakes it. */
    leaveSleeper(): () => void;
    private wake;
    ring(): void;
    private endListening;
    /** It has got the key. What is returned is still out, and may set the lease anew. */
    won(): ReadonlyArray<Sent>;
    /** Nobody wants it any more, and nobody waits for that. */
    disown(): void;
}
