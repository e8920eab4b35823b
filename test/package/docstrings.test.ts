/** What an editor shows: every overload, option and member that users meet has a docstring in what is installed. */
import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { tornLinks, undocumented } from "../../scripts/declarations.ts"
import { publicModules } from "../../scripts/modules.ts"
import { pack, type Packed } from "./packed.ts"

const check = (text: string) => undocumented("Module.d.ts", text)

describe("a reader of declarations finds no docstring", () => {
  it("on overloads, and one is enough for a single signature", () => {
    assert.deepStrictEqual(
      check(`/** Locks. */
        export declare const lock: {
          /** With a key. */
          (key: string): void
          (key: string, more: number): void
        }
        /** Unlocks. */
        export declare const unlock: { (key: string): void }
        /** Many. */
        export declare function many(one: string): void
        export declare function many(one: string, two: string): void`),
      ["lock (overload 2)", "many (overload 2)"]
    )
  })

  it("on options and members, also those inside, and of a class's hidden base", () => {
    assert.deepStrictEqual(
      check(`/** Options. */
        export interface Options {
          /** Good. */
          readonly one: string
          readonly two?: string | undefined
          /** @since 0.1.0 */
          readonly three: { readonly inner: number }
          // Not a docstring
          four(): void
        }
        interface Hidden { readonly none: string }
        declare const Service_base: Service<{
          /** See {@link Options}. */
          readonly name: string
          readonly use: () => void
        }>
        /** A service. */
        export declare class Service extends Service_base {
          readonly _tag: "Service"
          readonly own: string
        }
        export declare type Plain = string`),
      [
        "Options.two",
        "Options.three",
        "Options.three.inner",
        "Options.four",
        "Service.use",
        "Service.own",
        "Plain"
      ]
    )
  })
})

it("a link is torn by a line break before its name", () => {
  assert.deepStrictEqual(tornLinks("/** {@link one}, {@link\n   * two} and\n {@link three} */"), ["two"])
})

describe("the declarations of the package", () => {
  let packed: Packed
  beforeAll(async () => {
    packed = await pack()
  })
  afterAll(() => rmSync(packed.folder, { recursive: true, force: true }))

  const modules = publicModules().map(({ file }) => file.slice("src/".length, -".ts".length))

  for (const name of modules) {
    it(`of ${name} say what everything in them is`, () => {
      const file = join(packed.dist, `${name}.d.ts`)
      const code = readFileSync(file, "utf8")
      assert.deepStrictEqual(undocumented(file, code), [])
      assert.deepStrictEqual(tornLinks(code), [])
    })
  }
})
