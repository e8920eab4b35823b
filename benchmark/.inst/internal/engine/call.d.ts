/** A call to a store, from when it is made until it is answered, which may be long after anybody waits for it. */
import type * as Fiber from "effect/Fiber";
import type { BackendFailure } from "../../LockError.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import type { Placed } from "./bag.ts";
export type Operation = "acquire" | "extend" | "release" | "inspect" | "listen" | "list";
/** What the store said, or why we do not know. Never undefined: that is no reply yet. */
export type Reply<A> = A | BackendFailure;
/** A method's parameter is compared both ways, so that a call of anything is a call of something unknown. */
type Hearing<A> = {
    hear(reply: A): void;
}["hear"];
/** Where calls are known while they are out. */
export interface Book {
    readonly alarms: Alarms;
    readonly soon: (task: () => void) => void;
    /** It has its reply. */
    ended(call: Call<unknown>): void;
    /** It has none in time. */
    unanswered(call: Call<unknown>): void;
    /** Nobody waits for it any more, and it has no reply. */
    left(call: Call<unknown>): void;
}
export declare class Call<A> implements Alarm, Placed {
    index: number;
    place: number;
    reply: Reply<A> | undefined;
    /** What runs it, unless the store calls back. */
    fiber: Fiber.Fiber<unknown, unknown> | undefined;
    readonly operation: Operation;
    readonly key: string;
    private readonly book;
    private waiter;
    /** The first, which is mostly the only one; and the others. */
    private observer;
    private others;
    constructor(book: Book, operation: Operation, key: string);
    /** Once; what comes later changes nothing. */
    settle(reply: Reply<A>): void;
    /** Calls `observer` with the reply, whenever it comes. */
    onReply(observer: Hearing<Reply<A>>): void;
    /** Calls `waiter`, the only one, with the reply, or with nothing if there is none by `until`. */
    wait(until: number, waiter: Hearing<Reply<A> | undefined>): void;
    get isAwaited(): boolean;
    /** Nobody waits for it any more. */
    leave(): void;
    /**
     * Silence, unless the reply has arrived while the event loop was late: one turn
     * for it to be read, and one for those that its reader has put off.
     */
    ring(): void;
    private end;
}
export {};
