import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { Grant } from "../../LockStore.ts";
import type { Notices } from "../notices.ts";
import type { Mode, Place } from "./place.ts";
import type { Scripts } from "./scripts.ts";
import type { Transport } from "./transport.ts";
type Notify = (grant: Grant | undefined) => void;
export interface Waiting {
    readonly listen: (key: string, token: string, notify: Notify) => Effect.Effect<void, never, Scope.Scope>;
    /** How the token's listener will hear of a grant; asked when the token goes into a queue. */
    readonly modeOf: (token: string) => Mode;
    /** The token has a place in a queue. Whether it is looked after. */
    readonly settle: (place: Place, restMillis: number | undefined) => boolean;
    /** The token is given back: no look may bring it back to the queue. */
    readonly leave: (token: string) => void;
    /** A reply to something sent at `sentAt` says that the server's clock is at `micros`. */
    readonly observe: (sentAt: number, micros: number) => void;
}
/** Whoever waits for the end of a lease comes a little later than that, and not all at once. */
export declare const soonAfter: (restMillis: number) => number;
export declare const make: (transport: Transport, scripts: Scripts, prefix: string, now: () => number, notices: Notices) => Effect.Effect<Waiting, never, Scope.Scope>;
export {};
