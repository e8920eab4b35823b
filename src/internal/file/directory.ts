/** A key's directory and its operations, each of which is atomic, or harmless when it is cut short. */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { dirname } from "node:path"
import { codeOf, Foreign, works } from "./failure.ts"
import { newPrefix } from "./paths.ts"
import * as Sharers from "./sharers.ts"
import { isLater, parse, type State } from "./state.ts"

export interface Look {
  readonly state: State | undefined
  readonly queue: ReadonlyArray<State>
  /** The holders of a shared key. */
  readonly sharers: ReadonlyArray<State>
  /** The names of all lists of sharers, also those of earlier and later states. */
  readonly lists: ReadonlyArray<string>
}

const none: ReadonlyArray<never> = []
const nothing: Look = { state: undefined, queue: none, sharers: none, lists: none }

/**
 * A listing during a rename may show the old name, the new one, both, or neither; but not so many
 * times in a row.
 */
const tornListings = 3
/** Never that often. A list may be the state's, so it is not removed before. */
const stateless = 100
const mostListings = 1_000

/** The content of the directory; without a state if there is no such key. */
export const look = (path: string): Look => {
  /** A state whose list was missing. */
  let listless: string | undefined
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
    const lists: Array<string> = []
    for (const name of names) {
      const found = parse(name)
      if (found === undefined) {
        if (Sharers.isList(name)) lists.push(name)
        else isForeign = true
      } else if (found.tag === "q") queue.push(found)
      else if (state === undefined || isLater(found, state)) state = found
    }
    if (state?.tag === "s") {
      const sharers = list(path, state)
      // Still the same state, and no list: somebody has removed the list.
      if (sharers !== undefined || state.name === listless) return { state, queue, lists, sharers: sharers ?? none }
      listless = state.name
      continue
    }
    if (state !== undefined) return { state, queue, lists, sharers: none }
    if (i < tornListings) continue
    if (isForeign) throw new Foreign(path)
    // A process that was removing it died. Waiters write their tickets again.
    for (const { name } of queue) take(path, name)
    if (i > stateless) { for (const name of lists) take(path, name) }
    if (works(() => fs.rmdirSync(path), "ENOTEMPTY", "EEXIST", "ENOENT")) return nothing
  }
  throw new Foreign(path)
}

/** The holders of a key in this shared state; undefined if the state has changed. */
const list = (path: string, state: State): ReadonlyArray<State> | undefined => {
  try {
    return Sharers.parse(fs.readFileSync(`${path}/${Sharers.listName(state)}`, "latin1"))
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
}

/** The names in a directory, if it exists. */
export const names = (root: string): ReadonlyArray<string> => {
  try {
    return fs.readdirSync(root)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return []
    throw error
  }
}

/** The tickets among these names, the longest wait first. */
export const ticketsAmong = (all: ReadonlyArray<string>): ReadonlyArray<State> => {
  if (all.length < 2) return none
  const found: Array<State> = []
  for (const name of all) {
    if (!name.startsWith("q")) continue
    const ticket = parse(name)
    if (ticket !== undefined) found.push(ticket)
  }
  return found.toSorted((one, other) => one.since - other.since)
}

/** The tickets in the directory, the longest wait first; cheaper than a look. */
export const tickets = (path: string): ReadonlyArray<State> => ticketsAmong(names(path))

/** The state that grants the key exclusively to the token, if it is among these names. */
export const givenAmong = (all: ReadonlyArray<string>, token: string): State | undefined => {
  const given = all.find((name) => name.startsWith("g,") && name.includes(`,${token},`))
  return given === undefined ? undefined : parse(given)
}

/** Changes the state: true for exactly one of all that try. */
export const move = (path: string, from: State, to: State): boolean =>
  works(() => fs.renameSync(`${path}/${from.name}`, `${path}/${to.name}`), "ENOENT")

/** Changes the state that was seen to one with these holders: true for exactly one of all that try. */
export const advance = (
  path: string,
  { lists, state }: Pick<Look, "lists"> & { readonly state: State },
  to: State,
  sharers: ReadonlyArray<State>
): boolean => {
  const list = to.tag === "s" ? Sharers.listName(to) : undefined
  if (list !== undefined && !write(path, list, Sharers.print(sharers))) return false
  if (!move(path, state, to)) {
    if (list !== undefined) take(path, list)
    return false
  }
  for (const name of lists) take(path, name)
  return true
}

/** Creates the list; false if there is no directory. */
const write = (path: string, name: string, text: string): boolean => {
  try {
    return works(() => fs.writeFileSync(`${path}/${name}`, text, { flag: "wx", encoding: "latin1" }), "ENOENT")
  } catch (error) {
    // A full disk may have taken a part of it.
    take(path, name)
    throw error
  }
}

/**
 * Removes a file: true for exactly one of all that try, false if it does not exist or cannot be
 * removed.
 */
export const take = (path: string, name: string): boolean => works(() => fs.unlinkSync(`${path}/${name}`))

/**
 * Creates an empty file, unless it exists; false if there is no directory, no space, or no
 * permission.
 */
export const put = (path: string, name: string): boolean =>
  works(() => fs.closeSync(fs.openSync(`${path}/${name}`, "w")))

/** Creates the directory of all locks if it is missing, for its user only. */
export const open = (root: string): void => {
  const make = () => fs.mkdirSync(root, { mode: 0o700 })
  // Not `recursive`, which says ENOENT where the reason is that the file system is read only.
  if (fs.existsSync(root) || works(make, "EEXIST", "ENOENT")) return
  open(dirname(root))
  works(make, "EEXIST")
}

/**
 * Creates a key's directory with its first state in it, by one rename from a temporary name; false
 * if there already is one. An empty one, which is just being removed, is replaced.
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

/** Removes a key's directory if it is in this state. */
export const remove = (
  path: string,
  { lists, state }: Pick<Look, "lists"> & { readonly state: State },
  grave: State
): boolean => advance(path, { lists, state }, grave, none) && take(path, grave.name) && works(() => fs.rmdirSync(path))
