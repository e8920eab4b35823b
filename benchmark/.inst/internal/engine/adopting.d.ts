/**
 * Taking a key on from a token that somebody has left behind: asks the store to give it
 * to a token of ours until it says yes or no, or the time is over.
 */
import * as Effect from "effect/Effect";
import type * as Fiber from "effect/Fiber";
import type { LockRequest } from "../../LockConfig.ts";
import { type LockError } from "../../LockError.ts";
import { Lease } from "./lease.ts";
import type { SharingParts } from "./sharing.ts";
type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>;
export declare const adopt: (parts: SharingParts, token: string, request: LockRequest, caller: Fiber.Fiber<unknown, unknown>, restore: Restore) => Effect.Effect<Lease, LockError>;
export {};
