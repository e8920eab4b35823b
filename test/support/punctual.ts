/** Tests that count on time, on a machine that has other things to do. */
import type { Effect, Scope } from "effect"
import { punctually } from "../../src/internal/testing/lateness.ts"

/**
 * Such a test fails for one of two reasons, and the second says nothing about what it tests: that this process did not run for
 * a while. If it was late by more than so many milliseconds, a test that failed is tried again, with a scope of its own, up to
 * five times in all. One that fails in a process that was on time has failed.
 */
export const punctual = (lateMillis: number) =>
<A, E, R>(
  test: Effect.Effect<A, E, R>
): Effect.Effect<A, E, Exclude<R, Scope.Scope>> => punctually(lateMillis, 5)(test)
