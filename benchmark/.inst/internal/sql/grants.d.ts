import * as Effect from "effect/Effect";
import * as Scope from "effect/Scope";
import type { Grant } from "../../LockStore.ts";
import type { Notices } from "../notices.ts";
import type { ClockBound } from "./bound.ts";
import type { Link } from "./link.ts";
import type { Statements } from "./statements.ts";
type Notify = (grant: Grant | undefined) => void;
export interface Grants {
    readonly listen: (token: string, notify: Notify) => Effect.Effect<void, never, Scope.Scope>;
    /** Has `changed` called on each change of a row, and perhaps more often, while it can be told. */
    readonly watch: (row: string, changed: () => void) => Effect.Effect<void, never, Scope.Scope>;
    /** The channel that a waiting token will be told on, if it will; asked when the token goes into a queue. */
    readonly channelFor: (token: string) => string | undefined;
}
/** What a message tells the store: a token that listens was given its row, or one that does not. */
export interface Told {
    readonly granted: (token: string) => void;
    readonly stray: (token: string, row: string) => void;
}
export declare const make: (link: Link, channel: string, clock: ClockBound, statements: Pick<Statements, "unwatch" | "watch">, now: () => number, told: Told, notices: Notices) => Effect.Effect<Grants, never, Scope.Scope>;
export {};
