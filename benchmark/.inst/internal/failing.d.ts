/**
 * Makes a `LockError` that points to the program's calls, as far as Effect knows
 * them (`Effect.fn`, `Effect.withSpan`), and to none of ours. Capturing a stack
 * would cost more than all the rest, and would only tell of the engine.
 */
import * as Exit from "effect/Exit";
import type * as Fiber from "effect/Fiber";
import { LockError, type LockErrorReason } from "../LockError.ts";
export declare const lockError: (reason: () => LockErrorReason, caller?: Fiber.Fiber<unknown, unknown>) => LockError;
/** A lock call that fails. */
export declare const failWith: (reason: LockErrorReason, caller?: Fiber.Fiber<unknown, unknown>) => Exit.Exit<never, LockError>;
