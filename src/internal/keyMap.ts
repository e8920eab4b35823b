/**
 * A map for keys that come and go, often the same ones. A key that goes leaves its
 * place vacant, for when it comes again: in a plain `Map` every deletion leaves a
 * gap in the key's chain until the next rehash, so that taking and freeing one key
 * again and again would cost as much as the map is large. When the last key has
 * gone all places go, at the end of the turn; before that whenever more of them
 * are vacant than not.
 */
const small = 64

export interface Place {
  vacant: boolean
}

export class KeyMap<A extends Place> {
  private readonly places = new Map<string, A>()
  private readonly make: (key: string) => A
  private occupied = 0
  private clearing = false

  constructor(make: (key: string) => A) {
    this.make = make
  }

  /** How many places are occupied. */
  get size(): number {
    return this.occupied
  }

  /** The place of a key, vacant or not. */
  find(key: string): A | undefined {
    return this.places.get(key)
  }

  /** The place of a key if it is occupied. */
  get(key: string): A | undefined {
    const place = this.places.get(key)
    return place === undefined || place.vacant ? undefined : place
  }

  /** Occupies the place that has been found for the key. */
  occupy(key: string, found: A | undefined): A {
    const place = found ?? this.make(key)
    if (found === undefined) this.places.set(key, place)
    place.vacant = false
    this.occupied++
    return place
  }

  vacate(place: A): void {
    place.vacant = true
    this.occupied--
    if (this.occupied > 0) {
      if (this.places.size > small + 2 * this.occupied) this.compact()
    } else if (!this.clearing) {
      this.clearing = true
      queueMicrotask(this.clear)
    }
  }

  values(): ReadonlyArray<A> {
    return Array.from(this.places.values()).filter(({ vacant }) => !vacant)
  }

  /** Gives up the vacant places. */
  private compact(): void {
    for (const [key, { vacant }] of this.places) if (vacant) this.places.delete(key)
  }

  private readonly clear = (): void => {
    this.clearing = false
    if (this.occupied === 0) this.places.clear()
  }
}
