/** Conformance cases as tests: side by side, but for those that start processes. */
import { describe, it } from "@effect/vitest"
import { conformance } from "effect-lock/testing"

export const conforms = (name: string, cases: ReadonlyArray<conformance.ConformanceCase>, timeout = 20_000): void => {
  describe(
    name,
    { concurrent: true, timeout },
    () => conformance.register(it, cases.filter(({ processes }) => processes === 0))
  )
  describe(
    `${name}, among processes`,
    { timeout: 120_000 },
    () => conformance.register(it, cases.filter(({ processes }) => processes > 0))
  )
}
