/** What a run of the tests makes once, though each of its files is a process of its own: programs, builds, packages. */
import { chmodSync, existsSync, mkdirSync, renameSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { newDirectory, remove } from "./directory.ts"

const variables = { inside: "EFFECT_LOCK_TEST_RUN", outside: "EFFECT_LOCK_TEST_RUN_OUTSIDE" } as const
const root = fileURLToPath(new URL("../../", import.meta.url))

/** Inside the project its packages and its tsconfig are found, and outside of it they are not. */
type Place = keyof typeof variables

const newFolder = (place: Place): string => {
  const folder = process.env[variables[place]] = newDirectory(
    "run",
    place === "inside" ? join(root, ".tmp") : undefined
  )
  // Also for servers that run as somebody else.
  chmodSync(folder, 0o755)
  return folder
}

/** Vitest's `globalSetup`: folders for the run, which go with it. */
export default function setup(): () => void {
  // Node 22 and newer then compile what hundreds of processes load once, which saves an eighth of all time.
  process.env.NODE_COMPILE_CACHE ??= join(root, "node_modules/.cache/compiled")
  const folders = [newFolder("inside"), newFolder("outside")]
  return () => folders.forEach(remove)
}

/** The folder of the run, or of this process where there is none. */
const folderOf = (place: Place): string => {
  const known = process.env[variables[place]]
  if (known !== undefined) return known
  const folder = newFolder(place)
  process.once("exit", () => remove(folder))
  return folder
}

/** Whether nobody else of this run has asked for the name before. */
export const first = (name: string): boolean => {
  try {
    mkdirSync(join(folderOf("inside"), name))
    return true
  } catch {
    return false
  }
}

/** What `make` puts at the path that it is given, made by the first who asks; the others wait for it. */
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
      // What one before has not brought to its end.
      remove(`${path}.new`)
      // It is there when it is whole.
      await make(`${path}.new`)
      renameSync(`${path}.new`, path)
    } finally {
      remove(turn)
    }
  }
  return path
}
