/** A key's directory, and the few things that can be done to it, each atomic or of no consequence when cut short. */
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
  /** Of a shared key. */
  readonly sharers: ReadonlyArray<State>
  /** The names of all lists of sharers, those of earlier states and of later ones included. */
  readonly lists: ReadonlyArray<string>
}

const none: ReadonlyArray<never> = []
const nothing: Look = { state: undefined, queue: none, sharers: none, lists: none }

/** A listing beside a rename may show the old name, the new one, both, or neither; so often in a row it does not. */
const tornListings = 3
/** Never so often. A list may be the state's, so it is not removed before. */
const stateless = 100
const mostListings = 1_000

/** What is in the directory; without a state when there is no such key. */
export const look = (path: string): Look => {
  /** A state that was there when its list was not. */
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
      // Still the same state, and no list: somebody has removed it.
      if (sharers !== undefined || state.name === listless) return { state, queue, lists, sharers: sharers ?? none }
      listless = state.name
      continue
    }
    if (state !== undefined) return { state, queue, lists, sharers: none }
    if (i < tornListings) continue
    if (isForeign) throw new Foreign(path)
    // Whoever was removing it died on the way. Those who wait write their tickets again.
    for (const { name } of queue) take(path, name)
    if (i > stateless) { for (const name of lists) take(path, name) }
    if (works(() => fs.rmdirSync(path), "ENOTEMPTY", "EEXIST", "ENOENT")) return nothing
  }
  throw new Foreign(path)
}

/** Who shares a key in this state; undefined when it is not in it any more. */
const list = (path: string, state: State): ReadonlyArray<State> | undefined => {
  try {
    return Sharers.parse(fs.readFileSync(`${path}/${Sharers.listName(state)}`, "latin1"))
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
}

/** What is in a directory, if it is there. */
export const names = (root: string): ReadonlyArray<string> => {
  try {
    return fs.readdirSync(root)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return []
    throw error
  }
}

/** The tickets among the names in a directory, the longest wait first. */
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

/** The state that gives the key to the token alone, if that is among the names in a directory. */
export const givenAmong = (all: ReadonlyArray<string>, token: string): State | undefined => {
  const given = all.find((name) => name.startsWith("g,") && name.includes(`,${token},`))
  return given === undefined ? undefined : parse(given)
}

/** From one state to another: true for one of all who try. */
export const move = (path: string, from: State, to: State): boolean =>
  works(() => fs.renameSync(`${path}/${from.name}`, `${path}/${to.name}`), "ENOENT")

/** From what was seen to another state, which those share: true for one of all who try. */
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

/** Whether there is a directory to write to. */
const write = (path: string, name: string, text: string): boolean => {
  try {
    return works(() => fs.writeFileSync(`${path}/${name}`, text, { flag: "wx", encoding: "latin1" }), "ENOENT")
  } catch (error) {
    // A disk that is full may have taken a part of it.
    take(path, name)
    throw error
  }
}

/** Removes a file: true for one of all who try, false when it is not there or cannot be removed. */
export const take = (path: string, name: string): boolean => works(() => fs.unlinkSync(`${path}/${name}`))

/** Makes an empty file, unless it is there: false when there is no directory to put it in, no room, or no right to. */
export const put = (path: string, name: string): boolean =>
  works(() => fs.closeSync(fs.openSync(`${path}/${name}`, "w")))

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
export const remove = (
  path: string,
  { lists, state }: Pick<Look, "lists"> & { readonly state: State },
  grave: State
): boolean => advance(path, { lists, state }, grave, none) && take(path, grave.name) && works(() => fs.rmdirSync(path))
