import * as Effect from "effect/Effect";
import type * as Fiber from "effect/Fiber";
import type { LockRequest } from "../LockConfig.ts";
import { type LockError } from "../LockError.ts";
import type { Held } from "../LockStore.ts";
/** What is known of a holder. */
export type Known = Omit<Held, "_tag">;
/** What a refusal asks, if it becomes an error. */
export interface Refusing {
    /** Counts it. */
    refused(request: LockRequest, waitedMillis: number): void;
    /** Who has the key, where that is known without asking. */
    holderOf(key: string): Known | undefined;
    /** Whether what runs on the fiber has the key itself. */
    isHeldBy(key: string, fiber: Fiber.Fiber<unknown, unknown>): boolean;
}
export declare class Refusal {
    readonly request: LockRequest;
    readonly waitedMillis: number;
    private readonly refusing;
    private readonly caller;
    private readonly known;
    constructor(refusing: Refusing, request: LockRequest, caller: Fiber.Fiber<unknown, unknown>, waitedMillis: number, known: Known | undefined | Effect.Effect<Known | undefined>);
    /** The failure of a call that wanted the lock. */
    get fail(): Effect.Effect<never, LockError>;
    private timedOut;
}
