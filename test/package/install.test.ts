/** What somebody does first: an empty folder, two words to npm, and the first program of the README. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { fencesOf } from "../../scripts/doctest.ts"
import { exec, pack, type Packed } from "./packed.ts"

let packed: Packed
let folder: string

beforeAll(async () => {
  packed = await pack()
  folder = join(packed.folder, "empty")
  mkdirSync(folder)
})

afterAll(() => rmSync(packed.folder, { recursive: true, force: true }))

describe("npm install effect-lock effect, in an empty folder", () => {
  it("installs what the registry has today, without a word of warning", () => {
    const { status, stderr, stdout } = spawnSync("npm", ["install", packed.tarball, "effect"], {
      cwd: folder,
      encoding: "utf8",
      shell: process.platform === "win32"
    })
    assert.strictEqual(status, 0, stdout + stderr)
    assert.notMatch(stdout + stderr, /npm warn|EBADENGINE|ERESOLVE|deprecated/i)
    assert.isTrue(existsSync(join(folder, "node_modules/effect")))
    assert.isFalse(existsSync(join(folder, "node_modules/ioredis")))
  })

  it("runs the first program of the README", async () => {
    const [first] = fencesOf("README.md")
    const expected = /\/\/ => "(.+)"/.exec(first.code)?.[1]
    assert.isDefined(expected)
    writeFileSync(join(folder, "program.mjs"), first.code)
    assert.strictEqual((await exec(folder, process.execPath, "program.mjs")).trim(), expected)
  })
})
