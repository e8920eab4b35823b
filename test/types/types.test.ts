import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "vitest"
import { filesIn, root } from "../../scripts/doctest.ts"
import { publicModules, usedBy } from "../../scripts/modules.ts"

describe("types", () => {
  it("are what the type tests say", async () => {
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    const output = await promisify(execFile)(process.execPath, [tsc, "-p", "test/types", "--pretty", "false"], {
      cwd: root
    })
      .then(() => "", (error: { readonly stdout: string }) => error.stdout)
    assert.strictEqual(output, "")
  })

  it("are tested for every public value", () => {
    const modules = publicModules()
    const tests = filesIn("test/types", ".tst.ts", false)
      .map((file) => ({ file, line: 1, tags: [], code: readFileSync(join(root, file), "utf8") }))
    const used = new Set(tests.flatMap((test) => Array.from(usedBy(test, modules))))
    const missing = modules.flatMap(({ exports, file }) =>
      exports.filter(({ kind, name }) => kind !== "type" && !used.has(`${file} ${name}`))
        .map(({ line, name }) => `${file}:${line} ${name}`)
    )
    assert.deepStrictEqual(missing, [])
  })
})
