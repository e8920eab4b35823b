import * as Effect from "effect/Effect";
import type * as Fiber from "effect/Fiber";
import type { LockRequest } from "../../LockConfig.ts";
import { type LockError } from "../../LockError.ts";
import { Refusal, type Refusing } from "../refusal.ts";
import type { KeyMap } from "./keyMap.ts";
import { Lease } from "./lease.ts";
import type { Counter } from "./lender.ts";
import type { Line } from "./line.ts";
import { type SharingParts } from "./sharing.ts";
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>;
type Caller = Fiber.Fiber<unknown, unknown>;
export type Taken = Lease | Refusal;
type Taking = Effect.Effect<Taken, LockError>;
/** What takers of a backend have in common. */
export interface Keys extends SharingParts, Refusing {
    readonly lines: KeyMap<Line>;
    /** Where keys are had that nobody here waits for. */
    readonly counter: Counter;
    /** What tokens say that are drawn when somebody asks for them. */
    readonly owner: string;
}
/** At once, where nothing has to be waited for. It acts when it is called, so only what owns the outcome calls it. */
export declare const take: (keys: Keys, request: LockRequest, caller: Caller, restore: Restore) => Taken | Taking;
export {};
