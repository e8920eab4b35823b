/**
 * Waiting for a key. memcached tells nobody anything, so a waiter looks at the
 * item: often when something has just changed and it is next, ever less often
 * the longer nothing happens and the further back it is.
 */
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import { monotonicMillis } from "../time.js";
/** When to look again, having seen no change for so long. */
export const pause = (unchangedMillis, ahead) => Math.min(Math.max(2, unchangedMillis / 6) * (1 + ahead), ahead === 0 ? 100 : 250);
/** Calls `notify` when it is worth while to claim, and when a server that could not be asked is back; never ends. */
export const watch = Effect.fnUntraced(function* (look, notify) {
    const clock = yield* Clock.Clock;
    let since = monotonicMillis(clock);
    let seen;
    while (true) {
        yield* Effect.sleep(pause(monotonicMillis(clock) - since, seen?.ahead ?? 0));
        const sight = yield* look;
        if (sight._tag === "None") {
            seen = undefined;
            continue;
        }
        const { ahead, mark, open } = sight.value;
        if (mark !== seen?.mark || ahead !== seen.ahead)
            since = monotonicMillis(clock);
        if (open || seen === undefined)
            notify();
        seen = sight.value;
    }
});
/**
 * When to claim without having been told to. A claim that failed is made again
 * soon, so that a server that is back is noticed; otherwise looking is enough.
 */
export const retry = Schedule.min([
    Schedule.exponential(Duration.millis(10), 1.5),
    Schedule.spaced(Duration.millis(100))
]).pipe(Schedule.jittered, Schedule.modifyDelay(({ duration, input }) => Effect.succeed(isHeld(input) ? Duration.seconds(1) : duration)));
const isHeld = (reply) => typeof reply === "object" && reply !== null && "_tag" in reply && reply._tag === "Held";
