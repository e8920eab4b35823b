/**
 * Locks that we gave to waiters elsewhere. One that is not claimed in time is
 * called for, since the other waiters do not know of it yet. Once for each lock
 * and claim, however often it changes hands.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { type Scripts } from "./scripts.ts";
import type { Transport } from "./transport.ts";
export interface Recall {
    readonly add: (lock: string) => void;
}
export declare const make: (transport: Transport, scripts: Scripts, channels: string) => Effect.Effect<Recall, never, Scope.Scope>;
