/** A key's directory, and the few things that can be done to it, each atomic or of no consequence when cut short. */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { dirname } from "node:path"
import { codeOf, Foreign, works } from "./failure.ts"
import { newPrefix } from "./paths.ts"
import { isLater, parse, type State } from "./state.ts"

export interface Look {
  readonly state: State | undefined
  readonly queue: ReadonlyArray<State>
}

const nothing: Look = { state: undefined, queue: [] }

/** A listing beside a rename may show the old name, the new one, both, or neither; so often in a row it does not. */
const tornListings = 3
const mostListings = 1_000

/** What is in the directory; without a state when there is no such key. */
export const look = (path: string): Look => {
  for (let i = 0; i < mostListings; i++) {
    let names: Array<string>
    try {
      names = fs.readdirSync(path)
    } catch (error) {
      if (codeOf(error) === "ENOENT") return nothing
      throw error
    }
    let state: State | undefined
    let isForeign = false
    const queue: Array<State> = []
    for (const name of names) {
      const found = parse(name)
      if (found === undefined) isForeign = true
      else if (found.tag === "q") queue.push(found)
      else if (state === undefined || isLater(found, state)) state = found
    }
    if (state !== undefined) return { state, queue }
    if (i < tornListings) continue
    if (isForeign) throw new Foreign(path)
    // Whoever was removing it died on the way. Those who wait write their tickets again.
    for (const { name } of queue) take(path, name)
    if (works(() => fs.rmdirSync(path), "ENOTEMPTY", "EEXIST", "ENOENT")) return nothing
  }
  throw new Foreign(path)
}

/** The names of all directories of keys, and of what else there is. */
export const names = (root: string): ReadonlyArray<string> => {
  try {
    return fs.readdirSync(root)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return []
    throw error
  }
}

/** The tickets in the directory, the longest wait first; cheaper than a look where there are none. */
export const tickets = (path: string): ReadonlyArray<State> => {
  const names = fs.readdirSync(path)
  if (names.length < 2) return []
  const found: Array<State> = []
  for (const name of names) {
    const ticket = parse(name)
    if (ticket?.tag === "q") found.push(ticket)
  }
  return found.toSorted((one, other) => one.since - other.since)
}

/** From one state to another: true for one of all who try. */
export const move = (path: string, from: State, to: State): boolean =>
  works(() => fs.renameSync(`${path}/${from.name}`, `${path}/${to.name}`), "ENOENT")

/** Removes a file: true for one of all who try, false when it is not there or cannot be removed. */
export const take = (path: string, name: string): boolean => works(() => fs.unlinkSync(`${path}/${name}`))

/** Makes an empty file: false when there is one, or no directory to put it in, or no room. */
export const put = (path: string, name: string): boolean =>
  works(() => fs.closeSync(fs.openSync(`${path}/${name}`, "wx")))

/** Makes the directory of all locks if it is missing; only its user can look into it. */
export const open = (root: string): void => {
  const make = () => fs.mkdirSync(root, { mode: 0o700 })
  // Not `recursive`, which says ENOENT where the reason is that the file system is read only.
  if (fs.existsSync(root) || works(make, "EEXIST", "ENOENT")) return
  open(dirname(root))
  works(make, "EEXIST")
}

/**
 * Puts a key's directory there with its first state in it, by one rename from
 * where it was made; false when there is one already. An empty one, which its
 * remover has not removed yet, is replaced.
 */
export const create = (root: string, path: string, state: State): boolean => {
  const made = `${root}/${newPrefix}${randomBytes(9).toString("base64url")}`
  for (let isFirst = true;; isFirst = false) {
    try {
      fs.mkdirSync(made)
      fs.closeSync(fs.openSync(`${made}/${state.name}`, "wx"))
      fs.renameSync(made, path)
      return true
    } catch (error) {
      const code = codeOf(error)
      works(() => fs.rmSync(made, { recursive: true, force: true }))
      if (code === "ENOTEMPTY" || code === "EEXIST") return false
      // Somebody has removed the directory of all locks.
      if (code !== "ENOENT" || !isFirst) throw error
      open(root)
    }
  }
}

/** Removes a key's directory that is in this state, and nothing if it is in another. */
export const remove = (path: string, from: State, grave: State): boolean =>
  move(path, from, grave) && take(path, grave.name) && works(() => fs.rmdirSync(path))
