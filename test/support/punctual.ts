/** Tests that count on time, on a machine that has other things to do. */
import { it as vitest } from "@effect/vitest"
import type { Effect, Scope } from "effect"
import { readFileSync } from "node:fs"
import * as Lateness from "../../src/internal/testing/lateness.ts"

const pressure = "/proc/pressure/cpu"

/** For how long somebody on this machine had to wait for a processor, where Linux says so: a server may be late, too. */
const waited = (): number => {
  try {
    return Number(/^some .*total=(\d+)$/m.exec(readFileSync(pressure, "utf8"))?.[1] ?? 0) / 1000
  } catch {
    return 0
  }
}

/**
 * Such a test fails for one of two reasons, and the second says nothing about what it tests: that this process, or a server,
 * did not run for a while. If either was late by more than so many milliseconds, a test that failed is tried again, with a scope
 * of its own, up to five times in all. One that fails on a machine that was on time has failed.
 */
export const punctual = (lateMillis: number) =>
<A, E, R>(
  test: Effect.Effect<A, E, R>
): Effect.Effect<A, E, Exclude<R, Scope.Scope>> => Lateness.punctually(lateMillis, 5, waited)(() => test)

/** How many milliseconds this process has been late since then, at the most: for what many turns of it and of a server take. */
export const lateness: Effect.Effect<() => number, never, Scope.Scope> = Lateness.observe

/**
 * For tests of what a server answers: what it does not within two seconds has failed, and may have been executed all the same,
 * which is no wonder on a machine that gives it no time.
 */
export const it = {
  live: <E>(name: string, test: () => Effect.Effect<void, E, Scope.Scope>): void =>
    vitest.live(name, () => punctual(500)(test()))
}
