/**
 * Tokens of ours that the server may know, and what is still to be given back of
 * them: what a token may have got after its release, and what could not be released.
 */
import type { Attempt } from "../../LockStore.ts"

/** A token, and the row that it may have, or wait for. */
export interface Place {
  readonly row: string
  readonly key: string
  readonly token: string
}

export interface Known {
  /** Its entry in the queue, empty if it cannot be there. */
  readonly entry: string
  /** It has been in a queue, so that a message about it may still come. */
  readonly waited: boolean
  /** Claims without answer. */
  readonly out: number
  /** It is to be released, so what it is still given has to be given back. */
  readonly released: boolean
  /** It shares its key. */
  readonly shares: boolean
  /** It shares its key, or wants it alone of those who do, which statements cannot decide. */
  readonly edits: boolean
}

export interface Tokens {
  readonly get: (token: string) => Known | undefined
  /** A claim of it goes out. */
  readonly claim: (token: string) => Known
  /** It goes into the queue as `entry`, or has already another one. */
  readonly enqueue: (token: string, entry: () => string) => string
  readonly edit: (token: string, shares: boolean) => void
  /** A claim has been answered, or never will be. */
  readonly answered: (place: Place, attempt: Attempt | undefined) => void
  /** It was given its key without being asked for it. */
  readonly granted: (token: string) => void
  /** It is going to be released. */
  readonly releasing: (token: string) => Known | undefined
  /** It has nothing any more, and waits for nothing. */
  readonly returned: (token: string) => void
  /** It could not be released. */
  readonly owe: (place: Place) => void
  /** What is owed, to be tried once more. */
  readonly debts: () => Iterable<Place>
  readonly forget: (token: string) => void
}

type Mutable = { -readonly [K in keyof Known]: Known[K] }

const none: ReadonlyArray<Place> = []

export const make = (): Tokens => {
  const tokens = new Map<string, Mutable>()
  let owed = new Map<string, Place>()

  const dismiss = (token: string, known: Known): void => {
    if (known.out === 0 && !owed.has(token)) tokens.delete(token)
  }

  return {
    get: (token) => tokens.get(token),
    claim: (token) => {
      let known = tokens.get(token)
      if (known === undefined) {
        tokens.set(token, known = { entry: "", waited: false, out: 0, released: false, shares: false, edits: false })
      }
      known.out++
      return known
    },
    enqueue: (token, entry) => {
      const known = tokens.get(token)!
      if (known.entry === "") known.entry = entry()
      known.waited = true
      return known.entry
    },
    edit: (token, shares) => {
      const known = tokens.get(token)!
      known.edits = true
      known.shares = shares
    },
    answered: (place, attempt) => {
      const { token } = place
      const known = tokens.get(token)
      if (known === undefined) return
      known.out--
      if (attempt?._tag === "Acquired" && known.out === 0) known.entry = ""
      if (known.released) {
        if (attempt?._tag !== "Held" || known.entry !== "") owed.set(token, place)
        else dismiss(token, known)
      } else if (attempt !== undefined && !known.waited && !(known.edits && attempt._tag === "Acquired")) {
        dismiss(token, known)
      }
    },
    granted: (token) => {
      const known = tokens.get(token)
      if (known?.out === 0) known.entry = ""
    },
    releasing: (token) => {
      const known = tokens.get(token)
      if (known !== undefined) known.released = true
      return known
    },
    returned: (token) => {
      owed.delete(token)
      const known = tokens.get(token)
      if (known === undefined) return
      known.released = true
      dismiss(token, known)
    },
    owe: (place) => {
      // Of our own tokens only: nobody wants somebody else's key freed at some later time.
      if (tokens.has(place.token)) owed.set(place.token, place)
    },
    debts: () => {
      if (owed.size === 0) return none
      const debts = owed
      owed = new Map()
      return debts.values()
    },
    forget: (token) => void tokens.delete(token)
  }
}
