import { assert, describe, it } from "vitest"
import { fencesOf, instrument, padded } from "../scripts/doctest.ts"

const markdown = (...lines: ReadonlyArray<string>) => fencesOf("page.md", lines.join("\n"))
const instrumented = (...lines: ReadonlyArray<string>) =>
  instrument({ file: "page.md", line: 1, tags: [], code: lines.join("\n") })

describe("fencesOf", () => {
  it("finds TypeScript in Markdown, with its tags and its line", () => {
    assert.deepStrictEqual(
      markdown("# Title", "```ts redis", "one", "```", "```sh", "ls", "```", "```", "text", "```"),
      [
        { file: "page.md", line: 3, tags: ["redis"], code: "one" }
      ]
    )
  })

  it("finds it in docstrings only, without their margin", () => {
    const source = [
      "/**",
      " * ```ts",
      " * one",
      " *   two",
      " * ```",
      " */",
      "const text = `",
      "```ts",
      "three",
      "```",
      "`"
    ]
    assert.deepStrictEqual(fencesOf("code.ts", source.join("\n")), [
      { file: "code.ts", line: 3, tags: [], code: "one\n  two" }
    ])
  })

  it("keeps every line where it was", () => {
    const [fence] = markdown("", "", "```ts", "one", "```")
    assert.strictEqual(padded(fence).split("\n")[fence.line - 1], "one")
  })
})

describe("instrument", () => {
  it("asserts an expression, a declaration, and a value on the next lines", () => {
    const { code, lines } = instrumented(
      "f(1) // => 2",
      "const a = [1] // => [1]",
      ";[2].map(g)",
      "// => [",
      "//   3",
      "// ]"
    )
    assert.deepStrictEqual(lines, [1, 2, 4])
    assert.include(code, "__check(1, (f(1)), () => (2))")
    assert.include(code, "const a = [1]; __check(2, a, () => ([1]))")
    assert.include(code, ";__check(4, ([2].map(g)), () => ([ 3 ]))")
  })

  it("asserts inside functions", () => {
    assert.include(instrumented("const f = () => {", "  g() // => 1", "}").code, "  __check(2, (g()), () => (1))")
  })

  for (
    const [what, ...lines] of [
      ["no statement before the value", "// => 1"],
      ["text between them", "f()", "// a remark", "// => 1"],
      ["a value that is no expression", "f() // => a b"],
      ["code that does not parse", "f("]
    ]
  ) {
    it(`refuses ${what}`, () => assert.throws(() => instrumented(...lines), /^page\.md:\d+: /))
  }
})
