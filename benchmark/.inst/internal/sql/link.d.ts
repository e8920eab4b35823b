import * as Effect from "effect/Effect";
import type * as Exit from "effect/Exit";
import type * as Queue from "effect/Queue";
import type * as Scope from "effect/Scope";
import type { SqlClient } from "effect/sql/SqlClient";
export type Row = ReadonlyArray<unknown>;
export type OnEnd = (rows: ReadonlyArray<Row> | undefined, error: unknown) => void;
export interface Notification {
    readonly payload: string;
}
/** What `PgClient` has more than a `SqlClient`. */
export interface Listening {
    readonly listen: (channel: string) => Effect.Effect<Queue.Dequeue<Notification, unknown>, unknown, Scope.Scope>;
}
export interface Link {
    /** Runs a statement and calls back once, with its rows or with what went wrong. */
    readonly run: (text: string, parameters: ReadonlyArray<unknown>, onEnd: OnEnd) => void;
    /** Listens on a channel, on a connection that is kept for it, until the scope closes. */
    readonly listen: Listening["listen"] | undefined;
    /** How long a statement may take, in milliseconds, before it is given up. */
    readonly deadlineMillis: number;
}
/** A statement without answer for this long is given up, and so is the client that it went to. */
export declare const deadlineMillis = 2000;
/** Over the program's own client, which is left as it is. */
export declare const borrowed: (client: SqlClient) => Effect.Effect<Link, never, Scope.Scope>;
/** Begins a statement, and gives how to give it up. */
type Start = (text: string, parameters: ReadonlyArray<unknown>, onEnd: OnEnd) => () => void;
/** Runs statements, each of which ends in time. */
export declare const makeRunner: (start: Start) => Effect.Effect<{
    run: (text: string, parameters: ReadonlyArray<unknown>, onEnd: OnEnd) => void;
    close: () => void;
}, never, never>;
/** An interruption that is none of ours is the end of the client. */
export declare const firstError: (exit: Exit.Failure<unknown, unknown>) => unknown;
export {};
