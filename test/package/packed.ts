/** The packages as users get them: packed from a copy, so that a run leaves the work tree alone, and installed. */
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { promisify } from "node:util"
import { root } from "../../scripts/doctest.ts"
import { once } from "../support/once.ts"

export const exec = async (cwd: string, command: string, ...args: ReadonlyArray<string>): Promise<string> => {
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd, shell: process.platform === "win32" })
    return stdout
  } catch (error) {
    // Compilers complain on stdout, which the message leaves out.
    if (error instanceof Error && "stdout" in error) error.message += `\n${String(error.stdout)}`
    throw error
  }
}

export const bin = (name: string): string => join(root, "node_modules/.bin", name)

const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly devDependencies: Record<string, string>
}

/** What the project itself is tested with, as something to install. */
export const pinned = (...names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.map((name) => `${name}@${devDependencies[name]}`)

export interface Packed {
  /** Where projects are made, to be removed when done. */
  readonly folder: string
  /** What was built. */
  readonly dist: string
  readonly tarball: string
  /** That of the command line tool. */
  readonly cli: string
  /**
   * A new folder inside a project that has these installed, which is made once for all files of a run. It goes with the run.
   */
  readonly project: (...packages: ReadonlyArray<string>) => Promise<Project>
}

export interface Project {
  /** For programs. */
  readonly folder: string
  /** `node_modules`. */
  readonly modules: string
}

const sources = ["src", "cli", "package.json", "tsconfig.json", "tsconfig.build.json", "README.md", "LICENSE"]

/** Builds and packs both, once for all files of a run. */
const packages = (): Promise<string> =>
  once("packages", async (folder) => {
    const copy = join(folder, "copy")
    for (const name of sources) cpSync(join(root, name), join(copy, name), { recursive: true })
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction")
    await exec(copy, "npm", "pack", "--pack-destination", folder)
    await exec(join(copy, "cli"), "npm", "pack", "--pack-destination", folder)
  })

const distIn = (folder: string): string => join(folder, "copy/dist")

/** What is in the package, for who needs no more of it. */
export const built = async (): Promise<string> => distIn(await packages())

export const pack = async (): Promise<Packed> => {
  const made = await packages()
  const named = (name: RegExp): string => join(made, readdirSync(made).find((file) => name.test(file)) ?? "")
  const [tarball, cli] = [named(/^effect-lock-\d.*\.tgz$/), named(/^effect-lock-cli-\d.*\.tgz$/)]
  const folder = mkdtempSync(join(tmpdir(), "effect-lock-pack-"))

  const project = async (...packages: ReadonlyArray<string>): Promise<Project> => {
    const path = await once(
      `project-${packages.map((one) => basename(one)).join("-").replace(/\W+/g, "-")}`,
      async (path) => {
        mkdirSync(path)
        writeFileSync(join(path, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }))
        await exec(path, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", ...packages)
      },
      "outside"
    )
    return { folder: mkdtempSync(join(path, "user-")), modules: join(path, "node_modules") }
  }
  return { folder, dist: distIn(made), tarball, cli, project }
}
