import type * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import type { Lease } from "../Lease.ts";
import type { LockRequest } from "../LockConfig.ts";
import type { LockError } from "../LockError.ts";
import type { Caller, Guard, Restore } from "./guard.ts";
import * as Reentry from "./reentry.ts";
type Work<A, E, R> = Reentry.Work<Lease, A, E, R>;
/** Who owns a lease, and what is done under it. */
export declare class Owner {
    private lease;
    /** What does the work, until that has ended. */
    worker: Fiber.Fiber<unknown, unknown> | undefined;
    own(lease: Guard): Guard;
    giveBack(): Effect.Effect<void, unknown> | undefined;
}
/**
 * Owns a lease from the moment it is taken: it goes back if the effect does not come
 * to its end, or always; and before that, the work under it ends.
 */
export declare const owning: <A, E, R>(run: (owner: Owner) => Effect.Effect<A, E, R>, keeps: boolean) => Effect.Effect<A, E, R>;
/** Does the work, and gives the lease back. Acts when it is called; work that needs no waiting is done then. */
export declare const run: <A, E, R>(lease: Guard, request: LockRequest, work: Work<A, E, R>, caller: Caller, restore: Restore, context: Context.Context<never>) => Effect.Effect<A, E | LockError>;
/** The same for a lease that was waited for. */
export declare const runLater: <A, E, R>(lease: Guard, request: LockRequest, work: Work<A, E, R>, caller: Caller, restore: Restore, context: Context.Context<never>) => Effect.Effect<A, E | LockError>;
/**
 * The same for one who owns the lease from now on. Work may not start after an interruption that
 * came while its lease did, nor when the event loop was late for it.
 */
export declare const begin: <A, E, R>(owner: Owner, lease: Guard, request: LockRequest, work: Work<A, E, R>, caller: Caller, restore: Restore, context: Context.Context<never>) => Effect.Effect<A, E | LockError>;
/** Does work, and leaves the leases as they are. The first of them that is lost ends it. */
export declare const under: <A, E, R>(leases: ReadonlyArray<Guard>, work: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LockError, R>;
/** Gives leases back together, and waits for all at once. */
export declare const giveAllBack: (leases: ReadonlyArray<Guard>, { awaitRelease }: LockRequest) => Effect.Effect<void>;
export {};
