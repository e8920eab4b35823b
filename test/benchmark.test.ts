/** The figures that the READMEs show are those that were measured, and each says of which run it is. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { reached, type Results, summary, tables, units } from "../benchmark/src/lib/results.ts"
import { root } from "../scripts/doctest.ts"

const read = (file: string): string => readFileSync(join(root, file), "utf8")
const results: Results = JSON.parse(read("benchmark/results.json"))

/** Formatting apart. */
const plain = (text: string): string => text.replace(/\s+/g, " ")

describe("the benchmark's figures", () => {
  it("are of runs that the benchmark has", () => {
    assert.deepStrictEqual(Object.keys(results.scenarios).filter((unit) => !units.includes(unit)), [])
  })

  it("are of a day and a version", () => {
    for (const [unit, { date, versions }] of Object.entries(results.scenarios)) {
      assert.match(date, /^\d{4}-\d\d-\d\d$/, unit)
      assert.match(versions["effect-lock"], /^\d+\.\d+\.\d+$/, unit)
    }
  })

  it("are those of the README", () => assert.include(plain(read("README.md")), plain(summary(results))))

  it("are those of the benchmark's README", () => {
    const text = plain(read("benchmark/README.md"))
    assert.include(text, plain(reached(results)))
    assert.include(text, plain(tables(results)))
  })
})
