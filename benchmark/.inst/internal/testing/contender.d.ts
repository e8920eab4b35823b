import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import * as Lock from "../../Lock.ts";
import type { LockStore } from "../../LockStore.ts";
/** A stay in a critical section, in milliseconds of the monotonic clock that the processes of a host share. */
export interface Section {
    readonly from: number;
    readonly to: number;
    readonly fencingToken: number;
}
/** One in which others may be, too. */
export interface SharedSection extends Section {
    /** How many of the limit it had; none when it had the key alone. */
    readonly permits: number;
}
/** What a process does, and what it answers. Keys are any text, the other fields what JSON can say. */
export interface Orders {
    /** Claims again and again without waiting, and leaves some leases to end by themselves. */
    readonly grab: (order: {
        key: string;
        millis: number;
        expires: number;
    }) => ReadonlyArray<Section>;
    /** The same with some permits of the limit, or alone. */
    readonly share: (order: {
        key: string;
        millis: number;
        expires: number;
        limit: number;
    }) => ReadonlyArray<SharedSection>;
    /** Waits for so many turns. */
    readonly queue: (order: {
        key: string;
        turns: number;
    }) => ReadonlyArray<Section>;
    /** Takes a lease that outlives the process, or makes it one that does, and answers with its token. */
    readonly leave: (order: {
        key: string;
        expires: number;
        by: "claim" | "extension";
    }) => string;
    /** Takes the lock, or a permit of the limit, for as long as it can be kept, and answers with the fencing token. */
    readonly hold: (order: {
        key: string;
        expires: number;
        limit?: number;
    }) => number;
    /** Takes the lock and leaves it to whoever has the ticket, with which it answers. */
    readonly detach: (order: {
        key: string;
        millis: number;
    }) => typeof Lock.Ticket.Encoded;
    /** Takes the lock for so long at least, does nothing, and answers with when it had it. */
    readonly brief: (order: {
        key: string;
        atLeast: number;
    }) => number;
    /** Waits until the holding has ended, and says how. */
    readonly end: (order: {
        key: string;
    }) => string;
}
type Name = keyof Orders;
type Order<N extends Name> = Parameters<Orders[N]>[0];
type Answer<N extends Name> = ReturnType<Orders[N]>;
/** What is run, with the argument that its stores are made from. */
export interface Program {
    readonly module: string | URL;
    readonly argument?: string | undefined;
    readonly execArgv?: ReadonlyArray<string> | undefined;
}
export interface Contender {
    /** Fails with what the process said last when it ends before it answers. */
    readonly ask: <N extends Name>(name: N, order: Order<N>) => Effect.Effect<Answer<N>, string>;
    readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>;
}
/** Starts a program and waits until it is ready. It is killed with the scope. */
export declare const start: (args_0: Program) => Effect.Effect<Contender, string, Scope.Scope>;
/** Does what the suite says until it is gone. */
export declare const serve: <E>(makeStore: (argument: string) => Effect.Effect<LockStore, E, Scope.Scope>) => Effect.Effect<void, E, Scope.Scope>;
export {};
