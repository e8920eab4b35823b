/**
 * What is known of a key, and how each operation changes it. All of this is
 * plain data and runs inside one transaction, so that tabs cannot come between.
 *
 * A lease that is passed on is an *offer* at first: a lease too short to be
 * worked under, which whoever hears of it turns into a full one. So a tab that
 * hangs costs the others {@link offerMillis}, and not the lease it wanted.
 *
 * Whoever leaves, the key or the queue, lets in as many from the front of the queue
 * as fit. The first that does not fit holds up those behind it, so that nobody is
 * passed by lighter ones for ever.
 */
import type { Share } from "../../LockStore.ts";
import type { Stamp } from "./age.ts";
/** How long one who waits has to take what it is offered. */
export declare const offerMillis = 1000;
/**
 * How long the first of the queue may stay away while it does not fit and others wait
 * behind it. Then it is gone, and they go on.
 */
export declare const absentMillis = 10000;
export interface Waiter {
    readonly token: string;
    readonly tab: string;
    readonly expires: number;
    /** How it wants to share the key; without it, it wants the key alone. */
    readonly share?: Share | undefined;
}
export interface Holder extends Stamp {
    readonly token: string;
    /** Or {@link nobody}. */
    readonly tab: string;
    readonly lease: number;
    /** Of one who shares the key; without it, it has the key alone. */
    readonly permits?: number | undefined;
}
/** The first of the queue, as somebody behind it saw that it does not fit, and when. */
export interface Absent extends Stamp {
    readonly token: string;
}
export interface Record {
    readonly version: 2;
    /** One who has the key alone, or all who share it. */
    readonly holders: ReadonlyArray<Holder>;
    readonly queue: ReadonlyArray<Waiter>;
    readonly absent?: Absent | undefined;
}
/** The tab of a lease that lasts though its tab is closed: it is never gone. */
export declare const nobody = "";
export declare const free: Record;
export declare const isFree: ({ holders, queue }: Record) => boolean;
/** What the tab that looks knows of the world outside the record. */
export interface View {
    readonly stamp: Stamp;
    /** How long the lease lasts still, as far as this tab can tell; zero or less when it is over. */
    readonly remaining: (holder: Holder) => number;
    /** For how long one has been absent, at the least. */
    readonly absence: (absent: Absent) => number;
    readonly isDead: (tab: string) => boolean;
}
export interface Change<A> {
    readonly answer: A;
    /** Undefined where nothing changes. */
    readonly next: Record | undefined;
    /** Who are to be told that the key is theirs to take. */
    readonly offered?: ReadonlyArray<Waiter>;
    /** Who is to be told to come by. */
    readonly missed?: string | undefined;
}
/** Those who have the key, the first to end in front. */
export declare const living: ({ holders }: Record, view: View) => ReadonlyArray<Holder>;
export interface Lease {
    readonly token: string;
    readonly tab: string;
    readonly expires: number;
    /** It lasts though the tab is closed. */
    readonly outlives?: boolean | undefined;
}
export interface Claim extends Lease {
    readonly share?: Share | undefined;
    readonly wait: boolean;
}
export interface Held {
    readonly _tag: "Held";
    readonly token: string | undefined;
    readonly remaining: number;
    readonly waiters: number;
    /** Those whose end may let others in: of who has the key, and of who waits first. */
    readonly tabs: ReadonlyArray<string>;
}
export type Claimed = Held | {
    readonly _tag: "Acquired";
};
/** Takes the key if it is ours, or if we fit and nobody is in front; else remembers that we wait. */
export declare const claim: (record: Record, claim: Claim, view: View) => Change<Claimed>;
/** Turns an offer into a full lease. False if it is not ours any more. */
export declare const accept: (record: Record, lease: Lease, view: View) => Change<boolean>;
export declare const extend: (record: Record, token: string, expires: number, view: View, outlives?: boolean) => Change<boolean>;
/** From one token, which has the key alone, to another, past those who wait. */
export declare const transfer: (record: Record, from: string, lease: Lease, view: View) => Change<Claimed>;
/** Gives back what the token has of the key, and its place in the queue, and lets in who fits then. */
export declare const release: (record: Record, token: string, view: View) => Change<boolean>;
/** Reads what is stored; undefined for what is no record of ours. */
export declare const decode: (value: unknown) => Record | undefined;
/** What tabs say to each other: that somebody is offered a key, or is missed. */
export interface Message {
    readonly version: 2;
    readonly key: string;
    readonly to: Waiter | string;
}
/** A message of ours, or undefined: anybody of the origin can say anything on the channel. */
export declare const decodeMessage: (value: unknown) => Message | undefined;
