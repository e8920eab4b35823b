/**
 * Our tokens that the server may know, and the releases to retry: those that failed, and those of
 * tokens that may have got their key after their release.
 */
import type { Attempt } from "../../LockStore.ts"

/** A token, and the row that it may hold or wait for. */
export interface Place {
  readonly row: string
  readonly key: string
  readonly token: string
}

export interface Known {
  /** Its entry in the queue; empty if it cannot be in the queue. */
  readonly entry: string
  /** It has been in a queue, so a message about it may still come. */
  readonly waited: boolean
  /** The claims in flight. */
  readonly out: number
  /** It is to be released, so whatever a late claim of it gets has to be released. */
  readonly released: boolean
  /** It shares its key. */
  readonly shares: boolean
  /**
   * It shares its key, or wants a shared key exclusively, which the simple statements cannot
   * decide.
   */
  readonly edits: boolean
}

export interface Tokens {
  readonly get: (token: string) => Known | undefined
  /** A claim of it is sent. */
  readonly claim: (token: string) => Known
  /** It joins the queue as `entry`, unless it already has an entry. */
  readonly enqueue: (token: string, entry: () => string) => string
  readonly edit: (token: string, shares: boolean) => void
  /** A claim has been answered, or never will be. */
  readonly answered: (place: Place, attempt: Attempt | undefined) => void
  /** It was granted its key by a release. */
  readonly granted: (token: string) => void
  /** It is going to be released. */
  readonly releasing: (token: string) => Known | undefined
  /** Its release is confirmed. */
  readonly released: (token: string) => void
  /** It could not be released. */
  readonly owe: (place: Place) => void
  /** The failed releases, which the caller now retries. */
  readonly takeDebts: () => Iterable<Place>
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
    released: (token) => {
      owed.delete(token)
      const known = tokens.get(token)
      if (known === undefined) return
      known.released = true
      dismiss(token, known)
    },
    owe: (place) => {
      // Only for our own tokens: somebody else's key must not be freed at some later time.
      if (tokens.has(place.token)) owed.set(place.token, place)
    },
    takeDebts: () => {
      if (owed.size === 0) return none
      const debts = owed
      owed = new Map()
      return debts.values()
    },
    forget: (token) => void tokens.delete(token)
  }
}
