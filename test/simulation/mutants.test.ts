/** What `npm run mutants` changes is still there: else nobody notices before somebody runs it. */
import { assert, describe, it } from "@effect/vitest"
import { changed, mutants, root } from "./mistakes.ts"

describe("mutants", () => {
  for (const [name, mutant] of Object.entries(mutants)) {
    it(`${name}: ${mutant.mistake}`, () => {
      assert.isAbove(changed(root, mutant).size, 0)
    })
  }
})
