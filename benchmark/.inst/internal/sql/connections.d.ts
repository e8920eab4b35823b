/**
 * Connections of our own: a few for statements, opened when they are needed and
 * closed when they are not, and one for each that listens. One that answers no more,
 * or says that something is wrong with it, is left, and another one takes its place.
 */
import type * as PgConnection from "@effect/sql-pg/PgConnection";
import * as Effect from "effect/Effect";
import * as Scope from "effect/Scope";
import type { Duplex } from "node:stream";
import { type Link } from "./link.ts";
/**
 * What connections are told when they are opened. Statements are planned once for all their parameters, since planning takes
 * longer than running them; by the index, since the table that a plan was made for may have been empty.
 */
export declare const settings: {
    default_transaction_isolation: string;
    statement_timeout: string;
    plan_cache_mode: string;
    enable_seqscan: string;
    jit: string;
};
export interface Options {
    /** Opens a connection over a socket; `plain` without settings of ours. */
    readonly open: (plain: boolean, stream: () => Duplex) => Effect.Effect<PgConnection.PgConnection, unknown, Scope.Scope>;
    readonly socket: () => Duplex;
    readonly max: number;
}
export declare const make: (args_0: Options) => Effect.Effect<Link, never, Scope.Scope>;
