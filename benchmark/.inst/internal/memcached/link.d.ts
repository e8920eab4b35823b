/**
 * A link: one TCP connection to one memcached process, which works or is dead.
 *
 * It never sends anything twice and never comes back. Whatever goes wrong kills
 * it, fails what waits for it, and lets its owner make another one. That is why
 * a CAS learned on a link is good for as long as the link: the process at the
 * other end is still the same.
 *
 * Of memjs it uses `Server`, which connects. What goes over the connection is
 * ours: memjs' `Client` re-sends and replays requests, so it can't be used for
 * locks, and its reading of replies takes longer than all else that a lock costs here.
 */
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type { FailureKind } from "../../LockError.ts";
import { type Reply, type Request } from "./wire.ts";
/** Why a request has no answer. `sent` says that the server may have executed it all the same. */
export interface Fault {
    readonly kind: FailureKind;
    readonly retryable: boolean;
    readonly description?: string | undefined;
    readonly cause?: unknown;
    readonly sent?: boolean | undefined;
}
export interface Address {
    readonly host: string;
    readonly port: number;
    readonly username?: string | undefined;
    readonly password?: Redacted.Redacted<string> | undefined;
}
export interface Timeouts {
    readonly connectMillis: number;
    readonly requestMillis: number;
}
export interface Link {
    readonly isAlive: () => boolean;
    /** When the server process started, in seconds by its own clock. Known as soon as a request has been answered. */
    readonly startedAt: () => number;
    /** Waits for the connection if need be, and calls back once. */
    readonly send: (request: Request, onReply: (reply: Reply) => void, onFault: (fault: Fault) => void) => void;
    /** The same as an effect. */
    readonly request: (request: Request) => Effect.Effect<Reply, Fault>;
    readonly close: (fault: Fault) => void;
}
/** What a status says that none of the commands expects. */
export declare const statusFault: (reply: Reply) => Fault;
/** Starts connecting. The link can be used at once. */
export declare const open: (address: Address, timeouts: Timeouts) => Link;
