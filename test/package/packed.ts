/** The package as users get it: packed from a copy, so that a run leaves the work tree alone, and installed. */
import { execFile } from "node:child_process"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { root } from "../../scripts/doctest.ts"

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
  /** To be removed when done; nothing outside of it is written. */
  readonly folder: string
  /** Where it was built. */
  readonly copy: string
  readonly tarball: string
  /** Makes a project of this name with the package and others installed, and gives its folder. */
  readonly project: (name: string, ...packages: ReadonlyArray<string>) => Promise<string>
}

export const pack = async (): Promise<Packed> => {
  const folder = mkdtempSync(join(tmpdir(), "effect-lock-pack-"))
  const copy = join(folder, "copy")
  mkdirSync(copy)
  for (const name of ["src", "package.json", "tsconfig.json", "tsconfig.build.json", "README.md", "LICENSE"]) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(copy, name), { recursive: true })
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction")
  await exec(copy, "npm", "pack", "--pack-destination", folder)
  const tarball = join(folder, readdirSync(folder).find((file) => file.endsWith(".tgz")) ?? "")

  const project = async (name: string, ...packages: ReadonlyArray<string>): Promise<string> => {
    const path = join(folder, name)
    mkdirSync(path)
    writeFileSync(join(path, "package.json"), JSON.stringify({ name, private: true, type: "module" }))
    await exec(path, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", tarball, ...packages)
    return path
  }
  return { folder, copy, tarball, project }
}
