/** What a store may answer. Anything else is not understood, and so a failure in doubt. */
import * as Option from "effect/Option";
import { BackendFailure } from "../../LockError.ts";
import type { Attempt, Grant, Occupant, Page } from "../../LockStore.ts";
export declare const isAttempt: (u: unknown) => u is Attempt;
export declare const isBoolean: (u: unknown) => u is boolean;
export declare const areExtensions: (length: number) => (u: unknown) => u is ReadonlyArray<boolean | BackendFailure>;
export declare const isInspection: (u: unknown) => u is Option.Option<Occupant>;
export declare const areOccupants: (u: unknown) => u is ReadonlyArray<Occupant>;
export declare const isPage: (u: unknown) => u is Page;
export declare const isGrant: (u: unknown) => u is Grant;
