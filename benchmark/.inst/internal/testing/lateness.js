/** How late this process is, for what counts on real time and says nothing when the machine gave it none. */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { monotonicMillis } from "../time.js";
/** By how many milliseconds, at the most, something has come too late in this process until one asks, in real time. */
const observe = Effect.gen(function* () {
    const clock = Clock.Clock.defaultValue();
    const step = 10;
    let latest = 0;
    let due = monotonicMillis(clock) + step;
    const look = () => {
        const now = monotonicMillis(clock);
        latest = Math.max(latest, now - due);
        due = now + step;
    };
    yield* Effect.forever(Effect.andThen(Effect.sleep(step), Effect.sync(look))).pipe(Effect.provideService(Clock.Clock, clock), Effect.forkScoped({ startImmediately: true }));
    return () => {
        look();
        return latest;
    };
});
/** Tries again, up to so many times in all, what fails while this process is late by more than `millis`. */
export const punctually = (millis, attempts) => (effect) => Effect.gen(function* () {
    const lateness = yield* observe;
    const exit = yield* Effect.exit(effect);
    return Exit.isFailure(exit) && attempts > 1 && lateness() > millis
        ? yield* punctually(millis, attempts - 1)(effect)
        : yield* exit;
}).pipe(Effect.scoped);
