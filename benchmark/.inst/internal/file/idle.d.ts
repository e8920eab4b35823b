/**
 * Keys that nobody uses leave the disk: those that this store has given back
 * after a while, and when it closes; those that others left behind (they died,
 * or were short-lived) once, after the same while.
 *
 * No timer of it keeps the process from ending, and when there is nothing to
 * remove there is none.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { State } from "./state.ts";
/**
 * `free` has the keys that were given back, by their paths, the longest ago
 * first. `remove` removes a key that has been idle for so many milliseconds.
 * The result is to be called when a key was given back.
 */
export declare const make: (root: string, free: Map<string, State>, keepMillis: number, remove: (path: string, idleMillis: number) => void) => Effect.Effect<() => void, never, Scope.Scope>;
