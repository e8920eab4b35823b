/** The package of the command line tool, as it is published, in a folder with nothing but it. */
import { execFile } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { root } from "../../scripts/doctest.ts"

const exec = async (cwd: string, command: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const { stdout } = await promisify(execFile)(command, args, { cwd, env: { ...process.env, LOCK_URL: "memory://" } })
  return stdout
}

const folder = mkdtempSync(join(tmpdir(), "effect-lock-cli-pack-"))
const copy = join(folder, "copy")
const user = join(folder, "user")

beforeAll(async () => {
  mkdirSync(user)
  for (
    const name of ["src", "cli", "package.json", "tsconfig.json", "tsconfig.build.json", "README.md", "LICENSE"]
  ) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(copy, name), { recursive: true })
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction")
  await exec(copy, "npm", "pack", "--pack-destination", folder)
  await exec(join(copy, "cli"), "npm", "pack", "--pack-destination", folder)
  const tarballs = readdirSync(folder).filter((file) => file.endsWith(".tgz")).map((file) => join(folder, file))
  writeFileSync(join(user, "package.json"), JSON.stringify({ name: "user", private: true }))
  await exec(user, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", ...tarballs)
}, 240_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("the package of the tool", () => {
  it("holds the build and nothing else", () => {
    const installed = join(user, "node_modules/effect-lock-cli")
    assert.deepStrictEqual(readdirSync(installed).toSorted(), ["README.md", "dist", "package.json"])
    assert.isTrue(readdirSync(join(installed, "dist")).every((file) => file.endsWith(".js")))
  })

  it("runs by npx", async () => {
    assert.match(await exec(user, "npx", "effect-lock", "--version"), /^effect-lock v\d/)
    assert.strictEqual(await exec(user, "npx", "effect-lock", "run", "key", "--", "echo", "ran"), "ran\n")
  }, 60_000)
})
