/** What `npm run release:version` does with changesets for both packages, in a copy. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { root } from "../../scripts/doctest.ts"
import { bin, exec } from "./packed.ts"

const copy = mkdtempSync(join(tmpdir(), "effect-lock-release-"))

const packageOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly version: string
    readonly devDependencies?: Record<string, string>
  }

/** The next of a kind: 0.2.1 -> 0.3.0. */
const minor = (version: string): string => version.replace(/\.(\d+)\.\d+$/, (_, digits) => `.${Number(digits) + 1}.0`)

beforeAll(() => {
  for (const name of ["package.json", "package-lock.json", "CHANGELOG.md", "cli/package.json", "dprint.json"]) {
    cpSync(join(root, name), join(copy, name))
  }
  mkdirSync(join(copy, ".changeset"))
  cpSync(join(root, ".changeset/config.json"), join(copy, ".changeset/config.json"))
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction")
  writeFileSync(
    join(copy, ".changeset/library.md"),
    `---\n"effect-lock": minor\n---\n\nWhat changed in the library.\n`
  )
})

afterAll(() => rmSync(copy, { recursive: true, force: true }))

// Their tool needs a Node that is newer than the library does.
describe.skipIf(Number.parseInt(process.versions.node) < 22)("changesets", () => {
  it("raise the library, and with it the tool, in which it is", async () => {
    const { version } = packageOf(copy)
    await exec(copy, "git", "init", "--quiet")
    await exec(copy, bin("changeset"), "version")
    assert.strictEqual(packageOf(copy).version, minor(version))
    assert.strictEqual(packageOf(join(copy, "cli")).version, minor(version))
    assert.strictEqual(packageOf(join(copy, "cli")).devDependencies?.["effect-lock"], `^${minor(version)}`)
    assert.include(readFileSync(join(copy, "CHANGELOG.md"), "utf8"), "What changed in the library.")
  })
})
