/**
 * Which tabs and workers there are: each holds a Web Lock of its own for as long
 * as it lives. The browser lets go of it when the tab is closed, crashes or goes
 * to another page, so that who gets it knows that the tab is no more. Names are
 * random and never come back.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
export interface Presence {
    /** The name of this tab, or worker. */
    readonly tab: string;
    /** Calls back once, when the tab is gone; its result ends the watch. */
    readonly watch: (tab: string, onGone: () => void) => () => void;
    /** Those that are gone. */
    readonly gone: (tabs: ReadonlyArray<string>) => Promise<ReadonlyArray<string>>;
}
/** Ends with the scope, and with the tab. */
export declare const make: (name: string) => Effect.Effect<Presence, unknown, Scope.Scope>;
