import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
/** Tries again, up to so many times in all, what fails while this process is late by more than `millis`. */
export declare const punctually: (millis: number, attempts: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Scope.Scope>>;
