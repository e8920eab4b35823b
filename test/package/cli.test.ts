/** The package of the command line tool, as it is published, in a folder with nothing but it and the library. */
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { exec, pack, type Packed } from "./packed.ts"

let packed: Packed
let user: string

beforeAll(async () => {
  packed = await pack()
  user = await packed.project("user", packed.cli)
}, 240_000)

afterAll(() => rmSync(packed.folder, { recursive: true, force: true }))

describe("the package of the tool", () => {
  it("holds the build and nothing else", () => {
    const installed = join(user, "node_modules/effect-lock-cli")
    assert.deepStrictEqual(readdirSync(installed).toSorted(), ["README.md", "dist", "package.json"])
    assert.isTrue(readdirSync(join(installed, "dist")).every((file) => file.endsWith(".js")))
  })

  it("runs by npx", async () => {
    assert.match(await exec(user, "npx", "effect-lock", "--version"), /^effect-lock v\d/)
    const run = ["LOCK_URL=memory://", "npx", "effect-lock", "run", "key", "--", "echo", "ran"]
    assert.strictEqual(await exec(user, "env", ...run), "ran\n")
  }, 60_000)
})
