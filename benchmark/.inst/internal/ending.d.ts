/** Something that ends by itself, such as a release that is on its way. */
import * as Effect from "effect/Effect";
export interface Ending {
    /** Calls back then, or at once if it is over. */
    whenOver(then: () => void): void;
}
/** Until it is over, unless we are interrupted meanwhile: it goes on without us. */
export declare const until: (ending: Ending) => Effect.Effect<unknown>;
/** The same for all of several. */
export declare const untilAll: (endings: ReadonlyArray<Ending>) => Effect.Effect<void>;
