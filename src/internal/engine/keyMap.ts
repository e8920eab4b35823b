/**
 * A map for keys that come and go, often the same ones. A removed key leaves its place vacant for when it comes
 * again: in a plain `Map` every deletion leaves a gap in the key's chain until the next rehash, so that taking and
 * freeing one key again and again would cost as much as the map is large. Vacant places are removed at the end of
 * the turn when they are many, and all of them once the map has been empty for a turn.
 */
/** Fewer vacant places than this are kept. */
const small = 32

/** More than this are removed even where keys come and go all the time. */
const large = 4_096

export interface Place {
  vacant: boolean
}

export interface KeyMap<A extends Place> {
  /** The place of a key, vacant or not. It stays valid until the end of the turn. */
  readonly find: (key: string) => A | undefined
  /** The place of a key if it is occupied. */
  readonly get: (key: string) => A | undefined
  /** Occupies the place that `find` has returned for the key, or a new one. */
  readonly occupy: (key: string, found: A | undefined) => A
  readonly vacate: (place: A) => void
  /** Replaces the place of a key, which stays occupied. */
  readonly replace: (key: string, place: A) => void
  readonly values: () => ReadonlyArray<A>
  /** The number of occupied places. */
  readonly size: () => number
}

/** `soon` runs a task in the next turn. */
export const make = <A extends Place>(makePlace: (key: string) => A, soon: (task: () => void) => void): KeyMap<A> => {
  // Replaced instead of cleared: see `PassingMap`.
  let places = new Map<string, A>()
  let occupied = 0
  let tidying = false
  let isBusy = false

  const isUntidy = (): boolean => {
    const vacant = places.size - occupied
    return occupied === 0 ? vacant > 0 : vacant >= small && vacant >= occupied
  }

  const tidy = (): void => {
    if (isBusy && occupied === 0 && places.size < large) {
      isBusy = false
      return soon(tidy)
    }
    tidying = false
    if (!isUntidy()) return
    const kept = new Map<string, A>()
    // Not `for`, which allocates an array for each entry.
    if (occupied > 0) places.forEach((place, key) => place.vacant || kept.set(key, place))
    places = kept
  }

  return {
    find: (key) => places.get(key),
    get: (key) => {
      const place = places.get(key)
      return place?.vacant === false ? place : undefined
    },
    occupy: (key, found) => {
      const place = found ?? makePlace(key)
      if (found === undefined) places.set(key, place)
      isBusy = true
      if (place.vacant) occupied++
      place.vacant = false
      return place
    },
    vacate: (place) => {
      place.vacant = true
      occupied--
      if (tidying || !isUntidy()) return
      tidying = true
      isBusy = false
      soon(tidy)
    },
    replace: (key, place) => {
      places.set(key, place)
    },
    values: () => Array.from(places.values()).filter(({ vacant }) => !vacant),
    size: () => occupied
  }
}
