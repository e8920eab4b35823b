/**
 * The holders of a shared key. A file name has no room for all of them, so a shared state refers to
 * a list, a file next to it, by its token:
 *
 *     l,<token>    a line for each sharer, as `state.ts` has it
 *
 * A list is written before the rename to the state that refers to it, and is never changed; so the
 * rename of a state is still a compare-and-set on everything it says. A process that changes the
 * state removes all lists that it saw next to the previous one: those are the previous state's, and
 * those of others that wanted to replace it, whose renames can only fail from then on. If a list is
 * missing, its state is no longer current.
 */
import { randomBytes } from "node:crypto"
import type { Share } from "../../LockStore.ts"
import * as Host from "./host.ts"
import * as State from "./state.ts"

const prefix = "l,"

export const isList = (name: string): boolean => name.startsWith(prefix)

/** Of a shared state. */
export const listName = ({ token }: State.State): string => prefix + token

export const print = (sharers: ReadonlyArray<State.State>): string => sharers.map(({ name }) => `${name}\n`).join("")

/** A crash of the host may leave a list empty: then nobody holds the key any more. */
export const parse = (text: string): ReadonlyArray<State.State> =>
  text.split("\n").flatMap((line) => State.parse(line) ?? [])

/** The state for these holders of a shared key. */
export const stateOf = (sharers: ReadonlyArray<State.State>, fence: number, at: number): State.State => {
  const end = Math.max(...sharers.map(({ expires, since }) => since + expires * 1000))
  const token = randomBytes(9).toString("base64url")
  return State.make("s", fence, at, Math.max(0, Math.ceil((end - at) / 1000)), token, Host.self)
}

/** Whether a claim, to share or exclusive, fits in addition to these holders. */
export const fits = (share: Share | undefined, sharers: ReadonlyArray<State.State>): boolean => {
  if (share === undefined || sharers.some((sharer) => sharer.share === undefined)) return sharers.length === 0
  return sharers.reduce((used, sharer) => used + sharer.share!.permits, share.permits) <= share.limit
}
