/** What a run of the tests makes only once, for the processes of all files: programs, builds, packages. */
import { chmodSync, existsSync, mkdirSync, renameSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { newDirectory, remove } from "./directory.ts"

const variables = { inside: "EFFECT_LOCK_TEST_RUN", outside: "EFFECT_LOCK_TEST_RUN_OUTSIDE" } as const
const root = fileURLToPath(new URL("../../", import.meta.url))

/** Inside the project, packages and its tsconfig are found; outside of it they are not. */
type Place = keyof typeof variables

const newFolder = (place: Place): string => {
  const folder = process.env[variables[place]] = newDirectory(
    "run",
    place === "inside" ? join(root, ".tmp") : undefined
  )
  // Also readable for servers that run as another user.
  chmodSync(folder, 0o755)
  return folder
}

/** Vitest's `globalSetup`: folders for the run, removed at its end. */
export default function setup(): () => void {
  // Node 22 and newer then compile only once what hundreds of processes load, which saves an eighth of all time.
  process.env.NODE_COMPILE_CACHE ??= join(root, "node_modules/.cache/compiled")
  const folders = [newFolder("inside"), newFolder("outside")]
  return () => folders.forEach(remove)
}

/** The folder of the run, or of this process if there is none. */
const folderOf = (place: Place): string => {
  const known = process.env[variables[place]]
  if (known !== undefined) return known
  const folder = newFolder(place)
  process.once("exit", () => remove(folder))
  return folder
}

/** Whether nobody else in this run has asked for the name before. */
export const first = (name: string): boolean => {
  try {
    mkdirSync(join(folderOf("inside"), name))
    return true
  } catch {
    return false
  }
}

/** What `make` creates at the given path: the first to ask makes it, and the others wait for it. */
export const once = async (
  name: string,
  make: (path: string) => unknown,
  place: Place = "inside"
): Promise<string> => {
  const path = join(folderOf(place), name)
  const turn = `${path}.turn`
  while (!existsSync(path)) {
    try {
      mkdirSync(turn)
    } catch {
      await sleep(20)
      continue
    }
    try {
      if (existsSync(path)) break
      // An earlier attempt may not have been completed.
      remove(`${path}.new`)
      // It appears only when it is complete.
      await make(`${path}.new`)
      renameSync(`${path}.new`, path)
    } finally {
      remove(turn)
    }
  }
  return path
}
