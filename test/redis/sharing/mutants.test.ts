/** What `npm run mutants:redis` changes is still in the scripts. */
import { assert, describe, it } from "@effect/vitest"
import { isThere, mutants } from "./mistakes.ts"

describe("mutants of the scripts", () => {
  for (const [name, mutant] of Object.entries(mutants)) {
    it(`${name}: ${mutant.mistake}`, () => {
      assert.isTrue(isThere(mutant), `no script says: ${mutant.from}`)
    })
  }
})
