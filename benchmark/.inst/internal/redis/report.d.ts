/** What an operator is told: that the server cannot be reached, that it can, and what server it is. */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { Notices } from "../notices.ts";
import { type Transport } from "./transport.ts";
interface Facts {
    readonly description: string;
    /** The policy by which the server may evict locks. */
    readonly evicts: string | undefined;
}
/** Of the reply to `INFO`. */
export declare const facts: (info: string) => Facts;
/** Observes the transport from now on. */
export declare const make: (transport: Transport, backend: string, notices: Notices) => Effect.Effect<void, never, Scope.Scope>;
export {};
