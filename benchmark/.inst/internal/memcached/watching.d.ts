import * as Effect from "effect/Effect";
import type * as Option from "effect/Option";
import * as Schedule from "effect/Schedule";
/** What a look at the item shows. */
export interface Sight {
    /** It is worth while to claim the key. */
    readonly open: boolean;
    /** Changes when somebody else has the key. */
    readonly mark: string;
    /** How many come before us. */
    readonly ahead: number;
}
/** When to look again, having seen no change for so long. */
export declare const pause: (unchangedMillis: number, ahead: number) => number;
/** Calls `notify` when it is worth while to claim, and when a server that could not be asked is back; never ends. */
export declare const watch: (look: Effect.Effect<Option.Option<Sight>, never, never>, notify: () => void) => Effect.Effect<never, never, never>;
/**
 * When to claim without having been told to. A claim that failed is made again
 * soon, so that a server that is back is noticed; otherwise looking is enough.
 */
export declare const retry: Schedule.Schedule<unknown>;
