/** Conformance cases as tests, which run side by side, except those that start processes. */
import { describe, it } from "@effect/vitest"
import { conformance } from "effect-lock/testing"

export const conforms = (name: string, cases: ReadonlyArray<conformance.ConformanceCase>): void => {
  describe(
    name,
    { concurrent: true },
    () => conformance.register(it, cases.filter(({ processes }) => processes === 0))
  )
  describe(
    `${name}, among processes`,
    () => conformance.register(it, cases.filter(({ processes }) => processes > 0))
  )
}
