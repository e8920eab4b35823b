/** The package of the command line tool, as it is published, in a folder with nothing but it and the library. */
import { mkdirSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { exec, pack, type Packed, type Project } from "./packed.ts"

let packed: Packed
let project: Project

beforeAll(async () => {
  packed = await pack()
  project = await packed.project(packed.cli)
})

afterAll(() => rmSync(packed.folder, { recursive: true, force: true }))

describe("the package of the tool", () => {
  it("holds the build and nothing else", () => {
    const installed = join(project.modules, "effect-lock-cli")
    assert.deepStrictEqual(readdirSync(installed).toSorted(), ["README.md", "dist", "package.json"])
    assert.isTrue(readdirSync(join(installed, "dist")).every((file) => file.endsWith(".js")))
  })

  const installed = (): string => join(project.modules, ".bin/effect-lock")

  it("runs by npx", async () => {
    assert.match(await exec(project.folder, installed(), "--version"), /^effect-lock v\d/)
    const run = ["LOCK_URL=memory://", "npx", "effect-lock", "run", "key", "--", "echo", "ran"]
    assert.strictEqual(await exec(project.folder, "env", ...run), "ran\n")
  })

  it("names the driver that PostgreSQL needs, when it is not there", async () => {
    const doctor = `"$0" doctor --url postgres://user@127.0.0.1:1/none 2>&1 || true`
    assert.match(await exec(project.folder, "sh", "-c", doctor, installed()), /@effect\/sql-pg/)
  })

  it("runs by npx from the packed tarballs, in an empty folder, and leaves it empty", async () => {
    const empty = join(packed.folder, "empty")
    mkdirSync(empty)
    const packages = [packed.tarball, packed.cli].map((file) => `--package=${file}`)
    const run = ["effect-lock", "run", "key", "--url", "memory://", "--", "echo", "ran"]
    assert.strictEqual(await exec(empty, "npx", "--yes", "--prefer-offline", ...packages, "--", ...run), "ran\n")
    assert.deepStrictEqual(readdirSync(empty), [])
  })
})
