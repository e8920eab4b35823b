/** The package of the command line tool, as it is published, in a folder with nothing but it. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
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
  it("holds the build and the licenses of what is in it, and needs nothing else", () => {
    const installed = join(project.modules, "effect-lock-cli")
    assert.deepStrictEqual(readdirSync(installed).toSorted(), ["README.md", "dist", "package.json"])
    const files = readdirSync(join(installed, "dist"))
    assert.deepStrictEqual(files.filter((file) => !file.endsWith(".js")), ["licenses.txt"])
    const licenses = readFileSync(join(installed, "dist/licenses.txt"), "utf8")
    for (const name of ["effect", "effect-lock", "ioredis", "@effect/sql-pg", "memjs"]) {
      assert.match(licenses, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+: MIT$`, "m"))
    }
    assert.deepStrictEqual(readdirSync(project.modules).filter((file) => !file.startsWith(".")), ["effect-lock-cli"])
  })

  const installed = (): string => join(project.modules, ".bin/effect-lock")

  it("runs by npx", async () => {
    assert.match(await exec(project.folder, installed(), "--version"), /^effect-lock v\d/)
    const run = ["LOCK_URL=memory://", "npx", "effect-lock", "run", "key", "--", "echo", "ran"]
    assert.strictEqual(await exec(project.folder, "env", ...run), "ran\n")
  })

  it.each(["redis://127.0.0.1:1", "postgres://user@127.0.0.1:1/none", "memcache://127.0.0.1:1"])(
    "brings the driver of %s",
    async (url) => {
      const run = `"$0" run key --timeout 0 --url ${url} -- true 2>&1 || true`
      assert.include(await exec(project.folder, "sh", "-c", run, installed()), "ECONNREFUSED")
    }
  )

  it("runs by npx without being installed, and leaves the folder empty", async () => {
    const empty = join(packed.folder, "empty")
    mkdirSync(empty)
    // Said in full, since npx looks at `npm_config_package`, which it has set when it runs the tests.
    const run = [
      `--package=${packed.cli}`,
      "--",
      "effect-lock",
      "run",
      "key",
      "--url",
      "memory://",
      "--",
      "echo",
      "ran"
    ]
    assert.strictEqual(await exec(empty, "npx", "--yes", "--prefer-offline", ...run), "ran\n")
    assert.deepStrictEqual(readdirSync(empty), [])
  })
})
