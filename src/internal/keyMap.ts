/**
 * A map for keys that come and go, often the same ones. A key that goes leaves its
 * place vacant, for when it comes again: in a plain `Map` every deletion leaves a
 * gap in the key's chain until the next rehash, so that taking and freeing one key
 * again and again would cost as much as the map is large. At the end of the turn
 * all places go if the last key has gone, and the vacant ones when they are many.
 */
/** So many vacant places are not many. */
const small = 32

export interface Place {
  vacant: boolean
}

export class KeyMap<A extends Place> {
  private readonly places = new Map<string, A>()
  private readonly make: (key: string) => A
  private readonly soon: (task: () => void) => void
  private occupied = 0
  private tidying = false

  /** `soon` runs a task in the next turn. */
  constructor(make: (key: string) => A, soon: (task: () => void) => void) {
    this.make = make
    this.soon = soon
  }

  /** How many places are occupied. */
  get size(): number {
    return this.occupied
  }

  /** The place of a key, vacant or not. It stays until the end of the turn. */
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
    if (this.tidying || !this.isUntidy) return
    this.tidying = true
    this.soon(this.tidy)
  }

  values(): ReadonlyArray<A> {
    return Array.from(this.places.values()).filter(({ vacant }) => !vacant)
  }

  private get isUntidy(): boolean {
    const vacant = this.places.size - this.occupied
    return this.occupied === 0 ? vacant > 0 : vacant >= small && vacant >= this.occupied
  }

  private readonly tidy = (): void => {
    this.tidying = false
    if (!this.isUntidy) return
    if (this.occupied === 0) this.places.clear()
    else for (const [key, { vacant }] of this.places) if (vacant) this.places.delete(key)
  }
}
