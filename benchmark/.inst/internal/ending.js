/** Something that ends by itself, such as a release that is on its way. */
import * as Effect from "effect/Effect";
/** Until it is over, unless we are interrupted meanwhile: it goes on without us. */
export const until = (ending) => Effect.exit(Effect.interruptible(Effect.callback((resume) => ending.whenOver(() => resume(Effect.void)))));
/** The same for all of several. */
export const untilAll = (endings) => Effect.asVoid(until({
    whenOver: (then) => {
        let left = endings.length;
        if (left === 0)
            then();
        for (const ending of endings)
            ending.whenOver(() => --left === 0 && then());
    }
}));
