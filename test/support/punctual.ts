/** Tests that count on time, on a busy machine. */
import { it as vitest } from "@effect/vitest"
import type { Effect, Scope } from "effect"
import { readFileSync } from "node:fs"
import * as Lateness from "../../src/internal/testing/lateness.ts"

const pressure = "/proc/pressure/cpu"

/** How long processes of this machine have waited for a processor, where Linux tells: a server may be late, too. */
const waited = (): number => {
  try {
    return Number(/^some .*total=(\d+)$/m.exec(readFileSync(pressure, "utf8"))?.[1] ?? 0) / 1000
  } catch {
    return 0
  }
}

/**
 * Such a test may also fail because this process, or a server, did not run for a while, which says nothing about what it tests.
 * So if either was late by more than so many milliseconds, a failed test is tried again, with a new scope, up to five times in
 * all. A failure on a machine that was on time counts.
 */
export const punctual = (lateMillis: number) =>
<A, E, R>(
  test: Effect.Effect<A, E, R>
): Effect.Effect<A, E, Exclude<R, Scope.Scope>> => Lateness.punctually(lateMillis, 5, waited)(() => test)

/** By how many milliseconds this process has been late at most since then: for what takes it and a server many turns. */
export const lateness: Effect.Effect<() => number, never, Scope.Scope> = Lateness.observe

/**
 * For tests of a server's answers: a call without an answer within two seconds has failed, though it may have been executed, which
 * happens on a machine that gives the server no time.
 */
export const it = {
  live: <E>(name: string, test: () => Effect.Effect<void, E, Scope.Scope>): void =>
    vitest.live(name, () => punctual(500)(test()))
}
